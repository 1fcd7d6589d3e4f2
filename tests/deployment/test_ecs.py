"""An installation on AWS, operated over HTTP against moto; what moto leaves out is in aws_cloud.py."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from graasp.deployment import aws, commands
from graasp.deployment.driver import InFlight, StepFailed
from graasp.deployment.ecs import EcsDriver
from graasp.deployment.planner import Action
from graasp.deployment.records import Record
from graasp.deployment.release import ReleaseFailed, Rolling, release
from graasp.deployment.states import STATES, Service, State, desired_counts
from graasp.deployment.targets import Target, TargetOptions, TargetUnusable, open_driver
from graasp.deployment.transitions import Refused, TransitionFailed, change_state, reconcile, restore
from graasp.settings import InvalidSettings
from tests.deployment.aws_cloud import HASTY, HEADER, SECRET, SERVICES, Cloud, Container

PRODUCT_RULES = {1, 2, 4, 7, 8, 30, 50, 51}
UMAMI_RULE, NOBODYS_RULE = 5, 90

POLICY = json.loads(
    Template((Path(aws.__file__).parent / "operator_policy.json").read_text()).substitute(
        region="eu-central-1", account="123456789012", environment="dev"
    )
)
ALLOWED = {
    action
    for statement in POLICY["Statement"]
    for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
}
# Not calls of their own: AWS asks for these within others, where roles are passed on and where things get tags.
IMPLIED = {"iam:PassRole", "ecs:TagResource", "rds:AddTagsToResource"}


@pytest.fixture
def endpoint(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """No call goes anywhere else, and no credentials of this machine are found."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "MAINTENANCE_HEADER_NAME", "MAINTENANCE_HEADER_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # A second for every account otherwise.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    return s3_endpoint


@pytest.fixture
def cloud(endpoint: str) -> Iterator[Cloud]:
    """A running environment; whatever a test lets the driver ask for, its operator is allowed."""
    made = Cloud(endpoint)
    yield made
    assert made.actions <= ALLOWED


@pytest.fixture
def driver(cloud: Cloud) -> EcsDriver:
    return cloud.driver()


def change(driver: EcsDriver, target: State) -> Record:
    return change_state(driver, target, operator="ana")


def quietly(_: str) -> None:
    pass


def holds(cloud: Cloud, state: State) -> bool:
    """Whether everything is as the table of states says."""
    conditions = STATES[state]
    hidden = (PRODUCT_RULES if conditions.guarded else set()) | (
        {UMAMI_RULE} if Service.UMAMI in conditions.guarded else set()
    )
    return (
        cloud.desired() == desired_counts(state, cloud.names.replicas)
        and {priority for priority, secret in cloud.guarded_hosts().items() if secret == SECRET} == hidden
        and cloud.guarded_distributions() == ({"assets", "h5p"} if conditions.guarded else set())
        and cloud.database.status == ("available" if conditions.database else "stopped")
        and Record.model_validate_json(cloud.parameter("/graasp/dev/state")).state == state
    )


# --- the states ------------------------------------------------------------------------------------


def test_a_release_and_a_night_pass_through_every_state(cloud: Cloud, driver: EcsDriver) -> None:
    rules = cloud.rules()
    for state in (
        State.RESTRICTED,
        State.DB_ONLY,
        State.RESTRICTED,
        State.RUNNING,
        State.STOPPED,
        State.RUNNING,
    ):
        record = change(driver, state)
        assert holds(cloud, state)
        assert record == cloud.driver().store.read()
    assert cloud.rules() == rules
    assert record.version == "v1.0.0"


def test_on_the_way_to_db_only_the_database_is_saved_and_then_migrated_once(
    cloud: Cloud, driver: EcsDriver
) -> None:
    change(driver, State.RESTRICTED)
    cloud.commands.clear()
    record = change(driver, State.DB_ONLY)
    assert cloud.commands == ["migrate"]
    assert record.last_snapshot is not None
    snapshot = cloud.snapshots[record.last_snapshot.name]
    assert snapshot.status == "available"
    assert {"Key": "graasp:version", "Value": "v1.0.0"} in snapshot.tags
    assert record.last_snapshot.version == "v1.0.0"


def test_redis_is_the_last_to_stop_and_the_first_to_start(cloud: Cloud, driver: EcsDriver) -> None:
    change(driver, State.STOPPED)
    assert cloud.counts[-1] == (Service.REDIS, 0)
    cloud.counts.clear()
    change(driver, State.RESTRICTED)
    assert cloud.counts[0] == (Service.REDIS, 1)


def test_cores_are_told_before_the_front_door_opens_and_before_they_start(
    cloud: Cloud, driver: EcsDriver
) -> None:
    change(driver, State.DB_ONLY)
    cloud.commands.clear()
    change(driver, State.RUNNING)
    assert cloud.commands == [
        "graasp graasp state announce db-only",
        "graasp graasp state announce running",
    ]


def test_with_a_redis_that_is_no_service_cores_are_told_while_they_run(
    cloud: Cloud, driver: EcsDriver
) -> None:
    cloud.client("ecs").delete_service(cluster="graasp-dev", service="redis", force=True)
    for state in (State.DB_ONLY, State.STOPPED, State.RUNNING):
        change(driver, state)
    told = [command for command in cloud.commands if "announce" in command]
    assert told == ["graasp graasp state announce db-only", "graasp graasp state announce running"]


def test_while_redis_is_down_nobody_is_there_to_be_told(cloud: Cloud, driver: EcsDriver) -> None:
    change(driver, State.STOPPED)
    cloud.commands.clear()
    driver.announce(State.DB_ONLY, quietly)
    assert cloud.commands == []
    assert cloud.guarded_hosts()[UMAMI_RULE] is None


def test_what_is_found(cloud: Cloud, driver: EcsDriver) -> None:
    observed = driver.observe()
    assert observed.services == dict.fromkeys(SERVICES, (1, 1))
    assert (observed.database, observed.version, observed.announced) == (True, "v1.0.0", State.RUNNING)
    assert not observed.migrating
    cloud.client("elbv2").deregister_targets(
        TargetGroupArn=cloud.groups[Service.CORE], Targets=[{"Id": "10.0.0.1", "Port": 3000}]
    )
    assert driver.observe().services[Service.CORE] == (1, 0)


@pytest.mark.parametrize("state", State)
def test_the_front_door_is_seen_to_be_as_in_the_recorded_state(
    cloud: Cloud, driver: EcsDriver, state: State
) -> None:
    driver.store.write(Record(state=state))
    driver.announce(state, quietly)
    assert driver.observe().announced == state


def test_a_front_door_that_is_half_changed_is_as_in_no_state(cloud: Cloud, driver: EcsDriver) -> None:
    driver.announce(State.RESTRICTED, quietly)
    rule = next(
        rule
        for rule in cloud.client("elbv2").describe_rules(ListenerArn=cloud.listener)["Rules"]
        if rule["Priority"] == "7"
    )
    cloud.client("elbv2").modify_rule(
        RuleArn=rule["RuleArn"],
        Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["example.org"]}}],
    )
    assert driver.observe().announced is None


@pytest.mark.parametrize("call", [5, 25, 60, 90, 125])
def test_a_run_that_dies_is_gone_on_with(cloud: Cloud, call: int) -> None:
    """At any call to AWS; another process goes on once the lock has expired, or was taken."""
    made = 0

    def die(**_: Any) -> None:
        nonlocal made
        made += 1
        if made == call:
            raise Killed

    cloud.session.events.register("before-call", die, unique_id="die")
    try:
        change(cloud.driver(), State.DB_ONLY)
    except Killed:
        pass
    finally:
        cloud.session.events.unregister("before-call", unique_id="die")
    another = cloud.driver()
    another.store.unlock()
    change(another, State.DB_ONLY)
    assert holds(cloud, State.DB_ONLY)
    assert len(cloud.snapshots) >= 1


class Killed(BaseException):
    """`kill -9` of the operator's process."""


# --- the front door --------------------------------------------------------------------------------


def test_only_conditions_of_marked_rules_are_touched(cloud: Cloud, driver: EcsDriver) -> None:
    before = {rule["Priority"]: rule for rule in cloud.rules()}
    driver.announce(State.STOPPED, quietly)
    after = {rule["Priority"]: rule for rule in cloud.rules()}
    assert after[str(NOBODYS_RULE)] == before[str(NOBODYS_RULE)]
    assert after["default"] == before["default"]
    for priority, rule in after.items():
        assert rule["Actions"] == before[priority]["Actions"]
        assert [c for c in rule["Conditions"] if c["Field"] != "http-header"] == before[priority][
            "Conditions"
        ]


def test_a_new_secret_replaces_the_one_before(cloud: Cloud, driver: EcsDriver) -> None:
    driver.announce(State.RESTRICTED, quietly)
    cloud.client("secretsmanager").put_secret_value(
        SecretId=cloud.names.header_secret,
        SecretString=json.dumps(
            {"MAINTENANCE_HEADER_NAME": "X-Other", "MAINTENANCE_HEADER_SECRET": "another"}
        ),
    )
    cloud.driver().announce(State.RESTRICTED, quietly)
    asked = cloud.guarded_hosts()
    assert {asked[priority] for priority in PRODUCT_RULES} == {"another"}


def test_announcing_again_writes_nothing(cloud: Cloud, driver: EcsDriver) -> None:
    driver.announce(State.RESTRICTED, quietly)
    cloud.actions.clear()
    driver.announce(State.RESTRICTED, quietly)
    assert not cloud.actions & {"elasticloadbalancing:ModifyRule", "cloudfront:UpdateDistribution"}


def test_another_function_of_a_distribution_stays(cloud: Cloud, driver: EcsDriver) -> None:
    cloudfront = cloud.client("cloudfront")
    other = {"FunctionARN": "arn:aws:cloudfront::1:function/other", "EventType": "viewer-response"}
    found = next(
        item
        for item in cloudfront.list_distributions()["DistributionList"]["Items"]
        if item["Comment"] == "graasp-dev-h5p"
    )
    read = cloudfront.get_distribution_config(Id=found["Id"])
    read["DistributionConfig"]["DefaultCacheBehavior"]["FunctionAssociations"] = {
        "Quantity": 1,
        "Items": [other],
    }
    cloudfront.update_distribution(
        Id=found["Id"], IfMatch=read["ETag"], DistributionConfig=read["DistributionConfig"]
    )
    for state in (State.RESTRICTED, State.RUNNING):
        driver.announce(state, quietly)
    kept = cloudfront.get_distribution_config(Id=found["Id"])["DistributionConfig"]["DefaultCacheBehavior"]
    assert kept["FunctionAssociations"]["Items"] == [other]


def test_the_secret_comes_from_the_environment_where_none_is_kept(
    cloud: Cloud, driver: EcsDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.client("secretsmanager").delete_secret(
        SecretId=cloud.names.header_secret, ForceDeleteWithoutRecovery=True
    )
    assert driver.maintenance_header is None
    with pytest.raises(StepFailed, match="Expected to have a maintenance header name and value"):
        driver.announce(State.RESTRICTED, quietly)
    monkeypatch.setenv("MAINTENANCE_HEADER_NAME", HEADER)
    with pytest.raises(InvalidSettings, match="need each other"):
        _ = cloud.driver().maintenance_header
    monkeypatch.setenv("MAINTENANCE_HEADER_SECRET", SECRET)
    assert cloud.driver().maintenance_header == HEADER


def test_a_secret_that_the_load_balancer_would_take_for_a_pattern_is_refused(
    cloud: Cloud, driver: EcsDriver
) -> None:
    cloud.client("secretsmanager").put_secret_value(
        SecretId=cloud.names.header_secret,
        SecretString=json.dumps({"MAINTENANCE_HEADER_NAME": HEADER, "MAINTENANCE_HEADER_SECRET": "a*"}),
    )
    with pytest.raises(StepFailed, match=r"must not contain \* or \?"):
        driver.announce(State.RESTRICTED, quietly)


def test_the_secret_is_never_told(cloud: Cloud, driver: EcsDriver) -> None:
    told: list[str] = []
    driver.announce(State.RESTRICTED, told.append)

    def refuse(**_: Any) -> None:
        raise ClientError(
            {"Error": {"Code": "ValidationError", "Message": f"bad value {SECRET}"}}, "ModifyRule"
        )

    cloud.session.events.register("before-call.elastic-load-balancing-v2.ModifyRule", refuse)
    with pytest.raises(StepFailed, match=r"AWS refused ModifyRule: ValidationError: bad value …") as failed:
        cloud.driver().announce(State.RUNNING, told.append)
    assert SECRET not in "\n".join([*told, str(failed.value)])
    assert failed.value.__cause__ is None


def test_a_stack_without_marked_rules_is_no_front_door(cloud: Cloud, driver: EcsDriver) -> None:
    elb = cloud.client("elbv2")
    for rule in elb.describe_rules(ListenerArn=cloud.listener)["Rules"]:
        if not rule["IsDefault"]:
            elb.remove_tags(ResourceArns=[rule["RuleArn"]], TagKeys=["graasp:guarded-service"])
    with pytest.raises(StepFailed, match="carries the tag graasp:guarded-service"):
        driver.announce(State.RESTRICTED, quietly)


# --- services --------------------------------------------------------------------------------------


def test_autoscaling_does_not_fight_a_stop_and_goes_on_afterwards(cloud: Cloud, driver: EcsDriver) -> None:
    change(driver, State.STOPPED)
    assert all(cloud.scaling(s)["suspended"] for s in (Service.CORE, Service.WORKERS, Service.LIBRARY))
    change(driver, State.RUNNING)
    assert cloud.scaling(Service.CORE) == {"min": 1, "max": 8, "suspended": False}


def test_what_was_scaled_out_stays_so(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.client("ecs").update_service(cluster="graasp-dev", service="graasp", desiredCount=5)
    cloud.client("ecs").update_service(cluster="graasp-dev", service="umami", desiredCount=5)
    driver.scale({Service.CORE: 1, Service.UMAMI: 1}, quietly)
    assert cloud.desired()[Service.CORE] == 5
    assert cloud.desired()[Service.UMAMI] == 1


def test_production_has_two_cores(endpoint: str) -> None:
    cloud = Cloud(endpoint, "prod")
    assert cloud.driver().replicas[Service.CORE] == 2


def test_a_service_that_the_stack_does_not_have_is_left_out(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.client("ecs").delete_service(cluster="graasp-dev", service="iframely", force=True)
    assert set(driver.replicas) == set(SERVICES) - {Service.IFRAMELY}
    change(driver, State.RESTRICTED)


def test_a_deployment_that_the_circuit_breaker_ends_is_a_failure(cloud: Cloud, driver: EcsDriver) -> None:
    change(driver, State.DB_ONLY)
    cloud.broken[Service.CORE] = "ECS deployment circuit breaker: tasks failed to start."
    with pytest.raises(
        TransitionFailed, match=r"graasp did not start: ECS deployment circuit breaker"
    ) as failed:
        change(driver, State.RESTRICTED)
    assert failed.value.step.action is Action.AWAIT_HEALTH


def test_ecs_going_back_by_itself_is_a_failure_too(cloud: Cloud, driver: EcsDriver) -> None:
    driver.deploy("v1.1.0", quietly)
    service = cloud.service(Service.CORE)
    old = service.deployments[0]
    newest = cloud.client("ecs").describe_task_definition(taskDefinition="graasp")["taskDefinition"]
    service.deployments = [
        old,
        old
        | {
            "status": "ACTIVE",
            "taskDefinition": newest["taskDefinitionArn"],
            "rolloutState": "FAILED",
            "rolloutStateReason": "circuit breaker: tasks failed.",
        },
    ]
    with pytest.raises(StepFailed, match="ECS has gone back to"):
        driver.await_health({Service.CORE: 1}, quietly)


def test_targets_that_are_not_healthy_are_waited_for(cloud: Cloud) -> None:
    cloud.client("elbv2").deregister_targets(
        TargetGroupArn=cloud.groups[Service.CORE], Targets=[{"Id": "10.0.0.1", "Port": 3000}]
    )
    with pytest.raises(StepFailed, match="Not answering: core"):
        cloud.driver(HASTY).await_health({Service.CORE: 1, Service.REDIS: 1}, quietly)


def test_without_a_cluster_of_the_name_nothing_can_be_done(endpoint: str) -> None:
    cloud = Cloud(endpoint)
    cloud.names = cloud.names._replace(environment="prod")
    with pytest.raises(StepFailed, match="There is no cluster graasp-prod in this account and region"):
        cloud.driver().observe()


# --- the database ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "then", "begins"),
    [("stopping", "stopped", True), ("starting", "available", True), ("backing-up", "available", True)],
)
def test_a_database_on_its_way_is_waited_for(
    cloud: Cloud, driver: EcsDriver, now: str, then: str, begins: bool
) -> None:
    cloud.become(now, then)
    driver.stop_database(quietly)
    assert cloud.database.status == "stopped"
    cloud.become(now, then)
    driver.start_database(quietly)
    assert driver.observe().database


def test_only_the_database_of_the_environment_is_stopped(cloud: Cloud, driver: EcsDriver) -> None:
    driver.stop_database(quietly)
    assert cloud.instances["another-database"].status == "available"


def test_a_broken_database_is_told_of_at_once(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.database.status = "storage-full"
    with pytest.raises(StepFailed, match="graasp-dev is in the state 'storage-full'"):
        driver.start_database(quietly)


def test_a_database_that_takes_too_long_is_told_of(cloud: Cloud) -> None:
    cloud.database.status = "starting"
    with pytest.raises(StepFailed, match="graasp-dev is still starting after 0 s"):
        cloud.driver(HASTY).stop_database(quietly)


def test_a_database_that_the_provider_has_started_again_is_stopped_again(
    cloud: Cloud, driver: EcsDriver
) -> None:
    change(driver, State.STOPPED)
    assert reconcile(driver, operator="the daily run", report=quietly) is False
    cloud.become("starting", "available")
    for _ in range(3):
        driver.observe()
    assert reconcile(driver, operator="the daily run", report=quietly) is True
    assert cloud.database.status == "stopped"


def test_an_unfinished_snapshot_of_the_same_name_is_waited_for(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.client("rds").create_db_snapshot(
        DBInstanceIdentifier="graasp-dev", DBSnapshotIdentifier="graasp-20261125t120000z-v1-0-0"
    )
    taken = driver.snapshot("graasp-20261125t120000z-v1.0.0", quietly)
    assert taken.name == "graasp-20261125t120000z-v1-0-0"
    assert list(cloud.snapshots) == [taken.name]


def test_a_stopped_database_cannot_be_saved(cloud: Cloud, driver: EcsDriver) -> None:
    driver.stop_database(quietly)
    with pytest.raises(StepFailed, match="graasp-dev is in the state 'stopped'"):
        driver.snapshot("before-the-release", quietly)


def test_a_snapshot_of_another_database_is_not_taken_for_ours(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.client("rds").create_db_snapshot(
        DBInstanceIdentifier="another-database", DBSnapshotIdentifier="before-the-release"
    )
    with pytest.raises(StepFailed, match="is one of another-database"):
        driver.snapshot("before the release", quietly)


def test_a_restored_database_takes_the_place_of_the_one_before(cloud: Cloud, driver: EcsDriver) -> None:
    snapshot = driver.snapshot("before-the-release", quietly)
    old = cloud.database
    with pytest.raises(StepFailed, match="Still running: core, workers"):
        driver.restore(snapshot.name, quietly)
    driver.scale({Service.CORE: 0, Service.WORKERS: 0}, quietly)
    told: list[str] = []
    driver.restore(snapshot.name, told.append)
    [kept] = [name for name in cloud.instances if name.startswith("graasp-dev-replaced-")]
    assert cloud.instances[kept] is old
    assert old.status == "stopped"
    assert told[-1] == f"what the database was before is kept, stopped, as {kept}"
    [described] = cloud.client("rds").describe_db_instances(DBInstanceIdentifier="graasp-dev")["DBInstances"]
    tags = {tag["Key"]: tag["Value"] for tag in described["TagList"]}
    assert tags == {"terraform-managed": "true", "graasp:restored-from": snapshot.name}
    assert described["DBInstanceStatus"] == "available"
    assert described["DeletionProtection"] is True
    assert described["BackupRetentionPeriod"] == 7
    assert described["DBSubnetGroup"]["DBSubnetGroupName"] == "graasp"
    assert [group["VpcSecurityGroupId"] for group in described["VpcSecurityGroups"]] == [cloud.security_group]
    assert described["DBParameterGroups"][0]["DBParameterGroupName"] == "graasp-postgres16"


def test_a_restore_that_was_interrupted_between_the_names_goes_on(cloud: Cloud, driver: EcsDriver) -> None:
    snapshot = driver.snapshot("before-the-release", quietly)
    driver.scale({Service.CORE: 0, Service.WORKERS: 0}, quietly)
    renamed = 0

    def die(params: dict[str, Any], **_: Any) -> None:
        nonlocal renamed
        if "NewDBInstanceIdentifier" in params:
            renamed += 1
            if renamed == 2:
                raise Killed

    cloud.session.events.register("before-parameter-build.rds.ModifyDBInstance", die)
    with pytest.raises(Killed):
        cloud.driver().restore(snapshot.name, quietly)
    assert "graasp-dev" not in cloud.instances
    cloud.driver().restore(snapshot.name, quietly)
    assert cloud.database.status == "available"


def test_nothing_is_restored_while_cores_may_write(cloud: Cloud, driver: EcsDriver) -> None:
    with pytest.raises(Refused, match="graasp state set db-only"):
        restore(driver, "before-the-release", operator="ana", report=quietly)
    saved = change(driver, State.DB_ONLY).last_snapshot
    assert saved is not None
    restore(driver, saved.name, operator="ana", report=quietly)
    change(driver, State.RUNNING)
    assert holds(cloud, State.RUNNING)


def test_what_is_not_there_cannot_be_restored(cloud: Cloud, driver: EcsDriver) -> None:
    driver.scale({Service.CORE: 0, Service.WORKERS: 0}, quietly)
    with pytest.raises(StepFailed, match="There is no snapshot never-taken"):
        driver.restore("never-taken", quietly)
    assert cloud.database.status == "available"


# --- one-off tasks ---------------------------------------------------------------------------------


def test_a_migration_tells_its_end_and_its_log(cloud: Cloud, driver: EcsDriver) -> None:
    assert driver.migrate(quietly) == (0, "applying\nmigrations applied successfully")
    cloud.ends[""] = Container(1, ("applying", "relation is missing"))
    assert driver.migrate(quietly) == (1, "applying\nrelation is missing")


def test_a_failed_migration_leaves_the_installation_in_db_only(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.ends[""] = Container(1, ("applying", "relation is missing"))
    with pytest.raises(TransitionFailed, match=r"exit code 1:\n.*\nrelation is missing") as failed:
        change(driver, State.DB_ONLY)
    assert failed.value.record.state is State.DB_ONLY
    cloud.ends[""] = Container(0, ("migrations applied successfully",))
    change(driver, State.DB_ONLY)
    assert holds(cloud, State.DB_ONLY)
    assert len(cloud.snapshots) == 1


def test_two_migrations_never_run_at_once(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.client("ecs").run_task(
        cluster="graasp-dev",
        taskDefinition="migrate",
        launchType="FARGATE",
        networkConfiguration=cloud.driver()._services.network(Service.CORE),
        overrides={"containerOverrides": [{"name": "migrate"}]},
    )
    assert driver.observe().migrating
    with pytest.raises(StepFailed, match=r"A migration runs already: arn:aws:ecs:.*task/graasp-dev/"):
        driver.migrate(quietly)


def test_one_off_tasks_run_in_the_network_of_the_core_and_not_on_spot_machines(
    cloud: Cloud, driver: EcsDriver
) -> None:
    driver.migrate(quietly)
    [task] = cloud.ecs.tasks["graasp-dev"].values()
    assert task.launch_type == "FARGATE"
    assert task.network_configuration["awsvpcConfiguration"]["securityGroups"] == [cloud.security_group]


def test_a_task_whose_image_is_missing_says_so(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.ends[""] = Container(None)
    with pytest.raises(StepFailed, match="did not run: CannotPullContainerError: not found"):
        driver.migrate(quietly)


def test_a_migration_that_takes_too_long_is_left_at_work(cloud: Cloud) -> None:
    with pytest.raises(StepFailed, match="has not ended after 0 s"):
        cloud.driver(HASTY).migrate(quietly)
    assert cloud.driver().observe().migrating


@pytest.mark.parametrize(("exit_code", "compatible"), [(0, True), (6, False), (7, False)])
def test_whether_a_migration_is_compatible_is_asked_of_its_image(
    cloud: Cloud, driver: EcsDriver, exit_code: int, compatible: bool
) -> None:
    cloud.ends["--compatible"] = Container(exit_code)
    assert driver.migrates_compatibly(quietly) is compatible
    cloud.ends["--compatible"] = Container(1, ("The migration failed: no password",))
    with pytest.raises(StepFailed, match="no password"):
        driver.migrates_compatibly(quietly)


def test_what_is_in_flight_is_asked_of_the_cores(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.ends["graasp state in-flight"] = Container(0, ("starting", '{"requests":3,"websockets":4}'))
    assert driver.in_flight() == InFlight(3, 4)
    cloud.ends["graasp state in-flight"] = Container(0, ("null",))
    assert driver.in_flight() is None
    cloud.ends["graasp state in-flight"] = Container(1, ("Redis does not answer",))
    with pytest.raises(StepFailed, match="Redis does not answer"):
        driver.in_flight()
    cloud.commands.clear()
    driver.scale({Service.CORE: 0}, quietly)
    assert driver.in_flight() is None
    assert cloud.commands == []


def test_a_smoke_test_fails_with_its_last_lines(cloud: Cloud, driver: EcsDriver) -> None:
    driver.smoke_test(quietly)
    cloud.ends["graasp smoke-test --version v1.0.0"] = Container(1, ("core: ok", "job: not done"))
    with pytest.raises(StepFailed, match="exit code 1:\ncore: ok\njob: not done"):
        driver.smoke_test(quietly)


# --- versions --------------------------------------------------------------------------------------


def test_a_version_is_deployed_by_its_exact_images(cloud: Cloud, driver: EcsDriver) -> None:
    before = cloud.client("ecs").describe_task_definition(taskDefinition="graasp")["taskDefinition"]
    driver.deploy("v1.1.0", quietly)
    for family, image in (("graasp", "core"), ("workers", "workers"), ("migrate", "migrate")):
        assert cloud.image(family) == f"{cloud.registry}:{image}-v1.1.0"
    after = cloud.client("ecs").describe_task_definition(taskDefinition="graasp", include=["TAGS"])
    assert after["tags"] == [{"key": "terraform-managed", "value": "true"}]
    changed = after["taskDefinition"]
    assert changed["revision"] == before["revision"] + 1
    changed["containerDefinitions"][0]["image"] = before["containerDefinitions"][0]["image"]
    assert changed["containerDefinitions"] == before["containerDefinitions"]
    driver.deploy("v1.1.0", quietly)
    again = cloud.client("ecs").describe_task_definition(taskDefinition="graasp")["taskDefinition"]
    assert again["revision"] == changed["revision"]


def test_what_runs_is_left_as_it_is_until_it_is_started_again(cloud: Cloud, driver: EcsDriver) -> None:
    driver.deploy("v1.1.0", quietly)
    assert driver.observe().version == "v1.0.0"
    driver.scale({Service.CORE: 1}, quietly)
    assert cloud.image(cloud.service(Service.CORE).task_definition).endswith(":core-v1.0.0")
    change(driver, State.DB_ONLY)
    record = change(driver, State.RESTRICTED)
    assert cloud.image(cloud.service(Service.CORE).task_definition).endswith(":core-v1.1.0")
    assert cloud.image(cloud.service(Service.WORKERS).task_definition).endswith(":workers-v1.1.0")
    assert record.version == "v1.1.0"


def test_a_version_is_rolled_out_workers_first(cloud: Cloud, driver: EcsDriver) -> None:
    driver.deploy("v1.1.0", quietly)
    told: list[str] = []
    driver.roll_out(told.append)
    assert told == ["workers is being replaced", "workers answers", "core is being replaced", "core answers"]
    assert driver.observe().version == "v1.1.0"
    assert cloud.counts == []


def test_a_roll_out_that_the_circuit_breaker_ends_is_a_failure(cloud: Cloud, driver: EcsDriver) -> None:
    driver.deploy("v1.1.0", quietly)
    cloud.broken[Service.WORKERS] = "ECS deployment circuit breaker: tasks failed to start."
    with pytest.raises(StepFailed, match="workers did not start: ECS deployment circuit breaker"):
        driver.roll_out(quietly)
    assert driver.observe().version == "v1.0.0"


def test_nothing_is_registered_unless_every_image_is_there(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.push("v2.0.0", ("core",))
    with pytest.raises(
        StepFailed, match=r"graasp:workers-v2.0.0, .*graasp:migrate-v2.0.0\. Nothing was changed"
    ):
        driver.deploy("v2.0.0", quietly)
    assert cloud.image("graasp").endswith(":core-v1.0.0")


def test_what_is_not_a_version_is_not_deployed(driver: EcsDriver) -> None:
    for version in ("latest", "nightly", "", "v1:2", "../v1", "v1 && true"):
        with pytest.raises(StepFailed, match="is not a version"):
            driver.deploy(version, quietly)


@pytest.mark.parametrize("rolling", [Rolling.AUTO, Rolling.NEVER])
def test_a_version_is_released(cloud: Cloud, driver: EcsDriver, rolling: Rolling) -> None:
    cloud.ends |= {
        "--compatible": Container(0, ("the version that runs goes on working",)),
        "graasp smoke-test --version v1.1.0": Container(0, ("all is well",)),
    }
    released = release(driver, "v1.1.0", operator="ana", rolling=rolling)
    assert (released.previous, released.rolled) == ("v1.0.0", rolling is Rolling.AUTO)
    assert released.snapshot is not None
    assert released.snapshot.name in cloud.snapshots
    assert driver.observe().version == "v1.1.0"
    assert holds(cloud, State.RUNNING)
    stopped = {service for service, count in cloud.counts if not count}
    assert (Service.CORE in stopped) is (rolling is Rolling.NEVER)


def test_a_version_that_does_not_work_is_taken_back(cloud: Cloud, driver: EcsDriver) -> None:
    cloud.ends["graasp smoke-test --version v1.1.0"] = Container(1, ("job: not done",))
    with pytest.raises(ReleaseFailed, match="job: not done") as failed:
        release(driver, "v1.1.0", operator="ana", rolling=Rolling.NEVER)
    assert failed.value.back == "v1.0.0"
    assert driver.observe().version == "v1.0.0"
    assert cloud.image("migrate").endswith(":migrate-v1.0.0")
    assert holds(cloud, State.RUNNING)


# --- the operator ----------------------------------------------------------------------------------


def test_the_policy_of_an_operator_allows_what_is_asked_for_and_nothing_else(
    cloud: Cloud, driver: EcsDriver
) -> None:
    driver.deploy("v1.1.0", quietly)
    snapshot = driver.snapshot("before", quietly)
    change(driver, State.STOPPED)
    change(driver, State.DB_ONLY)
    driver.restore(snapshot.name, quietly)
    assert cloud.actions == ALLOWED - IMPLIED


@pytest.fixture
def state(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`state("unlock", …)` as an operator calls it."""
    monkeypatch.setattr(commands, "open_driver", lambda target, options: cloud.driver())

    def run(*arguments: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(commands.state_commands, list(arguments), input=answer)

    return run


def test_an_operator_takes_the_lock_from_a_dead_run(driver: EcsDriver, state: Callable[..., Result]) -> None:
    with driver.store.lock("ana@laptop"):
        refused = state("set", "restricted", "--yes")
        assert refused.exit_code == 3
        assert "ana@laptop has been changing the state since" in refused.output
        assert state("unlock", answer="n\n").exit_code == 1
        removed = state("unlock", "--yes")
        assert (removed.exit_code, removed.output[:27]) == (0, "Removed: ana@laptop has bee")
    assert state("unlock", answer="y\n").output.endswith("Nobody held the lock.\n")
    assert state("set", "restricted", "--yes").exit_code == 0


def test_a_schedule_stops_the_database_again(cloud: Cloud, state: Callable[..., Result]) -> None:
    assert state("set", "stopped", "--yes").exit_code == 0
    cloud.database.status = "available"
    assert "stopped again" in state("reconcile").output
    assert cloud.database.status == "stopped"
    assert "Nothing to do" in state("reconcile").output


def test_a_restore_is_confirmed_by_the_name_of_the_snapshot(
    cloud: Cloud, state: Callable[..., Result]
) -> None:
    assert state("set", "db-only", "--yes").exit_code == 0
    [snapshot] = cloud.snapshots
    assert state("restore", snapshot, answer="yes\n").exit_code == 1
    assert len(cloud.instances) == 2
    assert state("restore", snapshot, answer=f"{snapshot}\n").exit_code == 0
    assert len(cloud.instances) == 3


def test_it_is_opened_by_the_name_of_its_environment(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    opened = open_driver(Target.ECS, TargetOptions(environment="dev"))
    assert opened.store.read() == Record()
    with pytest.raises(TargetUnusable, match="Give --environment"):
        open_driver(Target.ECS, TargetOptions())
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(TargetUnusable, match="Set AWS_REGION"):
        open_driver(Target.ECS, TargetOptions(environment="dev"))


def test_the_image_of_the_core_has_what_the_daily_run_needs() -> None:
    locked = (Path(__file__).parents[2] / "requirements" / "production.txt").read_text()
    assert "\nboto3==" in locked
