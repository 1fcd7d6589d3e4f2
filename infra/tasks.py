"""Task definitions: what runs in a task, with what, and what it may do."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cdktn import TerraformStack
from cdktn_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktn_provider_aws.ecs_task_definition import (
    EcsTaskDefinition,
    EcsTaskDefinitionEphemeralStorage,
    EcsTaskDefinitionRuntimePlatform,
)

from infra.environments import Environment, Size
from infra.permissions import Statement, allow, role_of
from infra.registries import Registries
from infra.secrets import Reference

_LOGS_DAYS = 30
# What an operator needs to look into a task that runs: `aws ecs execute-command`.
_SESSION = allow(
    [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ],
    "*",
)


@dataclass(frozen=True)
class Health:
    """How a container tells that it is well: a command; seconds."""

    command: Sequence[str]
    start_s: int = 60
    interval_s: int = 15
    timeout_s: int = 5
    retries: int = 3


@dataclass(frozen=True)
class Container:
    name: str
    image: str
    port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Reference] = field(default_factory=dict)
    entry_point: Sequence[str] | None = None
    command: Sequence[str] | None = None
    health: Health | None = None
    stop_s: int = 30
    # The task ends with it.
    essential: bool = True


@dataclass(frozen=True)
class Family:
    """`permissions`: of what runs in it; with `sessions`, operators may open one in it."""

    name: str
    containers: Sequence[Container]
    size: Size
    arm: bool = True
    permissions: Sequence[Statement] = ()
    sessions: bool = False
    storage_gib: int | None = None
    logs_days: int = _LOGS_DAYS


class TaskDefinitions:
    """Each family has an execution role of its own: it reads the secrets of that family, and no others."""

    def __init__(self, stack: TerraformStack, environment: Environment, registries: Registries) -> None:
        self._stack = stack
        self._environment = environment
        self._registries = registries
        self.roles: dict[str, list[str]] = {}

    def define(self, family: Family) -> EcsTaskDefinition:
        groups = {
            container.name: self._log_group(container.name, family.logs_days)
            for container in family.containers
        }
        execution = self._execution_role(family, groups)
        task = self._task_role(family)
        self.roles[family.name] = [execution, *([task] if task else [])]
        definitions = [self._described(container, groups[container.name]) for container in family.containers]
        return EcsTaskDefinition(
            self._stack,
            f"task_{family.name}",
            family=family.name,
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(family.size.cpu),
            memory=str(family.size.memory),
            runtime_platform=EcsTaskDefinitionRuntimePlatform(
                cpu_architecture="ARM64" if family.arm else "X86_64", operating_system_family="LINUX"
            ),
            ephemeral_storage=EcsTaskDefinitionEphemeralStorage(size_in_gib=family.storage_gib)
            if family.storage_gib
            else None,
            execution_role_arn=execution,
            task_role_arn=task,
            container_definitions=json.dumps(definitions, sort_keys=True),
            # What a release was started with stays there to go back to.
            skip_destroy=True,
        )

    def _described(self, container: Container, group: CloudwatchLogGroup) -> dict[str, Any]:
        described: dict[str, Any] = {
            "name": container.name,
            "image": container.image,
            "essential": container.essential,
            "environment": [
                {"name": name, "value": value} for name, value in sorted(container.environment.items())
            ],
            "secrets": [
                {"name": name, "valueFrom": reference.value_from}
                for name, reference in sorted(container.secrets.items())
            ],
            "stopTimeout": container.stop_s,
            # Reaps children, and passes signals on.
            "linuxParameters": {"initProcessEnabled": True},
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": group.name,
                    "awslogs-region": self._environment.region,
                    "awslogs-stream-prefix": "ecs",
                },
            },
        }
        if container.port:
            described["portMappings"] = [{"containerPort": container.port, "protocol": "tcp"}]
        if container.entry_point is not None:
            described["entryPoint"] = list(container.entry_point)
        if container.command is not None:
            described["command"] = list(container.command)
        if health := container.health:
            described["healthCheck"] = {
                "command": list(health.command),
                "startPeriod": health.start_s,
                "interval": health.interval_s,
                "timeout": health.timeout_s,
                "retries": health.retries,
            }
        return described

    def _log_group(self, container: str, days: int) -> CloudwatchLogGroup:
        return CloudwatchLogGroup(
            self._stack, f"log_{container}", name=f"/ecs/{container}", retention_in_days=days
        )

    def _execution_role(self, family: Family, groups: Mapping[str, CloudwatchLogGroup]) -> str:
        secrets = sorted(
            {reference.secret for container in family.containers for reference in container.secrets.values()}
        )
        statements = [
            allow(["ecr:GetAuthorizationToken"], "*"),
            allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                *self._registries.arns,
            ),
            allow(
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                *(f"{group.arn}:*" for group in groups.values()),
            ),
        ]
        if secrets:
            statements.append(allow(["secretsmanager:GetSecretValue"], *secrets))
        return self._role(family, "execution", statements)

    def _task_role(self, family: Family) -> str | None:
        statements = [*family.permissions, *([_SESSION] if family.sessions else [])]
        return self._role(family, "task", statements) if statements else None

    def _role(self, family: Family, kind: str, statements: Sequence[Statement]) -> str:
        return role_of(
            self._stack,
            f"{family.name}_{kind}",
            f"graasp-{self._environment.name}-{family.name}-{kind}",
            "ecs-tasks.amazonaws.com",
            statements,
            # Only for tasks of this account.
            {"StringEquals": {"aws:SourceAccount": self._registries.account}},
        ).arn
