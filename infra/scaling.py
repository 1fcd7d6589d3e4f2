"""How many tasks run beyond the least that the state says."""

from cdktn import TerraformResourceLifecycle, TerraformStack
from cdktn_provider_aws.appautoscaling_policy import AppautoscalingPolicy
from cdktn_provider_aws.appautoscaling_policy import (
    AppautoscalingPolicyStepScalingPolicyConfiguration as StepPolicy,
)
from cdktn_provider_aws.appautoscaling_policy import (
    AppautoscalingPolicyStepScalingPolicyConfigurationStepAdjustment as Adjustment,
)
from cdktn_provider_aws.appautoscaling_policy import (
    AppautoscalingPolicyTargetTrackingScalingPolicyConfiguration as TargetPolicy,
)
from cdktn_provider_aws.appautoscaling_policy import (
    AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecification as Predefined,
)
from cdktn_provider_aws.appautoscaling_target import AppautoscalingTarget
from cdktn_provider_aws.cloudwatch_metric_alarm import (
    CloudwatchMetricAlarm,
    CloudwatchMetricAlarmMetricQuery,
    CloudwatchMetricAlarmMetricQueryMetric,
)

from graasp.deployment.aws_names import SERVICES
from graasp.deployment.states import Service, State, desired_count
from infra.cluster import Cluster
from infra.collector import JOBS, environment_dimension, namespace
from infra.environments import Environment

_DIMENSION = "ecs:service:DesiredCount"
# Jobs that wait: from so many on, one task more is started, from the second number on, three.
_LONG_QUEUE = 20
_VERY_LONG_QUEUE = 200


class Scaling:
    def __init__(
        self, stack: TerraformStack, environment: Environment, state: State, cluster: Cluster
    ) -> None:
        self._stack = stack
        self._environment = environment
        self._state = state
        self._cluster = cluster
        core = self._scalable(Service.CORE, environment.core_maximum)
        # More come quickly, and go slowly: a class comes back from its break.
        self._track(Service.CORE, core, "ECSServiceAverageCPUUtilization", 70)
        library = self._scalable(Service.LIBRARY, environment.core_maximum)
        self._track(Service.LIBRARY, library, "ECSServiceAverageMemoryUtilization", 80)
        self._follow_queues(self._scalable(Service.WORKERS, environment.worker_maximum))

    def _scalable(self, service: Service, most: int) -> AppautoscalingTarget:
        least = desired_count(self._state, service, self._environment.names.replicas)
        return AppautoscalingTarget(
            self._stack,
            f"scaling_{service}",
            service_namespace="ecs",
            scalable_dimension=_DIMENSION,
            resource_id=f"service/{self._environment.names.cluster}/{SERVICES[service]}",
            min_capacity=least,
            max_capacity=most,
            depends_on=[self._cluster.services[service]],
            # `graasp state` changes the least, and holds it while a service is to be at zero.
            lifecycle=TerraformResourceLifecycle(ignore_changes=["min_capacity", "suspended_state"]),
        )

    def _track(self, service: Service, target: AppautoscalingTarget, metric: str, percent: float) -> None:
        AppautoscalingPolicy(
            self._stack,
            f"scaling_{service}_policy",
            name=f"{self._environment.names.cluster}-{service}",
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration=TargetPolicy(
                target_value=percent,
                scale_out_cooldown=60,
                scale_in_cooldown=300,
                predefined_metric_specification=Predefined(predefined_metric_type=metric),
            ),
        )

    def _follow_queues(self, target: AppautoscalingTarget) -> None:
        more = self._step(
            target,
            "more",
            60,
            [
                Adjustment(
                    metric_interval_lower_bound="0",
                    metric_interval_upper_bound=str(_VERY_LONG_QUEUE - _LONG_QUEUE),
                    scaling_adjustment=1,
                ),
                Adjustment(
                    metric_interval_lower_bound=str(_VERY_LONG_QUEUE - _LONG_QUEUE), scaling_adjustment=3
                ),
            ],
        )
        fewer = self._step(
            target, "fewer", 120, [Adjustment(metric_interval_upper_bound="0", scaling_adjustment=-1)]
        )
        self._alarm(
            "queues-long",
            "Jobs wait: more workers are started.",
            expression="waiting",
            comparison="GreaterThanOrEqualToThreshold",
            threshold=_LONG_QUEUE,
            minutes=2,
            policy=more,
        )
        # Not while the last ones are still being done: one of those tasks would be taken away.
        self._alarm(
            "queues-empty",
            "No job waits or runs: workers beyond the least are stopped.",
            expression="waiting + running",
            comparison="LessThanOrEqualToThreshold",
            threshold=0,
            minutes=10,
            policy=fewer,
        )

    def _step(
        self, target: AppautoscalingTarget, name: str, cooldown_s: int, adjustments: list[Adjustment]
    ) -> str:
        return AppautoscalingPolicy(
            self._stack,
            f"scaling_workers_{name}",
            name=f"{self._environment.names.cluster}-workers-{name}",
            policy_type="StepScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            step_scaling_policy_configuration=StepPolicy(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Maximum",
                cooldown=cooldown_s,
                step_adjustment=adjustments,
            ),
        ).arn

    def _alarm(
        self,
        name: str,
        description: str,
        *,
        expression: str,
        comparison: str,
        threshold: float,
        minutes: int,
        policy: str,
    ) -> None:
        CloudwatchMetricAlarm(
            self._stack,
            f"scaling_{name}",
            alarm_name=f"{self._environment.names.cluster}-{name}",
            alarm_description=description,
            comparison_operator=comparison,
            threshold=threshold,
            evaluation_periods=minutes,
            treat_missing_data="notBreaching" if threshold else "ignore",
            metric_query=[
                CloudwatchMetricAlarmMetricQuery(
                    id="jobs", label="jobs", expression=expression, return_data=True
                ),
                *(self._jobs(state) for state in ("waiting", "running") if state in expression),
            ],
            alarm_actions=[policy],
        )

    def _jobs(self, state: str) -> CloudwatchMetricAlarmMetricQuery:
        return CloudwatchMetricAlarmMetricQuery(
            id=state,
            metric=CloudwatchMetricAlarmMetricQueryMetric(
                namespace=namespace(self._environment),
                metric_name=JOBS,
                dimensions=environment_dimension(self._environment) | {"state": state},
                stat="Maximum",
                period=60,
            ),
        )
