"""What drivers run beside the cores, in their network: `graasp state announce`, `graasp state in-flight`."""

import json

import pytest
from typer.testing import CliRunner

from graasp.deployment import announcement
from graasp.deployment.commands import state_commands
from graasp.deployment.driver import InFlight
from graasp.settings import Settings


@pytest.fixture(autouse=True)
def _environment(settings: Settings, clean_services: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graasp.settings.load_settings", lambda: settings)


def run(*arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(state_commands, list(arguments))
    return ended.exit_code, ended.output


def test_the_cores_are_told_the_state(settings: Settings) -> None:
    assert run("announce", "restricted") == (0, "announced restricted\n")
    told = announcement.announced(settings.redis_connection)
    assert told is not None
    assert told.state == "restricted"


def test_what_is_in_flight_is_json_on_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    run("announce", "restricted")
    assert run("in-flight") == (0, "null\n")
    monkeypatch.setattr(announcement, "in_flight", lambda redis_url: InFlight(3, 4))
    code, output = run("in-flight")
    assert (code, json.loads(output)) == (0, {"requests": 3, "websockets": 4})


def test_without_redis_both_fail_with_a_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = settings.model_copy(update={"redis_connection": "redis://127.0.0.1:1"})
    monkeypatch.setattr("graasp.settings.load_settings", lambda: nowhere)
    for command in (("announce", "running"), ("in-flight",)):
        code, output = run(*command)
        assert code == 1
        assert "Redis does not answer" in output
