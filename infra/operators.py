"""What operators and pipelines may do: all that `graasp state` and `graasp release` ask for, and nothing else.

The policy is theirs; to whom it is given (people, pipelines by OIDC) is decided where those are.
"""

from pathlib import Path

from cdktn import TerraformOutput, TerraformStack
from cdktn_provider_aws.iam_policy import IamPolicy

from graasp.deployment import aws
from infra.environments import Environment
from infra.permissions import document, statements_of
from infra.registries import Registries


def operators(stack: TerraformStack, environment: Environment, registries: Registries) -> None:
    template = Path(aws.__file__).with_name("operator_policy.json")
    policy = IamPolicy(
        stack,
        "operator",
        name=f"{environment.names.cluster}-operator",
        description="What graasp state and graasp release ask for.",
        policy=document(statements_of(template, environment, registries.account)),
    )
    TerraformOutput(stack, "operator_policy", value=policy.arn)
