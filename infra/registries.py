"""Where images are kept: a tag, once given, stays with its image."""

import json

from cdktn import TerraformStack
from cdktn_provider_aws.data_aws_caller_identity import DataAwsCallerIdentity
from cdktn_provider_aws.ecr_lifecycle_policy import EcrLifecyclePolicy
from cdktn_provider_aws.ecr_repository import (
    EcrRepository,
    EcrRepositoryEncryptionConfiguration,
    EcrRepositoryImageScanningConfiguration,
)

from graasp.deployment.aws_names import REPOSITORY

WEB = "graasp/admin"
LIBRARY = "graasp/explore"
ETHERPAD = "graasp/etherpad"
# Enough to go back to any release of the last months.
_KEPT = 100


class Registries:
    def __init__(self, stack: TerraformStack) -> None:
        self._made = {
            name: EcrRepository(
                stack,
                f"images_{name.replace('/', '_')}",
                name=name,
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration=EcrRepositoryImageScanningConfiguration(scan_on_push=True),
                encryption_configuration=[EcrRepositoryEncryptionConfiguration(encryption_type="AES256")],
            )
            for name in (REPOSITORY, WEB, LIBRARY, ETHERPAD)
        }
        for name, repository in self._made.items():
            EcrLifecyclePolicy(
                stack,
                f"images_{name.replace('/', '_')}_kept",
                repository=repository.name,
                policy=json.dumps({"rules": [_untagged(), _old(3 * _KEPT if name == REPOSITORY else _KEPT)]}),
            )
        self.arns = [repository.arn for repository in self._made.values()]
        self.account = DataAwsCallerIdentity(stack, "account").account_id

    def image(self, repository: str, tag: str) -> str:
        return f"{self._made[repository].repository_url}:{tag}"


def _untagged() -> dict[str, object]:
    return {
        "rulePriority": 1,
        "description": "What has no tag is the remains of a build.",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": 7,
        },
        "action": {"type": "expire"},
    }


def _old(kept: int) -> dict[str, object]:
    return {
        "rulePriority": 2,
        "description": "The newest are kept.",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": kept},
        "action": {"type": "expire"},
    }
