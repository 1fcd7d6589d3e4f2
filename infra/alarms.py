"""Who is told, and of what. What is down because the state says so alarms nobody: it gives no data."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from cdktn import TerraformStack
from cdktn_provider_aws.budgets_budget import BudgetsBudget, BudgetsBudgetNotification
from cdktn_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktn_provider_aws.cloudwatch_event_target import CloudwatchEventTarget
from cdktn_provider_aws.cloudwatch_metric_alarm import (
    CloudwatchMetricAlarm,
    CloudwatchMetricAlarmMetricQuery,
    CloudwatchMetricAlarmMetricQueryMetric,
)
from cdktn_provider_aws.sns_topic import SnsTopic
from cdktn_provider_aws.sns_topic_policy import SnsTopicPolicy
from cdktn_provider_aws.sns_topic_subscription import SnsTopicSubscription

from infra.cluster import Cluster
from infra.collector import JOBS, OLDEST, environment_dimension, namespace
from infra.database import Database
from infra.environments import Environment
from infra.inputs import Inputs
from infra.load_balancer import LoadBalancer
from infra.permissions import allow, document
from infra.redis import Redis
from infra.services import RECONCILE_FAMILY

_GIB = 1024**3


class Alarm(NamedTuple):
    """Sounds when `statistic` of the metric is above (or, with `below`, under) the threshold for so many minutes."""

    name: str
    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    threshold: float
    minutes: int = 5
    below: bool = False
    # Computed from the metric, which it calls `m`.
    expression: str | None = None


class Alarms:
    def __init__(
        self,
        stack: TerraformStack,
        environment: Environment,
        inputs: Inputs,
        load_balancer: LoadBalancer,
        cluster: Cluster,
        database: Database,
        redis: Redis,
    ) -> None:
        self._stack = stack
        self._environment = environment
        self._topic = SnsTopic(
            stack, "alarms", name=f"{environment.names.cluster}-alarms", kms_master_key_id="alias/aws/sns"
        )
        SnsTopicSubscription(
            stack,
            "alarms_by_mail",
            topic_arn=self._topic.arn,
            protocol="email",
            endpoint=inputs.alarm_address,
        )
        for alarm in (
            *self._of_requests(load_balancer),
            *self._of_jobs(),
            *self._of_database(database),
            *self._of_redis(redis),
        ):
            self._alarm(alarm)
        self._tell_of_failures(cluster)
        self._watch_costs(inputs)

    def _of_requests(self, load_balancer: LoadBalancer) -> list[Alarm]:
        where = "AWS/ApplicationELB"
        balancer = {"LoadBalancer": load_balancer.balancer.arn_suffix}
        return [
            Alarm(
                "errors",
                "Services answer with 5xx. Look at /ecs/core.",
                where,
                "HTTPCode_Target_5XX_Count",
                balancer,
                "Sum",
                25,
            ),
            Alarm(
                "no-answer",
                "Requests reached no task that is well, or none in time. In db-only and stopped, those with the header.",
                where,
                "HTTPCode_ELB_5XX_Count",
                balancer,
                "Sum",
                25,
            ),
            Alarm(
                "slow",
                "One request in a hundred takes longer than this many seconds.",
                where,
                "TargetResponseTime",
                balancer,
                "p99",
                5,
                minutes=15,
            ),
            *(
                Alarm(
                    f"{service}-unwell",
                    f"Tasks of {service} do not answer the load balancer.",
                    where,
                    "UnHealthyHostCount",
                    balancer | {"TargetGroup": group.arn_suffix},
                    "Minimum",
                    0,
                    minutes=10,
                )
                for service, group in load_balancer.target_groups.items()
            ),
        ]

    def _of_jobs(self) -> list[Alarm]:
        where, everywhere = namespace(self._environment), environment_dimension(self._environment)
        return [
            Alarm(
                "queue-age",
                "A job has waited for more than ten minutes. Look at the dashboard; do workers run?",
                where,
                OLDEST,
                everywhere,
                "Maximum",
                600,
            ),
            Alarm(
                "jobs-failed",
                "More than five jobs have failed for good within five minutes. Look at the dashboard.",
                where,
                JOBS,
                everywhere | {"state": "failed"},
                "Maximum",
                5,
                minutes=1,
                expression="DIFF(m)",
            ),
        ]

    def _of_database(self, database: Database) -> list[Alarm]:
        where = "AWS/RDS"
        # By name, which a restored instance takes over.
        instance = {"DBInstanceIdentifier": database.instance.identifier}
        return [
            Alarm(
                "database-storage",
                "The database has less than 4 GiB left, and did not grow by itself.",
                where,
                "FreeStorageSpace",
                instance,
                "Minimum",
                4 * _GIB,
                below=True,
            ),
            Alarm(
                "database-processor",
                "The database is busy.",
                where,
                "CPUUtilization",
                instance,
                "Average",
                85,
                minutes=15,
            ),
            Alarm(
                "database-credits",
                "The database has used up what it may do beyond its small share of a processor.",
                where,
                "CPUCreditBalance",
                instance,
                "Minimum",
                20,
                below=True,
            ),
            Alarm(
                "database-connections",
                "The database is about to refuse connections: too many tasks for its size.",
                where,
                "DatabaseConnections",
                instance,
                "Maximum",
                # Of the smallest class, with 1 GiB; each 9.5 MB more of memory allows one more.
                80 if self._environment.database_class.endswith("micro") else 180,
            ),
        ]

    def _of_redis(self, redis: Redis) -> list[Alarm]:
        where, node = "AWS/ElastiCache", {"CacheClusterId": redis.cluster}
        return [
            Alarm(
                "redis-memory",
                "Redis is nearly full; then it takes no more jobs. They wait in the database.",
                where,
                "DatabaseMemoryUsagePercentage",
                node,
                "Maximum",
                80,
            ),
            Alarm(
                "redis-processor",
                "Redis is busy.",
                where,
                "EngineCPUUtilization",
                node,
                "Average",
                80,
                minutes=15,
            ),
        ]

    def _alarm(self, alarm: Alarm) -> None:
        # An expression that looks back asks for five minutes at once, anything else for each of them.
        period = 300 if alarm.expression else 60
        own = None if alarm.expression else alarm
        standard = own is not None and not own.statistic.startswith("p")
        CloudwatchMetricAlarm(
            self._stack,
            f"alarm_{alarm.name}",
            alarm_name=f"{self._environment.names.cluster}-{alarm.name}",
            alarm_description=alarm.description,
            comparison_operator="LessThanThreshold" if alarm.below else "GreaterThanThreshold",
            threshold=alarm.threshold,
            evaluation_periods=alarm.minutes,
            datapoints_to_alarm=alarm.minutes,
            treat_missing_data="notBreaching",
            namespace=own and own.namespace,
            metric_name=own and own.metric,
            dimensions=own and dict(own.dimensions),
            period=own and period,
            statistic=alarm.statistic if standard else None,
            extended_statistic=alarm.statistic if own and not standard else None,
            metric_query=self._computed(alarm, alarm.expression, period) if alarm.expression else None,
            alarm_actions=[self._topic.arn],
            ok_actions=[self._topic.arn],
        )

    def _computed(self, alarm: Alarm, expression: str, period: int) -> list[CloudwatchMetricAlarmMetricQuery]:
        return [
            CloudwatchMetricAlarmMetricQuery(
                id="computed", label=alarm.name, expression=expression, return_data=True
            ),
            CloudwatchMetricAlarmMetricQuery(
                id="m",
                metric=CloudwatchMetricAlarmMetricQueryMetric(
                    namespace=alarm.namespace,
                    metric_name=alarm.metric,
                    dimensions=dict(alarm.dimensions),
                    stat=alarm.statistic,
                    period=period,
                ),
            ),
        ]

    def _tell_of_failures(self, cluster: Cluster) -> None:
        """Of what no metric shows: a roll-out that ECS gave up, a reconciler that failed."""
        pattern_of_deployments = {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Deployment State Change"],
            "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
        }
        pattern_of_reconciler = {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Task State Change"],
            "detail": {
                "clusterArn": [cluster.cluster.arn],
                "group": [f"family:{RECONCILE_FAMILY}"],
                "lastStatus": ["STOPPED"],
                # 3: somebody is changing the state, and sees to the database.
                "containers": {"exitCode": [{"anything-but": [0, 3]}]},
            },
        }
        rules = [
            self._event("deployment_failed", pattern_of_deployments),
            self._event("reconciler_failed", pattern_of_reconciler),
        ]
        SnsTopicPolicy(
            self._stack,
            "alarms_policy",
            arn=self._topic.arn,
            policy=document(
                [
                    {
                        **allow(["sns:Publish"], self._topic.arn),
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Condition": {"ArnEquals": {"aws:SourceArn": rules}},
                    },
                    {
                        **allow(["sns:Publish"], self._topic.arn),
                        "Principal": {"Service": "cloudwatch.amazonaws.com"},
                    },
                ]
            ),
        )

    def _event(self, name: str, pattern: Mapping[str, object]) -> str:
        rule = CloudwatchEventRule(
            self._stack,
            name,
            name=f"{self._environment.names.cluster}-{name.replace('_', '-')}",
            event_pattern=json.dumps(pattern),
        )
        CloudwatchEventTarget(self._stack, f"{name}_told", rule=rule.name, arn=self._topic.arn)
        return rule.arn

    def _watch_costs(self, inputs: Inputs) -> None:
        BudgetsBudget(
            self._stack,
            "budget",
            name=self._environment.names.cluster,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(self._environment.monthly_budget),
            limit_unit="USD",
            notification=[
                BudgetsBudgetNotification(
                    comparison_operator="GREATER_THAN",
                    threshold=100,
                    threshold_type="PERCENTAGE",
                    notification_type="FORECASTED",
                    subscriber_email_addresses=[inputs.alarm_address],
                )
            ],
        )
