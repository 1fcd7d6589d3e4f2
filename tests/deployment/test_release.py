"""How a version is released, and how the one before comes back, whatever fails on the way.

The in-memory installation asserts at every call what must never happen: see there.
"""

import pytest

from graasp.deployment.driver import MigrationResult, StepFailed
from graasp.deployment.records import Locked
from graasp.deployment.release import Released, ReleaseFailed, Rolling, release
from graasp.deployment.states import State
from graasp.deployment.transitions import Refused
from tests.deployment.in_memory import InMemoryDriver, Killed, holds

OLD, NEW = "1.2.3", "1.3.0"


def run(driver: InMemoryDriver, rolling: Rolling = Rolling.AUTO, version: str = NEW) -> Released:
    return release(driver, version, operator="ana", rolling=rolling)


def runs(driver: InMemoryDriver, version: str) -> bool:
    """Whether everybody works with the version, and nothing is left open."""
    record = driver.store.record
    return (
        holds(driver, State.RUNNING)
        and driver.at_work == driver.deployed == version
        and record.version == version
        and record.release is None
    )


def in_order(driver: InMemoryDriver, *calls: str) -> bool:
    remaining = iter(driver.calls)
    return all(any(made.startswith(call) for made in remaining) for call in calls)


@pytest.mark.parametrize("state", list(State))
def test_with_an_interruption_the_new_version_is_tested_before_people_are_let_in(state: State) -> None:
    driver = InMemoryDriver(state)
    driver.schema_is_old = True
    released = run(driver)
    assert runs(driver, NEW)
    assert (released.version, released.rolled) == (NEW, False)
    assert released.snapshot is not None
    assert released.snapshot.name in driver.snapshots
    assert in_order(
        driver,
        "snapshot",
        f"deploy {NEW}",
        "migrate",
        "scale",
        "await_health",
        "smoke_test",
        "announce running",
    )


def test_compatible_migrations_are_released_without_leaving_running() -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.compatible = True
    released = run(driver)
    assert released.rolled
    assert runs(driver, NEW)
    assert not [call for call in driver.calls if call.startswith(("announce", "scale"))]
    assert in_order(driver, f"deploy {NEW}", "snapshot", "migrate", "roll_out", "smoke_test")


def test_who_wants_no_interruption_gets_none_and_else_no_release() -> None:
    driver = InMemoryDriver(State.RUNNING)
    with pytest.raises(ReleaseFailed, match="without an interruption") as failed:
        run(driver, Rolling.ONLY)
    assert failed.value.back == OLD
    assert runs(driver, OLD)
    assert "migrate" not in driver.calls


def test_who_wants_an_interruption_gets_one() -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.compatible = True
    assert not run(driver, Rolling.NEVER).rolled
    assert "roll_out" not in driver.calls


@pytest.mark.parametrize("compatible", [False, True])
def test_a_version_that_does_not_pass_its_tests_gives_way_to_the_one_before(compatible: bool) -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.compatible = compatible
    driver.broken_versions = {NEW}
    with pytest.raises(ReleaseFailed, match=f"{NEW} does not work") as failed:
        run(driver)
    assert failed.value.back == OLD
    assert runs(driver, OLD)
    assert "announce running" not in driver.calls[: driver.calls.index(f"deploy {OLD}")]


def test_a_version_whose_core_does_not_even_start_gives_way_to_the_one_before() -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.compatible = True
    driver.stillborn_versions = {NEW}
    with pytest.raises(ReleaseFailed, match=f"core did not start with {NEW}") as failed:
        run(driver)
    assert failed.value.back == OLD
    assert runs(driver, OLD)
    # Nobody is let in before one answers, and workers are of that version too.
    assert in_order(
        driver, "announce restricted", "scale", "await_health", "roll_out", "smoke_test", "announce running"
    )


def test_a_migration_that_fails_leaves_the_version_before() -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.migration = MigrationResult(1, "relation exists")
    with pytest.raises(ReleaseFailed, match="relation exists") as failed:
        run(driver)
    assert failed.value.back == OLD
    assert runs(driver, OLD)


def test_a_version_that_there_is_not_changes_nothing() -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.unknown_versions = {NEW}
    with pytest.raises(ReleaseFailed, match=f"there is no {NEW}"):
        run(driver)
    assert runs(driver, OLD)
    assert "roll_out" not in driver.calls


def test_when_the_way_back_fails_too_people_stay_outside_and_the_operator_is_told() -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.broken_versions = {OLD, NEW}
    with pytest.raises(ReleaseFailed, match=f"(?s){NEW} does not work.*{OLD} does not work") as failed:
        run(driver)
    assert failed.value.back is None
    assert failed.value.state is State.RESTRICTED
    assert driver.store.holder is None
    driver.broken_versions = {NEW}
    with pytest.raises(ReleaseFailed):
        run(driver)
    assert runs(driver, OLD)


def test_without_a_maintenance_header_nothing_is_changed() -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.maintenance_header = None
    before = driver.store.record
    with pytest.raises(Refused):
        run(driver, Rolling.NEVER)
    assert driver.store.record == before


def test_two_operators_do_not_release_at_once() -> None:
    driver = InMemoryDriver(State.RUNNING)
    with driver.store.lock("ben"), pytest.raises(Locked, match="ben"):
        run(driver)


@pytest.mark.parametrize("after_the_effect", [False, True])
@pytest.mark.parametrize("compatible", [False, True])
def test_killed_at_any_point_it_goes_on(compatible: bool, after_the_effect: bool) -> None:
    for at in range(1, 200):
        driver = InMemoryDriver(State.RUNNING)
        driver.compatible, driver.schema_is_old = compatible, True
        driver.interrupt_at, driver.after_the_effect = at, after_the_effect
        try:
            run(driver)
        except Killed:
            driver.store.holder = driver.interrupt_at = None
            run(driver)
            assert runs(driver, NEW), at
        else:
            assert at > 8
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("after_the_effect", [False, True])
def test_killed_on_the_way_back_it_goes_on(after_the_effect: bool) -> None:
    for at in range(1, 200):
        driver = InMemoryDriver(State.RUNNING)
        driver.broken_versions = {NEW}
        driver.interrupt_at, driver.after_the_effect = at, after_the_effect
        try:
            run(driver)
        except (Killed, ReleaseFailed) as ended:
            if isinstance(ended, ReleaseFailed):
                assert at > 8
                return
            driver.store.holder = driver.interrupt_at = None
            with pytest.raises(ReleaseFailed):
                run(driver)
            assert runs(driver, OLD), at


@pytest.mark.parametrize("compatible", [False, True])
def test_whichever_call_fails_once_the_version_before_runs_or_the_new_one_does(compatible: bool) -> None:
    for at in range(1, 200):
        driver = InMemoryDriver(State.RUNNING)
        driver.compatible = compatible
        driver.interrupt_at, driver.interruption = at, StepFailed
        ended = _end_of(driver)
        if isinstance(ended, StepFailed):
            # Nothing could be written down at the beginning or at the end: it goes on from where it was.
            ended = _end_of(driver)
        version = OLD if isinstance(ended, ReleaseFailed) else NEW
        assert runs(driver, version), at
        if len(driver.calls) < at:
            assert at > 8
            return


def _end_of(driver: InMemoryDriver) -> Released | ReleaseFailed | StepFailed:
    try:
        return run(driver)
    except (ReleaseFailed, StepFailed) as error:
        return error
