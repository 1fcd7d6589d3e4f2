"""Roles, and what they may do."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from cdktn import TerraformStack
from cdktn_provider_aws.iam_role import IamRole
from cdktn_provider_aws.iam_role_policy import IamRolePolicy

from infra.environments import Environment

Statement = Mapping[str, Any]


def allow(actions: Sequence[str], *resources: str, **others: Any) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources), **others}


def document(statements: Sequence[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statements_of(template: Path, environment: Environment, account: str) -> list[Statement]:
    """Of a policy in a file, in which region, account and environment are left open."""
    text = Template(template.read_text()).substitute(
        region=environment.region, account=account, environment=environment.name
    )
    return list(json.loads(text)["Statement"])


def role_of(
    stack: TerraformStack,
    identifier: str,
    name: str,
    service: str,
    statements: Sequence[Statement] = (),
    condition: Mapping[str, Any] | None = None,
) -> IamRole:
    """A role that an AWS service takes on."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        **({"Condition": condition} if condition else {}),
    }
    role = IamRole(stack, f"{identifier}_role", name=name, assume_role_policy=document([trust]))
    if statements:
        IamRolePolicy(
            stack, f"{identifier}_permissions", name=name, role=role.id, policy=document(statements)
        )
    return role
