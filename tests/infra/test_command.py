"""`python -m infra`."""

import re
from pathlib import Path

import pytest

from graasp.deployment.states import State
from tests.infra.conftest import Synthesise

pytest.importorskip("cdktn", reason="what writes out the cloud is not here: `make infra-test` installs it")

HEADER = {"MAINTENANCE_HEADER_NAME": "x-maintenance", "MAINTENANCE_HEADER_SECRET": "secret"}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INFRA_STATE", *HEADER):
        monkeypatch.delenv(name, raising=False)


def test_the_state_comes_from_the_option_else_the_variable_else_it_is_running() -> None:
    from infra.inputs import wanted_state

    assert wanted_state(None, {}) == "running"
    assert wanted_state(None, {"INFRA_STATE": ""}) == "running"
    assert wanted_state(None, {"INFRA_STATE": "db-only"} | HEADER) == "db-only"
    assert wanted_state("stopped", {"INFRA_STATE": "db-only"} | HEADER) == "stopped"


def test_an_unknown_state_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from infra.__main__ import main

    monkeypatch.setenv("INFRA_STATE", "paused")
    assert main(["synth", "--environment", "dev", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "INFRA_STATE should be one of: running, restricted, db-only, stopped. Provided: paused\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("state", ["restricted", "db-only", "stopped"])
@pytest.mark.parametrize("missing", HEADER)
def test_without_a_header_only_running_is_written_out(
    state: str,
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    from infra.__main__ import main

    for name, value in (HEADER | {missing: ""}).items():
        monkeypatch.setenv(name, value)
    arguments = ["synth", "--environment", "dev", "--state", state, "--output", str(tmp_path)]
    assert main(arguments) == 2
    assert capsys.readouterr().err == "Expected to have a maintenance header name and value\n"
    assert not list(tmp_path.iterdir())


def test_help_names_every_environment_and_state(capsys: pytest.CaptureFixture[str]) -> None:
    from infra.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main(["synth", "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for word in ("dev", "staging", "prod", "running", "restricted", "db-only", "stopped"):
        assert word in told


def test_an_environment_that_is_not_known_is_wrong_usage(tmp_path: Path) -> None:
    from infra.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main(["synth", "--environment", "moon", "--output", str(tmp_path)])
    assert ended.value.code == 2


def test_the_header_has_no_character_that_matches_others(synthesised: Synthesise) -> None:
    variable = synthesised("dev", State.RUNNING).document["variable"]["maintenance_header_secret"]
    [validation] = variable["validation"]
    found = re.search(r'regexall\("(.+?)", var', validation["condition"])
    assert found
    assert re.search(found[1], "Aa0_-" * 7)
    for wrong in ("short", "a" * 40 + "*", "a" * 40 + "?", "a" * 40 + " b", ""):
        assert not re.search(found[1], wrong), wrong
