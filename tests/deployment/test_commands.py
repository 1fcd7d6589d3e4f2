"""`graasp state`, as operators and scripts call it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from graasp.cli import app
from graasp.deployment import commands
from graasp.deployment.driver import MigrationResult, StepFailed
from graasp.deployment.records import ReleaseUnderWay
from graasp.deployment.states import Service, State
from graasp.deployment.targets import Target, TargetOptions, TargetUnusable, open_driver
from tests.deployment.in_memory import InMemoryDriver, holds

State_ = Callable[..., Result]


@pytest.fixture
def driver() -> InMemoryDriver:
    return InMemoryDriver(State.RUNNING)


@pytest.fixture
def state(driver: InMemoryDriver, monkeypatch: pytest.MonkeyPatch) -> State_:
    """`state("set", "running", …)` on the installation of the test."""
    monkeypatch.setattr(commands, "open_driver", lambda target, options: driver)

    def run(*arguments: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(commands.state_commands, list(arguments), input=answer)

    return run


def test_set_shows_the_plan_asks_and_shows_each_step(driver: InMemoryDriver, state: State_) -> None:
    done = state("set", "restricted", answer="y\n")
    assert done.exit_code == 0, done.output
    plan, _, steps = done.output.partition("Go on?")
    for action in ("close front door", "drain", "record state"):
        assert action in plan
        assert f"✓ {action}" in steps
    assert "people see the maintenance screen" in plan
    assert "`graasp state set running`" in plan
    assert "restricted after" in steps
    assert "Requests with the header x-maintenance pass." in steps
    assert holds(driver, State.RESTRICTED)


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_without_a_yes_nothing_is_changed(driver: InMemoryDriver, state: State_, answer: str) -> None:
    assert state("set", "stopped", answer=answer).exit_code == 1
    assert driver.calls == []


def test_nothing_to_do_is_success(driver: InMemoryDriver, state: State_) -> None:
    done = state("set", "running", "--yes")
    assert done.exit_code == 0
    assert "nothing to do" in done.output
    assert driver.calls == []


def test_plan_touches_nothing(driver: InMemoryDriver, state: State_) -> None:
    planned = state("plan", "db-only")
    assert planned.exit_code == 0
    for action in ("close front door", "stop services", "snapshot", "migrate"):
        assert action in planned.output
    assert driver.calls == []


def test_a_failure_tells_why_what_is_recorded_and_both_ways(driver: InMemoryDriver, state: State_) -> None:
    driver.migration = MigrationResult(1, "relation does not exist")
    failed = state("set", "db-only", "--yes")
    assert failed.exit_code == 1
    assert "✗ migrate" in failed.output
    assert "relation does not exist" in failed.output
    assert "Recorded: db-only, on the way to db-only." in failed.output
    assert "To go on: put it right, and run the same again." in failed.output
    assert "To go back: `graasp state set restricted`" in failed.output
    planned = state("plan", "db-only").output
    assert "On the way to db-only, by" in planned
    driver.migration = MigrationResult(0, "")
    assert state("set", "db-only", "--yes").exit_code == 0
    assert holds(driver, State.DB_ONLY)


def test_who_is_not_alone_is_told_by_3(driver: InMemoryDriver, state: State_) -> None:
    driver.store.holder = "ben"
    locked = state("set", "stopped", "--yes")
    assert (locked.exit_code, driver.calls) == (3, [])
    assert "ben" in locked.output


def test_the_lock_of_a_dead_run_is_taken_by_who_is_certain(driver: InMemoryDriver, state: State_) -> None:
    driver.store.holder = "ben"
    assert state("unlock", answer="n\n").exit_code == 1
    assert driver.store.holder == "ben"
    assert "Removed: ben." in state("unlock", answer="y\n").output
    assert "Nobody held the lock." in state("unlock", "--yes").output
    assert state("set", "stopped", "--yes").exit_code == 0


def test_what_is_unsafe_is_refused_by_4(driver: InMemoryDriver, state: State_) -> None:
    driver.maintenance_header = None
    refused = state("set", "stopped", "--yes")
    assert (refused.exit_code, driver.calls) == (4, [])
    assert "Expected to have a maintenance header name and value" in refused.output
    assert "Nothing was changed." in refused.output


def test_ctrl_c_is_told_by_130_and_the_same_goes_on(driver: InMemoryDriver, state: State_) -> None:
    driver.interrupt_at, driver.interruption = 4, KeyboardInterrupt
    interrupted = state("set", "stopped", "--yes")
    assert interrupted.exit_code == 130
    assert "it goes on from here" in interrupted.output
    assert state("set", "stopped", "--yes").exit_code == 0
    assert holds(driver, State.STOPPED)


@pytest.mark.parametrize(
    "arguments",
    [("set", "asleep"), ("set",), ("set", "running", "--drain", "-1"), ("show", "--target", "moon")],
)
def test_wrong_usage_is_2(state: State_, arguments: tuple[str, ...]) -> None:
    assert state(*arguments).exit_code == 2


def test_options_that_lead_nowhere_are_2(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(target: Target, options: TargetOptions) -> None:
        raise TargetUnusable(f"There is no {options.environment} on {target}.")

    monkeypatch.setattr(commands, "open_driver", nowhere)
    ended = CliRunner().invoke(commands.state_commands, ["show", "--target", "ecs", "--environment", "moon"])
    assert ended.exit_code == 2
    assert "There is no moon on ecs." in ended.output


def test_show_puts_what_is_recorded_beside_what_is_found(driver: InMemoryDriver, state: State_) -> None:
    shown = state("show").output
    assert "State: running" in shown
    assert "2 running, 2 answering" in shown
    assert "Not as recorded" not in shown
    driver.running[Service.WORKERS] = 0
    driver.healthy.discard(Service.LIBRARY)
    driver.door = State.RESTRICTED
    shown = state("show").output
    assert "Not as recorded: workers: 1 should run, 0 do." in shown
    assert "Not as recorded: library: 0 of 1 answer." in shown
    assert "Not as recorded: the front door treats requests as in restricted." in shown


def test_show_tells_a_release_that_has_not_ended(driver: InMemoryDriver, state: State_) -> None:
    begun = ReleaseUnderWay(
        version="v2", previous="v1", begun_at=datetime(2026, 1, 1, tzinfo=UTC), operator="ada"
    )
    driver.store.write(driver.store.read().model_copy(update={"release": begun}))
    assert "has not ended: `graasp release v2` goes on" in state("show").output


def test_show_speaks_json(driver: InMemoryDriver, state: State_) -> None:
    driver.database = False
    shown = orjson.loads(state("show", "--json").output)
    assert shown["record"]["state"] == "running"
    assert shown["observed"]["services"]["core"] == {"running": 2, "ready": 2}
    assert shown["differences"] == ["the database is down"]


def test_reconcile_says_whether_it_had_to_stop_a_database(driver: InMemoryDriver, state: State_) -> None:
    assert state("set", "stopped", "--yes").exit_code == 0
    assert "Nothing to do." in state("reconcile").output
    driver.database = True
    assert "The database was up, and is stopped again." in state("reconcile").output
    assert not driver.database


def test_what_can_not_be_looked_at_is_told(
    driver: InMemoryDriver, state: State_, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StepFailed("Nobody is there. Start it.")

    monkeypatch.setattr(driver, "observe", fail)
    shown = state("show")
    assert shown.exit_code == 1
    assert "State: running" in shown.output
    assert "Nobody is there. Start it." in shown.output


def test_a_folder_without_an_installation_is_told(tmp_path: Path) -> None:
    with pytest.raises(TargetUnusable, match="--data names the folder"):
        open_driver(Target.EMBEDDED, TargetOptions(data=tmp_path / "none"))


@pytest.mark.parametrize(
    "path",
    [
        *(("state", name) for name in ("show", "plan", "set", "reconcile", "restore", "unlock")),
        ("release",),
        ("backup",),
        ("restore",),
    ],
)
def test_commands_work_on_what_graasp_up_runs_unless_told_otherwise(path: tuple[str, ...]) -> None:
    command: Any = get_command(app)
    for name in path:
        command = command.get_command(click.Context(command), name)
    options = {option.name: option for option in command.params}
    assert options["target"].default == Target.EMBEDDED
    assert options["data"].default == Path(".graasp")
