"""How an installation is taken from a state to another, whatever fails on the way.

The in-memory installation asserts at every call what must never happen: see there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graasp.deployment import transitions
from graasp.deployment.driver import InFlight, MigrationResult, Report, StepFailed
from graasp.deployment.planner import Action, Step, plan
from graasp.deployment.records import Locked, Record, Transition
from graasp.deployment.states import Service, State
from graasp.deployment.transitions import (
    Options,
    Refused,
    TransitionFailed,
    change_state,
    reconcile,
    snapshot_name,
    steps_to,
)
from tests.deployment.in_memory import InMemoryDriver, Killed, holds

PAIRS = list(product(State, State))
FAR_MORE_CALLS_THAN_ANY_TRANSITION = 100


def change(driver: InMemoryDriver, target: State, **options: object) -> Record:
    return change_state(driver, target, operator="ana", options=Options(**options))  # type: ignore[arg-type]


def interrupt(
    driver: InMemoryDriver, target: State, *, at: int, how: type[BaseException], after_the_effect: bool
) -> bool:
    """Whether there was a call of that number to be interrupted at."""
    driver.interrupt_at, driver.interruption, driver.after_the_effect = at, how, after_the_effect
    driver.calls.clear()
    try:
        change(driver, target)
    except (TransitionFailed, Killed, StepFailed):
        # The lock of a killed process goes with it.
        driver.store.holder = None
        return True
    finally:
        driver.interrupt_at = None
    return False


@pytest.mark.parametrize(("current", "target"), PAIRS)
def test_from_every_state_to_every_state(current: State, target: State) -> None:
    driver = InMemoryDriver(current)
    record = change(driver, target)
    assert record == driver.store.read()
    assert holds(driver, target)


@pytest.mark.parametrize(("current", "target"), PAIRS)
def test_a_second_time_nothing_is_done(current: State, target: State) -> None:
    driver = InMemoryDriver(current)
    change(driver, target)
    driver.calls.clear()
    change(driver, target)
    assert driver.calls == []
    change(driver, target, again=True)
    assert holds(driver, target)


@pytest.mark.parametrize("how", [Killed, StepFailed])
@pytest.mark.parametrize("after_the_effect", [False, True])
@pytest.mark.parametrize(("current", "target"), PAIRS)
def test_interrupted_at_any_point_it_goes_on(
    current: State, target: State, how: type[BaseException], after_the_effect: bool
) -> None:
    for at in range(1, FAR_MORE_CALLS_THAN_ANY_TRANSITION):
        driver = InMemoryDriver(current)
        if not interrupt(driver, target, at=at, how=how, after_the_effect=after_the_effect):
            break
        change(driver, target)
        assert holds(driver, target), driver.calls
    else:
        pytest.fail("it never came to an end")


@pytest.mark.parametrize("elsewhere", State)
@pytest.mark.parametrize(("current", "target"), PAIRS)
def test_interrupted_at_any_point_it_can_go_elsewhere(
    current: State, target: State, elsewhere: State
) -> None:
    for at in range(1, FAR_MORE_CALLS_THAN_ANY_TRANSITION):
        driver = InMemoryDriver(current)
        if not interrupt(driver, target, at=at, how=Killed, after_the_effect=True):
            break
        change(driver, elsewhere)
        assert holds(driver, elsewhere), driver.calls


@given(
    st.lists(st.tuples(st.sampled_from(State), st.integers(1, 25), st.booleans()), max_size=6),
    st.sampled_from(State),
)
def test_whatever_was_interrupted_before_every_state_can_be_reached(
    attempts: list[tuple[State, int, bool]], target: State
) -> None:
    driver = InMemoryDriver(State.RUNNING)
    for attempted, at, after_the_effect in attempts:
        interrupt(driver, attempted, at=at, how=Killed, after_the_effect=after_the_effect)
    change(driver, target)
    assert holds(driver, target)


def test_steps_are_watched_and_written_down_as_they_succeed() -> None:
    driver = InMemoryDriver(State.RUNNING)
    seen: list[tuple[Action, tuple[Action, ...]]] = []

    @contextmanager
    def watch(step: Step) -> Iterator[Report]:
        transition = driver.store.record.transition
        assert transition is not None
        seen.append((step.action, transition.done))
        yield lambda line: None

    change_state(driver, State.DB_ONLY, operator="ana", watch=watch)
    planned = tuple(step.action for step in plan(State.RUNNING, State.DB_ONLY))
    assert seen == [(action, planned[:number]) for number, action in enumerate(planned)]


def test_a_failed_migration_leaves_db_only_with_the_log_and_an_open_transition() -> None:
    driver = InMemoryDriver(State.RESTRICTED)
    driver.migration = MigrationResult(1, "applied 0001\nrelation does not exist")
    with pytest.raises(
        TransitionFailed, match=r"exit code 1:\napplied 0001\nrelation does not exist"
    ) as failed:
        change(driver, State.DB_ONLY)
    record = driver.store.read()
    assert failed.value.record == record
    assert failed.value.step.action is Action.MIGRATE
    assert record.state is State.DB_ONLY
    assert record.transition is not None
    assert record.transition.operator == "ana"
    assert record.transition.done[-1] is Action.SNAPSHOT
    assert record.last_snapshot is not None
    assert record.last_snapshot.name == driver.snapshots[-1]
    assert driver.running[Service.CORE] == 0

    driver.migration = MigrationResult(0, "")
    change(driver, State.DB_ONLY)
    assert holds(driver, State.DB_ONLY)
    assert len(driver.snapshots) == 1


def test_after_a_failed_migration_there_is_a_way_back() -> None:
    driver = InMemoryDriver(State.RESTRICTED)
    driver.migration = MigrationResult(1, "")
    with pytest.raises(TransitionFailed):
        change(driver, State.DB_ONLY)
    change(driver, State.RESTRICTED)
    assert holds(driver, State.RESTRICTED)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "_DRAIN_POLL_S", 0.001)


@pytest.mark.usefixtures("hurried")
def test_draining_waits_for_what_is_open() -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.open_still = [InFlight(3, 2), InFlight(1, 2), InFlight(0, 1)]
    told = lines_of(driver, Action.DRAIN)
    assert told == [
        "still open: 3 requests, 2 websockets",
        "still open: 1 requests, 2 websockets",
        "still open: 0 requests, 1 websockets",
        "nothing is open any more",
    ]


@pytest.mark.usefixtures("hurried")
def test_draining_has_a_bound_and_tells_what_it_gives_up() -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.open_still = [InFlight(1, 4)] * 10_000
    told = lines_of(driver, Action.DRAIN, drain_s=0.02)
    assert told[-1] == "1 requests, 4 websockets still open after 0.02 s; going on without them"
    assert holds(driver, State.RESTRICTED)


@pytest.mark.usefixtures("hurried")
def test_who_must_drain_stops_at_the_bound_and_can_wait_on() -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.open_still = [InFlight(1, 0)] * 10_000
    with pytest.raises(
        TransitionFailed, match=r"1 requests, 0 websockets still open after 0 s\. Run this again"
    ):
        change(driver, State.STOPPED, drain_s=0, must_drain=True)
    assert driver.running[Service.CORE] == 2
    driver.open_still = []
    change(driver, State.STOPPED, must_drain=True)
    assert holds(driver, State.STOPPED)


def lines_of(driver: InMemoryDriver, action: Action, **options: float) -> list[str]:
    lines: dict[Action, list[str]] = {}

    @contextmanager
    def watch(step: Step) -> Iterator[Report]:
        yield lines.setdefault(step.action, []).append

    change_state(driver, State.RESTRICTED, operator="ana", options=Options(**options), watch=watch)  # type: ignore[arg-type]
    return lines[action]


@pytest.mark.parametrize("target", [State.RESTRICTED, State.DB_ONLY, State.STOPPED])
def test_without_a_header_only_running_can_be_reached(target: State) -> None:
    driver = InMemoryDriver(State.RUNNING)
    driver.maintenance_header = None
    with pytest.raises(Refused, match="Expected to have a maintenance header name and value"):
        change(driver, target)
    assert driver.calls == []
    driver = InMemoryDriver(target)
    driver.maintenance_header = None
    change(driver, State.RUNNING)
    assert holds(driver, State.RUNNING)


@pytest.mark.parametrize(("current", "target"), [pair for pair in PAIRS if pair[0] != pair[1]])
def test_while_a_migration_is_at_work_nothing_changes(current: State, target: State) -> None:
    driver = InMemoryDriver(current)
    driver.migrating = True
    with pytest.raises(Refused, match="A migration task is at work"):
        change(driver, target)
    assert driver.calls == []


def test_a_database_that_lacks_migrations_is_not_opened_to_people() -> None:
    driver = InMemoryDriver(State.RESTRICTED)
    driver.schema_is_old = True
    with pytest.raises(Refused, match="state set db-only"):
        change(driver, State.RUNNING)
    assert driver.calls == []
    change(driver, State.DB_ONLY)
    change(driver, State.RUNNING)
    assert holds(driver, State.RUNNING)


def test_who_says_so_opens_it_all_the_same() -> None:
    driver = InMemoryDriver(State.RESTRICTED)
    driver.schema_is_old = True
    change(driver, State.RUNNING, allow_pending=True)
    assert holds(driver, State.RUNNING)


def test_two_operators_never_change_it_at_once() -> None:
    driver = InMemoryDriver(State.RUNNING)
    with driver.store.lock("ben"), pytest.raises(Locked, match="ben"):
        change(driver, State.STOPPED)
    assert driver.calls == []


def test_the_front_door_is_looked_at_before_services_stop() -> None:
    driver = InMemoryDriver(State.RESTRICTED)
    driver.door = State.RUNNING
    with pytest.raises(
        TransitionFailed, match=r"front door is open: it treats requests as in running"
    ) as failed:
        change(driver, State.DB_ONLY)
    assert failed.value.step.action is Action.STOP_SERVICES


@pytest.mark.parametrize("current", [State.RESTRICTED, State.DB_ONLY, State.STOPPED])
def test_services_that_do_not_answer_are_not_opened(current: State) -> None:
    driver = InMemoryDriver(current)
    driver.healthy.discard(Service.LIBRARY)
    driver.silent = {Service.LIBRARY}
    with pytest.raises(TransitionFailed, match="Not answering: library") as failed:
        change(driver, State.RUNNING)
    assert failed.value.step.action is Action.AWAIT_HEALTH
    assert driver.door is not State.RUNNING
    driver.silent = set()
    change(driver, State.RUNNING)
    assert holds(driver, State.RUNNING)


def test_a_stopped_database_that_started_by_itself_is_stopped_again() -> None:
    driver = InMemoryDriver(State.STOPPED)
    assert not reconcile(driver, operator="cron", report=lambda line: None)
    driver.database = True
    assert reconcile(driver, operator="cron", report=lambda line: None)
    assert holds(driver, State.STOPPED)


def test_reconciling_leaves_alone_what_is_up_rightly_or_not_alone() -> None:
    driver = InMemoryDriver(State.DB_ONLY)
    assert not reconcile(driver, operator="cron", report=lambda line: None)
    driver = InMemoryDriver(State.STOPPED)
    driver.database, driver.running[Service.CORE] = True, 1
    with pytest.raises(StepFailed, match=r"core\. `graasp state set stopped --again`"):
        reconcile(driver, operator="cron", report=lambda line: None)
    assert driver.database


def test_reconciling_waits_for_whoever_is_under_way() -> None:
    driver = InMemoryDriver(State.STOPPED)
    driver.database = True
    interrupted = Transition(target=State.RUNNING, begun_at=datetime.now(UTC), operator="ana")
    driver.store.record = driver.store.record.model_copy(update={"transition": interrupted})
    assert not reconcile(driver, operator="cron", report=lambda line: None)
    assert driver.database


def test_a_snapshot_is_named_for_when_and_what() -> None:
    at = datetime(2026, 1, 2, 4, 5, 6, tzinfo=timezone(timedelta(hours=1)))
    assert snapshot_name(Record(state=State.DB_ONLY), at) == "graasp-20260102t030506z-db-only"
    assert snapshot_name(Record(version="v2.0.0-RC.1"), at) == "graasp-20260102t030506z-v2-0-0-rc-1"


def test_what_is_left_is_planned_without_touching_anything() -> None:
    driver = InMemoryDriver(State.RUNNING)
    interrupt(driver, State.STOPPED, at=6, how=Killed, after_the_effect=False)
    record = driver.store.read()
    driver.calls.clear()
    assert Action.DRAIN not in [step.action for step in steps_to(record, State.STOPPED)]
    assert steps_to(record, State.RUNNING) == plan(None, State.RUNNING)
    assert driver.calls == []
