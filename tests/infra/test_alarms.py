"""Who is told of what, how workers follow the queues, and what watches the database's power."""

import json
import re
from pathlib import Path

import pytest

from tests.infra.synthesised import Synthesised

pytest.importorskip("cdktn", reason="what writes out the cloud is not here: `make infra-test` installs it")

METRICS = Path(__file__).resolve().parents[2] / "graasp" / "telemetry" / "metrics.py"


def test_there_is_an_alarm_for_what_people_would_call_about(running: Synthesised) -> None:
    prefix = f"graasp-{running.environment}-"
    alarms = {
        alarm["alarm_name"].removeprefix(prefix): alarm
        for alarm in running.all("aws_cloudwatch_metric_alarm").values()
    }
    assert set(alarms) >= {
        "queue-age",
        "jobs-failed",
        "errors",
        "no-answer",
        "core-unwell",
        "database-storage",
        "database-connections",
        "redis-memory",
    }
    for name, alarm in alarms.items():
        scales = name.startswith("queues-")
        [action] = alarm["alarm_actions"]
        assert action.startswith("${aws_appautoscaling_policy." if scales else "${aws_sns_topic.alarms.")
        assert alarm["alarm_description"]
        # What the state keeps down gives no data.
        assert alarm["treat_missing_data"] in ("notBreaching", "ignore")
    assert running.only("aws_sns_topic_subscription")["endpoint"] == "${var.alarm_address}"


def test_the_metrics_of_jobs_are_those_that_the_workers_have(running: Synthesised) -> None:
    [collector] = [each for name, each in running.containers("workers").items() if name == "collector"]
    [variable] = collector["environment"]
    assert variable["name"] == "AOT_CONFIG_CONTENT"
    configuration = json.loads(variable["value"])
    [scraped] = configuration["receivers"]["prometheus"]["config"]["scrape_configs"]
    worker = running.containers("workers")["graasp-worker"]
    port = next(each["value"] for each in worker["environment"] if each["name"] == "WORKER_METRICS_PORT")
    [target] = scraped["static_configs"]
    assert target["targets"] == [f"127.0.0.1:{port}"]
    [kept] = scraped["metric_relabel_configs"]
    source = METRICS.read_text()
    for name in kept["regex"].split("|"):
        assert f'"{name}"' in source
    exported = configuration["exporters"]["awsemf"]
    sent = {
        (selector.strip("^$"), tuple(sorted(dimensions)))
        for declaration in exported["metric_declarations"]
        for selector in declaration["metric_name_selectors"]
        for dimensions in declaration["dimensions"]
    }
    asked = set()
    for alarm in running.all("aws_cloudwatch_metric_alarm").values():
        for one in [
            alarm,
            *(query["metric"] for query in alarm.get("metric_query", []) if "metric" in query),
        ]:
            if str(one.get("namespace", "")).startswith("Graasp/"):
                assert one["namespace"] == exported["namespace"]
                assert one["dimensions"]["environment"] == target["labels"]["environment"]
                asked.add((one["metric_name"], tuple(sorted(one["dimensions"]))))
    # Everything that is asked for is sent, and what is sent is paid for: all of it is asked for.
    assert asked == sent


def test_workers_are_added_for_long_queues_and_taken_away_from_empty_ones(running: Synthesised) -> None:
    policies = running.all("aws_appautoscaling_policy")
    steps = {
        name: policies[f"scaling_workers_{name}"]["step_scaling_policy_configuration"]
        for name in ("more", "fewer")
    }
    assert [step["scaling_adjustment"] for step in steps["more"]["step_adjustment"]] == [1, 3]
    assert [step["scaling_adjustment"] for step in steps["fewer"]["step_adjustment"]] == [-1]
    alarms = running.all("aws_cloudwatch_metric_alarm")
    long, empty = alarms["scaling_queues-long"], alarms["scaling_queues-empty"]
    assert (long["threshold"], empty["threshold"]) == (20, 0)
    # A task that still does a job is not taken away.
    assert {query.get("expression") for query in empty["metric_query"]} >= {"waiting + running"}
    tracked = policies["scaling_core_policy"]["target_tracking_scaling_policy_configuration"]
    assert tracked["target_value"] == 70
    assert tracked["scale_out_cooldown"] < tracked["scale_in_cooldown"]


def test_a_database_that_started_by_itself_is_stopped_again(running: Synthesised) -> None:
    schedule = running.only("aws_scheduler_schedule")
    # Seven days after it was stopped it is started: it runs for half a day at most.
    assert schedule["schedule_expression"] == "rate(12 hours)"
    target = schedule["target"]["ecs_parameters"]
    assert target["task_definition_arn"].endswith(":task-definition/reconcile")
    assert target["network_configuration"]["assign_public_ip"] is False
    container = running.containers("reconcile")["reconcile"]
    assert container["command"][:3] == ["graasp", "state", "reconcile"]
    assert container["command"][3:7] == ["--target", "ecs", "--environment", running.environment]
    policy = json.loads(running.all("aws_iam_role_policy")["reconcile_task_permissions"]["policy"])
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert "rds:StopDBInstance" in actions
    assert not actions & {"rds:StartDBInstance", "rds:DeleteDBInstance", "ecs:UpdateService"}


def test_there_is_a_policy_for_operators_with_what_the_driver_asks_for(running: Synthesised) -> None:
    operator = running.only("aws_iam_policy")
    # Longer ones are refused; an account's number has twelve digits.
    text = re.sub(r"\$\{data\.aws_caller_identity\.account\.account_id\}", "1" * 12, operator["policy"])
    assert len(re.sub(r"\s", "", text)) <= 6144
    assert "${" not in text
    assert f"cluster/graasp-{running.environment}" in text


def test_failures_that_no_metric_shows_are_told_as_well(running: Synthesised) -> None:
    patterns = [
        json.loads(rule["event_pattern"]) for rule in running.all("aws_cloudwatch_event_rule").values()
    ]
    assert {pattern["detail-type"][0] for pattern in patterns} == {
        "ECS Deployment State Change",
        "ECS Task State Change",
    }
    for target in running.all("aws_cloudwatch_event_target").values():
        assert target["arn"] == "${aws_sns_topic.alarms.arn}"
