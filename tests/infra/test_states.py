"""What runs, and what is asked for, in each state: as it is when an environment is made in it."""

import json

import pytest

from graasp.deployment.states import Service, State
from tests.infra.conftest import Synthesise
from tests.infra.synthesised import DOMAINS, Synthesised

pytest.importorskip("cdktn", reason="what writes out the cloud is not here: `make infra-test` installs it")

UP = dict.fromkeys(
    ("graasp", "workers", "graasp-library", "etherpad", "meilisearch", "iframely", "umami", "admin"), 1
)
DOWN = dict.fromkeys(UP, 0)
COUNTS = {
    State.RUNNING: UP,
    State.RESTRICTED: UP,
    State.DB_ONLY: DOWN | {"umami": 1, "admin": 1},
    State.STOPPED: DOWN,
}
# Priorities of the rules that ask for the header.
PRODUCT = {1, 2, 4, 7, 8, 30, 50, 51, 52, 53, 54, 55, 56}
GUARDED = {
    State.RUNNING: set(),
    State.RESTRICTED: PRODUCT,
    State.DB_ONLY: PRODUCT,
    State.STOPPED: PRODUCT | {5},
}

every_state = pytest.mark.parametrize("state", State)
every_environment = pytest.mark.parametrize("environment", DOMAINS)


@every_environment
@every_state
def test_as_many_of_each_service_run_as_the_state_says(
    synthesised: Synthesise, environment: str, state: State
) -> None:
    expected = dict(COUNTS[state])
    if environment == "prod" and expected["graasp"]:
        expected["graasp"] = 2
    assert synthesised(environment, state).counts == expected


@every_environment
@every_state
def test_scaling_begins_at_what_the_state_says_and_ends_at_eight(
    synthesised: Synthesise, environment: str, state: State
) -> None:
    stack = synthesised(environment, state)
    targets = stack.all("aws_appautoscaling_target").values()
    least = {target["resource_id"].rpartition("/")[2]: target["min_capacity"] for target in targets}
    assert least == {name: stack.counts[name] for name in ("graasp", "workers", "graasp-library")}
    assert {target["max_capacity"] for target in targets} == {8}


@every_environment
@every_state
def test_rules_ask_for_the_header_where_the_state_guards(
    synthesised: Synthesise, environment: str, state: State
) -> None:
    rules = synthesised(environment, state).rules
    assert {rule.priority for rule in rules if rule.condition.header} == GUARDED[state]


@every_environment
@every_state
def test_assets_and_h5p_ask_for_the_header_apps_and_maintenance_never_do(
    synthesised: Synthesise, environment: str, state: State
) -> None:
    distributions = synthesised(environment, state).all("aws_cloudfront_distribution")
    asking = {
        name
        for name, distribution in distributions.items()
        if "function_association" in distribution["default_cache_behavior"]
    }
    assert asking == (set() if state is State.RUNNING else {"cdn_assets", "cdn_h5p"})
    for name in asking:
        [association] = distributions[name]["default_cache_behavior"]["function_association"]
        assert association == {
            "event_type": "viewer-request",
            "function_arn": "${aws_cloudfront_function.maintenance_check.arn}",
        }


@every_state
def test_the_record_begins_with_the_state_that_the_environment_is_made_in(
    synthesised: Synthesise, state: State
) -> None:
    from graasp.deployment.aws_names import AwsNames
    from graasp.deployment.records import Record

    parameter = synthesised("dev", state).only("aws_ssm_parameter")
    assert parameter["name"] == AwsNames("dev").state_parameter
    assert Record.model_validate_json(parameter["value"]) == Record(state=state)


@every_state
def test_everything_but_the_state_is_the_same_in_every_state(synthesised: Synthesise, state: State) -> None:
    assert _without_state(synthesised("prod", state)) == _without_state(synthesised("prod", State.RUNNING))


def _without_state(stack: Synthesised) -> str:
    document = json.loads(stack.text)
    resources = document["resource"]
    for service in resources["aws_ecs_service"].values():
        del service["desired_count"]
    for target in resources["aws_appautoscaling_target"].values():
        del target["min_capacity"]
    for rule in resources["aws_lb_listener_rule"].values():
        rule["condition"] = [each for each in rule["condition"] if "http_header" not in each]
    for distribution in resources["aws_cloudfront_distribution"].values():
        distribution["default_cache_behavior"].pop("function_association", None)
    del resources["aws_ssm_parameter"]["state"]["value"]
    return json.dumps(document, sort_keys=True)


def test_what_the_driver_changes_is_ignored_afterwards(running: Synthesised) -> None:
    for service in running.services.values():
        assert {"desired_count", "task_definition"} == set(service["lifecycle"]["ignore_changes"])
    for target in running.all("aws_appautoscaling_target").values():
        assert {"min_capacity", "suspended_state"} == set(target["lifecycle"]["ignore_changes"])
    for rule in running.rules:
        ignored = rule.lifecycle.get("ignore_changes", [])
        assert ignored == (["condition"] if "graasp:guarded-service" in rule.tags else [])
    for name in ("cdn_assets", "cdn_h5p"):
        lifecycle = running.all("aws_cloudfront_distribution")[name]["lifecycle"]
        assert lifecycle["ignore_changes"] == ["default_cache_behavior[0].function_association"]
    assert "value" in running.only("aws_ssm_parameter")["lifecycle"]["ignore_changes"]


def test_the_driver_finds_things_by_their_names(running: Synthesised) -> None:
    from graasp.deployment.aws_names import (
        CONTAINERS,
        GUARDED_DISTRIBUTIONS,
        MIGRATE_FAMILY,
        SERVICES,
        AwsNames,
    )

    names = AwsNames(running.environment)
    # Redis is a managed one: it runs in every state.
    assert set(running.services) == {name for service, name in SERVICES.items() if service != Service.REDIS}
    for family in (*running.services, MIGRATE_FAMILY):
        main = running.containers(family)[CONTAINERS[family].name]
        assert main["logConfiguration"]["options"]["awslogs-stream-prefix"] == "ecs"
        group = running.all("aws_cloudwatch_log_group")[f"log_{CONTAINERS[family].name}"]
        assert group["name"] == CONTAINERS[family].log_group
        if image := CONTAINERS[family].image:
            assert main["image"].endswith(f":{image}-${{var.release}}")
    assert running.only("aws_ecs_cluster")["name"] == names.cluster
    assert running.only("aws_db_instance")["identifier"] == names.database
    assert running.only("aws_lb")["name"] == names.load_balancer
    assert running.only("aws_cloudfront_function")["name"] == names.maintenance_function
    comments = {each["comment"] for each in running.all("aws_cloudfront_distribution").values()}
    assert {names.distribution(name) for name in GUARDED_DISTRIBUTIONS} <= comments
    secrets = {secret["name"] for secret in running.all("aws_secretsmanager_secret").values()}
    assert names.header_secret in secrets
    # The lock is the driver's own: a second parameter would be one that is always held.
    assert len(running.all("aws_ssm_parameter")) == 1
