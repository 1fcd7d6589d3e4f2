"""Daily, `graasp state reconcile`: stops a database that AWS has started by itself."""

from cdktn import TerraformStack
from cdktn_provider_aws.scheduler_schedule import SchedulerSchedule, SchedulerScheduleFlexibleTimeWindow
from cdktn_provider_aws.scheduler_schedule import (
    SchedulerScheduleTarget as Target,
)
from cdktn_provider_aws.scheduler_schedule import (
    SchedulerScheduleTargetEcsParameters as EcsParameters,
)
from cdktn_provider_aws.scheduler_schedule import (
    SchedulerScheduleTargetEcsParametersNetworkConfiguration as NetworkConfiguration,
)
from cdktn_provider_aws.scheduler_schedule import (
    SchedulerScheduleTargetRetryPolicy as RetryPolicy,
)

from infra.cluster import Cluster, Placement
from infra.environments import Environment
from infra.permissions import allow, role_of
from infra.reach import Party
from infra.registries import Registries
from infra.services import RECONCILE_FAMILY


def reconciler(
    stack: TerraformStack,
    environment: Environment,
    cluster: Cluster,
    placement: Placement,
    registries: Registries,
    roles: list[str],
) -> None:
    """`roles` are those that its task takes on."""
    # Without a number: always the newest revision.
    family = f"arn:aws:ecs:{environment.region}:{registries.account}:task-definition/{RECONCILE_FAMILY}"
    role = role_of(
        stack,
        "reconciler_schedule",
        f"{environment.names.cluster}-reconcile-schedule",
        "scheduler.amazonaws.com",
        [
            allow(
                ["ecs:RunTask"],
                f"{family}:*",
                family,
                Condition={"ArnEquals": {"ecs:cluster": cluster.cluster.arn}},
            ),
            allow(
                ["iam:PassRole"],
                *roles,
                Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            ),
        ],
        {"StringEquals": {"aws:SourceAccount": registries.account}},
    )
    SchedulerSchedule(
        stack,
        "reconciler",
        name=f"{environment.names.cluster}-reconcile",
        description="Stops a database that AWS has started by itself after seven days.",
        schedule_expression="rate(12 hours)",
        flexible_time_window=SchedulerScheduleFlexibleTimeWindow(mode="OFF"),
        target=Target(
            arn=cluster.cluster.arn,
            role_arn=role.arn,
            ecs_parameters=EcsParameters(
                task_definition_arn=family,
                launch_type="FARGATE",
                task_count=1,
                network_configuration=NetworkConfiguration(
                    subnets=placement.network.private_subnets,
                    security_groups=[placement.groups.of(Party.RECONCILER)],
                    assign_public_ip=False,
                ),
            ),
            retry_policy=RetryPolicy(maximum_retry_attempts=2, maximum_event_age_in_seconds=3600),
        ),
    )
