"""The services of the cluster: how many of each run, which version, and whether they answer."""

from collections.abc import Collection, Mapping
from typing import Any

from botocore.exceptions import ClientError

from graasp.deployment.aws.clients import Clients, code_of
from graasp.deployment.aws.patience import Patience
from graasp.deployment.aws.task_definitions import VERSIONED_FAMILIES, TaskDefinitions
from graasp.deployment.aws_names import SERVICES, AwsNames
from graasp.deployment.driver import Report, ServiceStatus, StepFailed
from graasp.deployment.states import Service

_ON_ECS = "ecs"
_DESIRED_COUNT = "ecs:service:DesiredCount"
_SUSPENDED = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")

Described = Mapping[str, Any]


class Services:
    def __init__(
        self, clients: Clients, names: AwsNames, definitions: TaskDefinitions, patience: Patience
    ) -> None:
        self._clients = clients
        self._names = names
        self._definitions = definitions
        self._patience = patience

    def described(self) -> dict[Service, Described]:
        """Those that the cluster has. Raises StepFailed when there is no cluster."""
        by_name = {name: service for service, name in SERVICES.items()}
        try:
            found = self._clients.ecs.describe_services(
                cluster=self._names.cluster, services=list(SERVICES.values())
            )
        except ClientError as error:
            if code_of(error) == "ClusterNotFoundException":
                raise StepFailed(
                    f"There is no cluster {self._names.cluster} in this account and region."
                ) from error
            raise
        return {
            by_name[service["serviceName"]]: service
            for service in found["services"]
            if service["status"] == "ACTIVE"
        }

    def status(self, described: Described) -> ServiceStatus:
        running = int(described["runningCount"])
        # What the load balancer does not ask has no other sign of life here than that ECS keeps it.
        return ServiceStatus(running, min([running, *self._healthy_targets(described)]))

    def network(self, service: Service) -> Mapping[str, Any]:
        """Where its tasks are, as one-off tasks take it."""
        return dict(self._get(service)["networkConfiguration"])

    def version(self, described: Described) -> str | None:
        """The version that it is set to run."""
        return self._definitions.version(
            _primary(described).get("taskDefinition", described["taskDefinition"])
        )

    def scale(self, counts: Mapping[Service, int], report: Report) -> None:
        """Start what is named with a count, Redis first, and stop what is named with none, Redis last.

        Returns when what was to be stopped has no task any more.
        """
        stopping = [service for service, count in counts.items() if not count]
        last = [service for service in stopping if service == Service.REDIS]
        self._stop([service for service in stopping if service not in last], report)
        self._stop(last, report)
        for service in sorted(counts, key=lambda service: service != Service.REDIS):
            if count := counts[service]:
                self._start(service, count, report)

    def await_health(self, counts: Mapping[Service, int], report: Report) -> None:
        """Return once that many of each answer, by the newest that was rolled out. Raises StepFailed."""
        waiting = dict(counts)

        def all_answer() -> bool | None:
            described = self.described()
            for service, count in list(waiting.items()):
                if self._settled(described[service], count):
                    report(f"{service} answers")
                    del waiting[service]
            return not waiting or None

        self._patience.until(
            all_answer, self._patience.services_s, lambda: f"Not answering: {_names(waiting)}"
        )

    def roll_out(self, service: Service, report: Report) -> None:
        """Replace its tasks by ones of the newest revision; returns when those answer, and no others are left."""
        described = self._get(service)
        if not described["desiredCount"]:
            return
        newest = self._definitions.newest(SERVICES[service])
        if _primary(described).get("taskDefinition") != newest:
            self._update(service, taskDefinition=newest)
        report(f"{service} is being replaced")
        self.await_health({service: described["desiredCount"]}, report)

    def _start(self, service: Service, count: int, report: Report) -> None:
        described = self._get(service)
        desired = described["desiredCount"]
        if not desired:
            # A new deployment, even of the same revision: ECS then tells whether it succeeded.
            family = SERVICES[service]
            newest = (
                {"taskDefinition": self._definitions.newest(family)} if family in VERSIONED_FAMILIES else {}
            )
            self._update(service, desiredCount=count, forceNewDeployment=True, **newest)
            report(f"{service}: {count} started")
        elif desired < count or (desired > count and not self._scalable(service)):
            self._update(service, desiredCount=count)
            report(f"{service}: {count} instead of {desired}")
        self._let_it_scale(service, count)

    def _stop(self, services: Collection[Service], report: Report) -> None:
        for service in services:
            if self._scalable(service):
                self._register(service, suspended=True)
            if self._get(service)["desiredCount"]:
                self._update(service, desiredCount=0)
                report(f"{service} is being stopped")
        self._await_stopped(services)

    def _await_stopped(self, services: Collection[Service]) -> None:
        left: list[Service] = list(services)

        def none_left() -> bool | None:
            described = self.described()
            left[:] = [
                service
                for service in left
                if described[service]["runningCount"] or described[service]["pendingCount"]
            ]
            return not left or None

        if left:
            self._patience.until(
                none_left, self._patience.services_s, lambda: f"Still running: {_names(left)}"
            )

    def _settled(self, described: Described, count: int) -> bool:
        if reason := self._failure(described):
            events = [event["message"] for event in described.get("events", [])[:3]]
            raise StepFailed("\n".join([f"{described['serviceName']} did not start: {reason}", *events]))
        primary = _primary(described)
        return (
            primary.get("rolloutState", "COMPLETED") == "COMPLETED"
            and len(described["deployments"]) <= 1
            and self.status(described).ready >= count
        )

    def _failure(self, described: Described) -> str | None:
        """Why the newest roll-out has failed, if it has: ECS itself may have gone back to the one before."""
        primary = _primary(described)
        if primary.get("rolloutState") == "FAILED":
            return str(primary.get("rolloutStateReason", "its deployment failed"))
        family = described["serviceName"]
        for deployment in described["deployments"]:
            if (
                deployment.get("rolloutState") == "FAILED"
                and family in VERSIONED_FAMILIES
                and deployment["taskDefinition"] == self._definitions.newest(family)
                and primary["taskDefinition"] != deployment["taskDefinition"]
            ):
                return f"{deployment.get('rolloutStateReason')} ECS has gone back to {primary['taskDefinition']}."
        return None

    def _healthy_targets(self, described: Described) -> list[int]:
        """Of each target group."""
        groups = [
            group["targetGroupArn"]
            for group in described.get("loadBalancers", [])
            if "targetGroupArn" in group
        ]
        return [self._healthy(group) for group in groups]

    def _healthy(self, group: str) -> int:
        health = self._clients.load_balancing.describe_target_health(TargetGroupArn=group)
        return sum(
            target["TargetHealth"]["State"] == "healthy" for target in health["TargetHealthDescriptions"]
        )

    def _let_it_scale(self, service: Service, count: int) -> None:
        """From that many upwards, where the cloud stack lets it scale at all."""
        target = self._scalable(service)
        if target is not None and (target["MinCapacity"] != count or _is_suspended(target)):
            self._register(service, suspended=False, MinCapacity=count)

    def _scalable(self, service: Service) -> Mapping[str, Any] | None:
        found = self._clients.autoscaling.describe_scalable_targets(
            ServiceNamespace=_ON_ECS,
            ResourceIds=[self._resource(service)],
            ScalableDimension=_DESIRED_COUNT,
        )["ScalableTargets"]
        return found[0] if found else None

    def _register(self, service: Service, *, suspended: bool, **changes: int) -> None:
        self._clients.autoscaling.register_scalable_target(
            ServiceNamespace=_ON_ECS,
            ResourceId=self._resource(service),
            ScalableDimension=_DESIRED_COUNT,
            SuspendedState=dict.fromkeys(_SUSPENDED, suspended),
            **changes,
        )

    def _resource(self, service: Service) -> str:
        return f"service/{self._names.cluster}/{SERVICES[service]}"

    def _get(self, service: Service) -> Described:
        described = self.described()
        if service not in described:
            raise StepFailed(f"The cluster {self._names.cluster} has no service {SERVICES[service]}.")
        return described[service]

    def _update(self, service: Service, **changes: Any) -> None:
        self._clients.ecs.update_service(cluster=self._names.cluster, service=SERVICES[service], **changes)


def _primary(described: Described) -> Mapping[str, Any]:
    """The deployment that the service is on its way to."""
    return next((each for each in described["deployments"] if each["status"] == "PRIMARY"), {})


def _is_suspended(target: Mapping[str, Any]) -> bool:
    return any(target.get("SuspendedState", {}).get(what) for what in _SUSPENDED)


def _names(services: Collection[Service]) -> str:
    return ", ".join(services)
