"""What the stack is for Terraform, to be asked in tests."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Resource = Mapping[str, Any]

DOMAINS = {"dev": "dev.graasp.org", "staging": "staging.graasp.org", "prod": "graasp.org"}


class Condition(NamedTuple):
    host: str
    path: str | None
    header: bool


class Rule(NamedTuple):
    priority: int
    condition: Condition
    action: Mapping[str, Any]
    rewrites: bool
    tags: Mapping[str, str]
    lifecycle: Mapping[str, Any]


class Synthesised:
    """One environment, made in one state."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "cdk.tf.json"
        self.text = self.file.read_text()
        self.document = json.loads(self.text)

    def all(self, kind: str) -> dict[str, Resource]:
        """By the names that they have in the stack."""
        return dict(self.document["resource"][kind])

    def only(self, kind: str) -> Resource:
        [resource] = self.all(kind).values()
        return resource

    def resources(self) -> Iterator[tuple[str, str, Resource]]:
        for kind, named in self.document["resource"].items():
            for name, resource in named.items():
                yield kind, name, resource

    @property
    def environment(self) -> str:
        return str(self.only("aws_ecs_cluster")["name"].removeprefix("graasp-"))

    @property
    def domain(self) -> str:
        return DOMAINS[self.environment]

    @property
    def services(self) -> dict[str, Resource]:
        return {service["name"]: service for service in self.all("aws_ecs_service").values()}

    @property
    def counts(self) -> dict[str, int]:
        return {name: service["desired_count"] for name, service in self.services.items()}

    @property
    def families(self) -> dict[str, Resource]:
        return {task["family"]: task for task in self.all("aws_ecs_task_definition").values()}

    def containers(self, family: str) -> dict[str, Mapping[str, Any]]:
        found = json.loads(self.families[family]["container_definitions"])
        return {container["name"]: container for container in found}

    @property
    def rules(self) -> list[Rule]:
        """Of the listener for HTTPS, in their order."""
        found = [_rule(rule) for rule in self.all("aws_lb_listener_rule").values()]
        return sorted(found, key=lambda rule: rule.priority)


def _rule(resource: Resource) -> Rule:
    asked: dict[str, Any] = {}
    for condition in resource["condition"]:
        asked |= condition
    [host] = asked["host_header"]["values"]
    [path] = asked.get("path_pattern", {"values": [None]})["values"]
    if "http_header" in asked:
        assert asked["http_header"] == {
            "http_header_name": "${var.maintenance_header_name}",
            "values": ["${var.maintenance_header_secret}"],
        }
    [action] = resource["action"]
    return Rule(
        resource["priority"],
        Condition(host, path, "http_header" in asked),
        action,
        "transform" in resource,
        resource["tags"],
        resource.get("lifecycle", {}),
    )


def referred_to(text: str) -> str:
    """The name of the resource that `${kind.name.attribute}` is about."""
    found = re.fullmatch(r"\$\{\w+\.([\w-]+)\.\w+\}", text)
    assert found, text
    return found[1]
