"""What tasks run, and with what."""

import re

import pytest

from graasp.settings import MigrationSettings, Settings
from tests.infra.synthesised import Synthesised

pytest.importorskip("cdktn", reason="what writes out the cloud is not here: `make infra-test` installs it")

# What the secrets could hold.
SECRETS = {
    "DB_CONNECTION": "postgresql://graasp:x@database:5432/graasp?application_name=backend&sslmode=require",
    "REDIS_CONNECTION": "rediss://:x@redis:6379/0",
    "MAILER_CONNECTION": "smtp://user:x@mail.example.org:587",
    "SECURE_SESSION_SECRET_KEY": "0" * 64,
    "ETHERPAD_API_KEY": "0" * 64,
    "MAINTENANCE_HEADER_NAME": "x-maintenance",
    "SENTRY_DSN": "https://key@errors.example.org/1",
    "APPS_PUBLISHER_ID": "00000000-0000-4000-8000-000000000001",
}
OURS = {"graasp": "core", "workers": "graasp-worker"}


def _variables(stack: Synthesised, family: str, container: str) -> dict[str, str]:
    described = stack.containers(family)[container]
    plain = {variable["name"]: variable["value"] for variable in described["environment"]}
    secret = {each["name"]: SECRETS.get(each["name"], "secret") for each in described["secrets"]}
    assert not plain.keys() & secret.keys()
    return plain | secret


@pytest.mark.parametrize("family", OURS)
def test_core_and_workers_are_told_what_the_settings_need_and_nothing_they_do_not_know(
    running: Synthesised, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = _variables(running, family, OURS[family])
    assert set(variables) <= {name.upper() for name in Settings.model_fields}
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    # Raises when something is missing or wrong.
    settings = Settings()
    assert settings.client_host == f"https://{running.domain}"
    assert settings.cookie_secure
    assert settings.etherpad_url == f"http://etherpad.graasp-{running.environment}.internal:9001"
    assert settings.etherpad_public_url == f"https://etherpad.{running.domain}"


def test_migration_is_told_where_the_database_is_alone(running: Synthesised) -> None:
    assert set(_variables(running, "migrate", "migrate")) == {
        name.upper() for name in MigrationSettings.model_fields
    }


def test_settings_have_the_values_of_the_environment(running: Synthesised) -> None:
    variables = _variables(running, "graasp", "core")
    environment, domain = running.environment, running.domain
    sender = "noreply@" if environment == "prod" else f"noreply.{environment}@"
    assert variables["MAILER_CONFIG_FROM_EMAIL"] == f"{sender}graasp.org"
    assert variables["COOKIE_DOMAIN"] == variables["ETHERPAD_COOKIE_DOMAIN"] == f".{domain}"
    assert variables["S3_FILE_ITEM_BUCKET"] == f"graasp-{environment}-file-items"
    assert variables["H5P_CONTENT_BUCKET"] == f"graasp-{environment}-h5p"
    assert variables["S3_FILE_ITEM_REGION"] == ("eu-central-2" if environment == "prod" else "eu-central-1")
    assert variables["SHORT_LINK_BASE_URL"] == f"https://go.{domain}"
    assert variables["LIBRARY_CLIENT_HOST"] == f"https://library.{domain}"
    assert variables["H5P_PATH_PREFIX"] == "h5p-content/"


def test_pages_of_the_environment_may_ask_the_api_and_those_of_another_may_not(running: Synthesised) -> None:
    allowed = re.compile(_variables(running, "graasp", "core")["CORS_ORIGIN_REGEX"])
    domain = running.domain
    for origin in (f"https://{domain}", f"https://library.{domain}"):
        assert allowed.search(origin), origin
    others = {"dev.graasp.org", "staging.graasp.org", "graasp.org"} - {domain}
    for origin in (
        f"http://{domain}",
        f"https://{domain}.example.org",
        f"https://example-{domain}",
        f"https://a.b.{domain}",
        *(f"https://{other}" for other in others),
        *(f"https://library.{other}" for other in others),
    ):
        assert not allowed.search(origin), origin


def test_images_are_versions_that_never_move(running: Synthesised) -> None:
    for family in running.families:
        for container in running.containers(family).values():
            tag = container["image"].rpartition(":")[2]
            version = re.fullmatch(r"(?:(?:core|workers|migrate)-)?\$\{var\.(\w+)\}", tag)
            assert version or re.search(r"\d+\.\d+", tag), container["image"]
            if version:
                [validation] = running.document["variable"][version[1]]["validation"]
                assert f'var.{version[1]} != "latest"' in validation["condition"]
    for registry in running.all("aws_ecr_repository").values():
        assert registry["image_tag_mutability"] == "IMMUTABLE"
        assert registry["image_scanning_configuration"] == {"scan_on_push": True}


def test_a_roll_out_that_fails_is_taken_back(running: Synthesised) -> None:
    for service in running.services.values():
        assert service["deployment_circuit_breaker"] == {"enable": True, "rollback": True}
        assert service["deployment_minimum_healthy_percent"] == 100


def test_what_is_ours_is_asked_for_its_health_and_given_time_to_stop(running: Synthesised) -> None:
    for family, name in OURS.items():
        container = running.containers(family)[name]
        variables = _variables(running, family, name)
        port = variables.get("PORT") or variables["WORKER_METRICS_PORT"]
        assert f"127.0.0.1:{port}/health" in container["healthCheck"]["command"][-1]
        # Fargate does not wait longer.
        assert 30 < container["stopTimeout"] <= 120
        grace = float(
            variables.get("WORKER_GRACE_SECONDS", Settings.model_fields["worker_grace_seconds"].default)
        )
        assert grace < container["stopTimeout"]
        assert container["linuxParameters"] == {"initProcessEnabled": True}


def test_services_behind_the_load_balancer_are_the_target_groups_containers(running: Synthesised) -> None:
    paths = {
        "graasp": "/health",
        "admin": "/up",
        "graasp-library": "/api/status",
        "etherpad": "/",
        "umami": "/api/heartbeat",
    }
    groups = running.all("aws_lb_target_group")
    served = {name: service for name, service in running.services.items() if "load_balancer" in service}
    assert set(served) == set(paths)
    for name, service in served.items():
        [place] = service["load_balancer"]
        [group] = [
            each
            for key, each in groups.items()
            if place["target_group_arn"] == f"${{aws_lb_target_group.{key}.arn}}"
        ]
        assert group["health_check"]["path"] == paths[name]
        [mapping] = running.containers(name)[place["container_name"]]["portMappings"]
        assert mapping["containerPort"] == place["container_port"] == group["port"]


def test_what_others_call_has_a_name_in_dns(running: Synthesised) -> None:
    names = {service["name"] for service in running.all("aws_service_discovery_service").values()}
    zone = running.only("aws_service_discovery_private_dns_namespace")["name"]
    called = set()
    for family in OURS:
        for value in _variables(running, family, OURS[family]).values():
            called |= set(re.findall(rf"http://([\w-]+)\.{re.escape(zone)}:\d+", value))
    assert called == {"etherpad", "iframely", "meilisearch"}
    assert called <= names


def test_only_the_workers_queue_metrics_leave_the_tasks(running: Synthesised) -> None:
    [collector] = [name for name in running.containers("workers") if name != "graasp-worker"]
    assert running.containers("workers")[collector]["essential"] is False
    assert all(len(running.containers(family)) == 1 for family in running.families if family != "workers")
