"""How the workers' metrics get to CloudWatch: a collector beside each worker reads its `/metrics` and passes a few on.

Every worker tells the same of the queues, which it reads in the database: alarms take the maximum, not the sum.
"""

import json

from cdktn import TerraformStack
from cdktn_provider_aws.cloudwatch_log_group import CloudwatchLogGroup

from infra.environments import Environment
from infra.permissions import Statement, allow
from infra.product import WORKER_METRICS_PORT
from infra.tasks import Container

_IMAGE = "amazon/aws-otel-collector:v0.43.3"
_LOGS_DAYS = 7

# Jobs by `state`: waiting, delayed, running, failed.
JOBS = "graasp_jobs"
OLDEST = "graasp_job_oldest_waiting_seconds"


def namespace(environment: Environment) -> str:
    return f"Graasp/{environment.name}"


def environment_dimension(environment: Environment) -> dict[str, str]:
    return {"environment": environment.name}


class Collector:
    def __init__(self, stack: TerraformStack, environment: Environment) -> None:
        self._group = CloudwatchLogGroup(
            stack, "log_metrics", name="/ecs/graasp-metrics", retention_in_days=_LOGS_DAYS
        )
        self.container = Container(
            name="collector",
            image=_IMAGE,
            environment={"AOT_CONFIG_CONTENT": json.dumps(_configuration(environment), indent=1)},
            # Jobs are done without it.
            essential=False,
        )

    @property
    def permissions(self) -> list[Statement]:
        return [
            allow(
                ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                f"{self._group.arn}:*",
            )
        ]


def _configuration(environment: Environment) -> dict[str, object]:
    """YAML, of which JSON is a part. Queues are added up here: an alarm can't search for the names of all of them."""
    return {
        "receivers": {
            "prometheus": {
                "config": {
                    "scrape_configs": [
                        {
                            "job_name": "workers",
                            "scrape_interval": "30s",
                            "static_configs": [
                                {
                                    "targets": [f"127.0.0.1:{WORKER_METRICS_PORT}"],
                                    "labels": environment_dimension(environment),
                                }
                            ],
                            "metric_relabel_configs": [
                                {"source_labels": ["__name__"], "regex": f"{JOBS}|{OLDEST}", "action": "keep"}
                            ],
                        }
                    ]
                }
            }
        },
        "processors": {
            "metricstransform": {
                "transforms": [
                    _aggregated(JOBS, ["environment", "state"], "sum"),
                    _aggregated(OLDEST, ["environment"], "max"),
                ]
            },
            "batch": {"timeout": "30s"},
        },
        "exporters": {
            "awsemf": {
                "region": environment.region,
                "namespace": namespace(environment),
                "log_group_name": "/ecs/graasp-metrics",
                "log_stream_name": "{TaskId}",
                "dimension_rollup_option": "NoDimensionRollup",
                "resource_to_telemetry_conversion": {"enabled": False},
                "metric_declarations": [
                    {"dimensions": [["environment", "state"]], "metric_name_selectors": [f"^{JOBS}$"]},
                    {"dimensions": [["environment"]], "metric_name_selectors": [f"^{OLDEST}$"]},
                ],
            }
        },
        "service": {
            "pipelines": {
                "metrics": {
                    "receivers": ["prometheus"],
                    "processors": ["metricstransform", "batch"],
                    "exporters": ["awsemf"],
                }
            }
        },
    }


def _aggregated(metric: str, labels: list[str], how: str) -> dict[str, object]:
    operation = {"action": "aggregate_labels", "label_set": labels, "aggregation_type": how}
    return {"include": metric, "action": "update", "operations": [operation]}
