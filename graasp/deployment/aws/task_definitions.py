"""Versions: which image a task definition names. Every other part of it belongs to the cloud stack."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from graasp.deployment.aws.clients import Clients, code_of
from graasp.deployment.aws_names import CONTAINERS, MIGRATE_FAMILY, SERVICES, Container
from graasp.deployment.driver import Report, StepFailed
from graasp.deployment.states import Service

# The families of our own images.
VERSIONED_FAMILIES = (SERVICES[Service.CORE], SERVICES[Service.WORKERS], MIGRATE_FAMILY)

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Given to another image every day.
_MOVING = frozenset({"latest", "nightly"})
_PRIVATE_REGISTRY = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<repository>[^:@]+)"
)


class Image(NamedTuple):
    """`name` is what stands before the tag."""

    name: str
    tag: str | None

    @classmethod
    def parse(cls, reference: str) -> "Image":
        reference = reference.partition("@")[0]
        name, colon, tag = reference.rpartition(":")
        # A colon before the last slash is a port's.
        return cls(name, tag) if colon and "/" not in tag else cls(reference, None)

    def __str__(self) -> str:
        return self.name if self.tag is None else f"{self.name}:{self.tag}"


class TaskDefinitions:
    """The newest revision of a family is the one that is started and run."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def newest(self, family: str) -> str:
        """Its ARN. Raises StepFailed when there is none."""
        return str(self._described(family)["taskDefinition"]["taskDefinitionArn"])

    def version(self, task_definition: str) -> str | None:
        """The version of our image in it; None when its tag is none of ours."""
        definition = self._described(task_definition)["taskDefinition"]
        container = CONTAINERS[definition["family"]]
        tag = _image_of(definition, container).tag or ""
        prefix = f"{container.image}-"
        return tag.removeprefix(prefix) if container.image and tag.startswith(prefix) else None

    def deploy(self, version: str, report: Report) -> None:
        """Register a revision with the images of the version for each family of ours that has another.

        Nothing is registered unless every image is there. Raises StepFailed.
        """
        if not _VERSION.fullmatch(version) or version in _MOVING:
            raise StepFailed(f"{version!r} is not a version: its images may change, or could never be.")
        described = {family: self._described(family) for family in VERSIONED_FAMILIES}
        images = {
            family: _image_of(found["taskDefinition"], CONTAINERS[family])._replace(
                tag=CONTAINERS[family].tag(version)
            )
            for family, found in described.items()
        }
        self._refuse_missing(images.values())
        for family, found in described.items():
            revision = self._register(family, found, images[family])
            report(f"{family}: {images[family].tag} ({revision})")

    def _register(self, family: str, found: Mapping[str, Any], image: Image) -> str:
        """The name and number of the revision that has the image, registered unless the newest has it already."""
        newest = found["taskDefinition"]
        container = CONTAINERS[family]
        if _image_of(newest, container) == image:
            return f"{family}:{newest['revision']}"
        accepted = self._clients.ecs.meta.service_model.operation_model(
            "RegisterTaskDefinition"
        ).input_shape.members
        definition = {key: value for key, value in newest.items() if key in accepted}
        definition["containerDefinitions"] = [
            {**each, "image": str(image)} if each["name"] == container.name else each
            for each in newest["containerDefinitions"]
        ]
        if tags := found.get("tags"):
            definition["tags"] = tags
        registered = self._clients.ecs.register_task_definition(**definition)["taskDefinition"]
        return f"{family}:{registered['revision']}"

    def _described(self, task_definition: str) -> Mapping[str, Any]:
        try:
            return dict(
                self._clients.ecs.describe_task_definition(taskDefinition=task_definition, include=["TAGS"])
            )
        except ClientError as error:
            if code_of(error) == "ClientException":
                raise StepFailed(
                    f"There is no task definition {task_definition}: apply the cloud stack."
                ) from error
            raise

    def _refuse_missing(self, images: Iterable[Image]) -> None:
        if missing := [str(image) for image in images if not self._exists(image)]:
            raise StepFailed(f"Not in the registry: {', '.join(missing)}. Nothing was changed.")

    def _exists(self, image: Image) -> bool:
        private = _PRIVATE_REGISTRY.fullmatch(image.name)
        if private is None:
            # A registry that can't be asked here; a task that can't pull its image says so when it starts.
            return True
        registry = self._clients.registry(private["region"])
        try:
            registry.describe_images(
                registryId=private["account"],
                repositoryName=private["repository"],
                imageIds=[{"imageTag": image.tag}],
            )
        except ClientError as error:
            if code_of(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
                return False
            raise
        return True


def container_of(definition: Mapping[str, Any], container: Container) -> Mapping[str, Any]:
    """Its definition. Raises StepFailed when the task definition has none of that name."""
    for each in definition["containerDefinitions"]:
        if each["name"] == container.name:
            return dict(each)
    raise StepFailed(
        f"The task definition {definition['taskDefinitionArn']} has no container {container.name}."
    )


def _image_of(definition: Mapping[str, Any], container: Container) -> Image:
    return Image.parse(container_of(definition, container)["image"])
