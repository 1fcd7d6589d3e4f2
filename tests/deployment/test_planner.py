"""The table of states, and the plans made of it."""

from itertools import product

import pytest

from graasp.deployment.planner import Action, plan, remaining
from graasp.deployment.states import PRODUCTION, STATES, Service, State, desired_count, desired_counts

ALL_PAIRS = list(product((None, *State), State))


def actions(current: State | None, target: State) -> list[Action]:
    return [step.action for step in plan(current, target)]


def test_every_state_has_its_conditions() -> None:
    assert set(STATES) == set(State)


@pytest.mark.parametrize(
    ("state", "up", "database"),
    [
        ("running", set(Service), True),
        ("restricted", set(Service), True),
        ("db-only", {Service.WEB, Service.UMAMI}, True),
        ("stopped", set(), False),
    ],
)
def test_what_runs_in_each_state(state: State, up: set[Service], database: bool) -> None:
    assert STATES[State(state)].up == up
    assert STATES[State(state)].database is database


def test_people_are_kept_away_from_the_product_in_every_state_but_running() -> None:
    for state, conditions in STATES.items():
        assert (Service.CORE in conditions.guarded) is (state is not State.RUNNING)


def test_what_is_not_let_open_may_be_at_zero_and_nothing_else() -> None:
    for conditions in STATES.values():
        assert set(Service) - conditions.guarded <= conditions.up


def test_production_runs_two_cores() -> None:
    assert desired_count(State.RUNNING, Service.CORE, PRODUCTION) == 2
    assert desired_count(State.DB_ONLY, Service.CORE, PRODUCTION) == 0


def test_a_service_that_is_not_installed_is_never_counted() -> None:
    assert desired_counts(State.RUNNING, {Service.CORE: 1}) == {Service.CORE: 1}
    assert desired_count(State.RUNNING, Service.UMAMI, {Service.CORE: 1}) == 0


@pytest.mark.parametrize(("current", "target"), ALL_PAIRS)
def test_the_order_of_steps(current: State | None, target: State) -> None:
    order = actions(current, target)

    def before(first: Action, second: Action) -> bool:
        return first not in order or second not in order or order.index(first) < order.index(second)

    assert len(set(order)) == len(order)
    assert before(Action.CLOSE_FRONT_DOOR, Action.DRAIN)
    assert before(Action.DRAIN, Action.STOP_SERVICES)
    assert before(Action.STOP_SERVICES, Action.STOP_DATABASE)
    assert before(Action.STOP_SERVICES, Action.MIGRATE)
    assert before(Action.RECORD_STATE, Action.MIGRATE)
    assert before(Action.SNAPSHOT, Action.MIGRATE)
    assert before(Action.START_DATABASE, Action.MIGRATE)
    assert before(Action.START_DATABASE, Action.START_SERVICES)
    assert before(Action.MIGRATE, Action.START_SERVICES)
    assert before(Action.START_SERVICES, Action.AWAIT_HEALTH)
    assert before(Action.AWAIT_HEALTH, Action.OPEN_FRONT_DOOR)
    assert Action.OPEN_FRONT_DOOR not in order or Action.AWAIT_HEALTH in order
    assert (Action.RECORD_STATE in order) is (current != target)
    assert (Action.MIGRATE in order) is (target is State.DB_ONLY and current != target)
    assert (Action.STOP_DATABASE in order) is (target is State.STOPPED and current != target)


@pytest.mark.parametrize("state", State)
def test_to_the_state_that_holds_there_is_nothing_to_do(state: State) -> None:
    assert plan(state, state) == ()


@pytest.mark.parametrize("target", State)
def test_from_an_unknown_state_every_step_is_taken_that_from_any_known_one_is(target: State) -> None:
    every = set(actions(None, target))
    for current in State:
        assert set(actions(current, target)) <= every


def test_an_interrupted_transition_saves_and_migrates_once_but_makes_sure_of_the_rest_again() -> None:
    every = actions(None, State.DB_ONLY)
    left = [step.action for step in remaining(State.DB_ONLY, every)]
    assert set(every) - set(left) == {Action.DRAIN, Action.SNAPSHOT, Action.MIGRATE}
    assert [step.action for step in remaining(State.DB_ONLY, ())] == every


@pytest.mark.parametrize(("current", "target"), ALL_PAIRS)
def test_every_step_says_what_it_does_what_is_checked_and_what_undoes_it(
    current: State | None, target: State
) -> None:
    for step in plan(current, target):
        assert all((step.does, step.check, step.way_back))
