"""The compose files name variables that are known, and what runs is limited, checked and pinned."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from graasp.settings import Settings
from tests.deployment.compose_files import interpolated, variables_of

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
EXAMPLE = (ROOT / ".env.example").read_text()
SETTINGS = {name.upper() for name in Settings.model_fields}
OURS = {"core", "worker", "migrate", "maintenance"}
# What Docker Compose itself reads.
OF_COMPOSE = {"COMPOSE_PROFILES"}


def _services() -> dict[str, Any]:
    services: dict[str, Any] = interpolated(yaml.safe_load(COMPOSE.read_text()), {})["services"]
    return services


SERVICES = _services()


def _examples() -> dict[str, tuple[bool, str]]:
    """Every variable of the example, whether it is set there, and its value."""
    lines = re.findall(r"^(# )?([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE, re.MULTILINE)
    assert len({name for _, name, _ in lines}) == len(lines), "a variable is there twice"
    return {name: (not comment, value) for comment, name, value in lines}


def _used_by_compose_files() -> set[str]:
    files = sorted(ROOT.glob("docker-compose*.yml"))
    without_comments = [re.sub(r"^\s*#.*$", "", file.read_text(), flags=re.MULTILINE) for file in files]
    return set().union(*map(variables_of, without_comments))


def test_every_variable_is_in_the_example_and_no_other() -> None:
    assert set(_examples()) == SETTINGS | _used_by_compose_files() | OF_COMPOSE


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_what_the_example_shows_is_the_default(name: str) -> None:
    field = Settings.model_fields[name.lower()]
    is_set, shown = _examples()[name]
    if is_set:
        return
    if field.default in (None, PydanticUndefined, []):
        assert shown == ""
    else:
        default = field.default
        assert not isinstance(default, SecretStr)
        text = str(default).lower() if isinstance(default, bool) else str(default)
        assert shown == text


def test_what_the_example_sets_is_accepted() -> None:
    required = {
        name: "0" * 64
        for name, field in Settings.model_fields.items()
        if field.is_required() and "secret" in name
    }
    values = {name.lower(): value for name, (is_set, value) in _examples().items() if is_set}
    Settings(
        _env_file=None,  # type: ignore[call-arg]
        **required,
        **{name: value for name, value in values.items() if name in Settings.model_fields},
        db_connection="postgresql://database/graasp",
        redis_connection="redis://redis",
        mailer_connection="smtp://mailcatcher:1025",
        file_storage_root_path="/data/files",
    )


def test_the_core_and_the_worker_start_with_what_they_are_given() -> None:
    secrets = {
        "db_connection": "postgresql://graasp:x@database:5432/graasp",
        "dashboard_password": "x",
        **{name: "0" * 64 for name in SERVICES["core"]["secrets"] if "secret" in name or "key" in name},
    }
    assert set(secrets) == set(SERVICES["core"]["secrets"])
    for name in ("core", "worker"):
        environment = {key.lower(): value for key, value in SERVICES[name]["environment"].items()}
        assert set(environment) <= set(Settings.model_fields)
        settings = Settings(_env_file=None, **{**secrets, **environment})  # type: ignore[call-arg]
        assert settings.cookie_secure
        assert settings.maintenance_header_secret is not None


def test_no_secret_is_in_the_environment_of_what_is_ours() -> None:
    secret = {
        name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    }
    for name in OURS:
        given = {key for key, value in SERVICES[name].get("environment", {}).items() if value}
        assert not given & (secret | {"DB_CONNECTION"})


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_limited_pinned_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["logging"]["options"]["max-size"]
    runs_once = name in ("migrate", "bucket")
    assert service.get("restart") == (None if runs_once else "unless-stopped")
    if name not in OURS:
        # Published without versions: operators name one by its digest.
        assert name == "iframely" or re.search(r":\S*\d", service["image"])
    if not runs_once and name not in ("core", "worker", "mailcatcher", "iframely"):
        assert service["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_ours_can_write_nothing_but_its_volumes_and_gains_no_powers(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    target = "core" if name == "maintenance" else name
    assert service["build"]["target"] == target
    # As the images of a release are tagged.
    kind = "workers" if target == "worker" else target
    assert service["image"] == f"graasp:{kind}-local"


def test_data_outlives_containers_and_databases_have_no_way_out() -> None:
    compose = yaml.safe_load(COMPOSE.read_text())
    assert compose["networks"]["data"]["internal"] is True
    for name in ("database", "redis"):
        assert SERVICES[name]["networks"] == ["data"]
        assert "ports" not in SERVICES[name]
        assert SERVICES[name]["volumes"][0].partition(":")[0] in compose["volumes"]
    for name in ("core", "worker"):
        assert "files:/data" in SERVICES[name]["volumes"]
        assert SERVICES[name]["environment"]["FILE_STORAGE_ROOT_PATH"].startswith("/data/")
        assert SERVICES[name]["environment"]["TMPDIR"] in SERVICES[name]["volumes"]


def test_only_the_gateway_is_reached_from_outside() -> None:
    for name, service in SERVICES.items():
        public = [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")]
        assert bool(public) == (name == "gateway"), name
    # Nothing that it waits for could keep people from being answered.
    assert set(SERVICES["gateway"]["depends_on"]) == {"maintenance"}


def test_stopping_takes_no_longer_than_a_container_is_given() -> None:
    def seconds(service: str) -> int:
        return int(SERVICES[service]["stop_grace_period"].removesuffix("s"))

    assert seconds("worker") > Settings.model_fields["worker_grace_seconds"].default
    assert seconds("core") > 25
