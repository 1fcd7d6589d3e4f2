"""One-off tasks: the migration, the smoke test, what is asked of a core from within the network."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from graasp.deployment.aws.clients import Clients, code_of
from graasp.deployment.aws.patience import Patience
from graasp.deployment.aws.task_definitions import container_of
from graasp.deployment.aws_names import CONTAINERS, AwsNames
from graasp.deployment.driver import Report, StepFailed

_STARTED_BY = "graasp-state"
# The newest lines of a task that wrote more.
_LOG_LINES = 10_000


class TaskEnd(NamedTuple):
    exit_code: int
    log: str


class OneOffTasks:
    def __init__(self, clients: Clients, names: AwsNames, patience: Patience) -> None:
        self._clients = clients
        self._names = names
        self._patience = patience

    def running(self, family: str) -> tuple[str, ...]:
        """Tasks of the family that have not ended, those of services included."""
        pages = self._clients.ecs.get_paginator("list_tasks").paginate(
            cluster=self._names.cluster, family=family, desiredStatus="RUNNING"
        )
        return tuple(arn for page in pages for arn in page["taskArns"])

    def run(
        self,
        family: str,
        network: Mapping[str, Any],
        command: Sequence[str],
        limit_s: float,
        report: Report,
    ) -> TaskEnd:
        """Run the newest revision once, and wait for its end; an empty command is the image's own.

        Raises StepFailed when its container could not even start, and when it takes longer: it is left running then.
        """
        container = CONTAINERS[family]
        definition = self._clients.ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
        logging = container_of(definition, container).get("logConfiguration", {}).get("options", {})
        override = {"name": container.name, **({"command": list(command)} if command else {})}
        task = self._start(definition["taskDefinitionArn"], network, override)
        report(
            f"task {_id(task)} of {definition['family']}:{definition['revision']}, log {container.log_group}"
        )
        ended = self._patience.until(
            lambda: self._ended(task), limit_s, lambda: f"The task {_id(task)} of {family} has not ended"
        )
        exit_code = next(
            (each.get("exitCode") for each in ended["containers"] if each["name"] == container.name), None
        )
        if exit_code is None:
            raise StepFailed(f"The task {_id(task)} of {family} did not run: {_why(ended)}")
        return TaskEnd(exit_code, self._log(logging, container.name, task))

    def _start(self, definition: str, network: Mapping[str, Any], override: Mapping[str, Any]) -> str:
        answer = self._clients.ecs.run_task(
            cluster=self._names.cluster,
            taskDefinition=definition,
            count=1,
            # Not the cluster's own strategy: a migration on a spot machine may be taken away half-way.
            launchType="FARGATE",
            networkConfiguration=network,
            overrides={"containerOverrides": [override]},
            startedBy=_STARTED_BY,
        )
        if not answer["tasks"]:
            reasons = ", ".join(str(failure.get("reason")) for failure in answer.get("failures", []))
            raise StepFailed(f"No task of {definition} could be started: {reasons}")
        return str(answer["tasks"][0]["taskArn"])

    def _ended(self, task: str) -> Mapping[str, Any] | None:
        found = self._clients.ecs.describe_tasks(cluster=self._names.cluster, tasks=[task])["tasks"]
        if not found:
            # Just started ones may not be seen yet.
            return None
        return dict(found[0]) if found[0]["lastStatus"] == "STOPPED" else None

    def _log(self, logging: Mapping[str, str], container: str, task: str) -> str:
        """What it wrote; waits a little, since the last lines come after the end."""
        if "awslogs-group" not in logging:
            return ""
        group = logging["awslogs-group"]
        stream = f"{logging.get('awslogs-stream-prefix', 'ecs')}/{container}/{_id(task)}"
        before: list[str] = []

        def settled() -> list[str] | None:
            nonlocal before
            lines, before = before, self._lines(group, stream)
            return lines if lines and lines == before else None

        try:
            return "\n".join(
                self._patience.until(settled, self._patience.logs_s, lambda: "Nothing was written")
            )
        except StepFailed:
            return "\n".join(before)

    def _lines(self, group: str, stream: str) -> list[str]:
        lines: list[str] = []
        token: dict[str, str] = {}
        while True:
            try:
                page = self._clients.logs.get_log_events(
                    logGroupName=group, logStreamName=stream, startFromHead=True, **token
                )
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return lines
                raise
            lines = [*lines, *(event["message"] for event in page["events"])][-_LOG_LINES:]
            # At the end, the token stays the same.
            if page["nextForwardToken"] == token.get("nextToken"):
                return lines
            token = {"nextToken": page["nextForwardToken"]}


def _id(task: str) -> str:
    return task.rpartition("/")[2]


def _why(task: Mapping[str, Any]) -> str:
    reasons = [task.get("stoppedReason"), *(each.get("reason") for each in task["containers"])]
    return "; ".join(reason for reason in reasons if reason) or "no reason was given"
