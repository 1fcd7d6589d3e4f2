"""What leads from one state to another: ordered steps, planned without touching anything."""

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from graasp.deployment.states import STATES, State


class Action(StrEnum):
    """What a step does. Every one may be done again: a second time it changes nothing."""

    START_DATABASE = "start database"
    CLOSE_FRONT_DOOR = "close front door"
    DRAIN = "drain"
    STOP_SERVICES = "stop services"
    RECORD_STATE = "record state"
    SNAPSHOT = "snapshot"
    MIGRATE = "migrate"
    STOP_DATABASE = "stop database"
    START_SERVICES = "start services"
    AWAIT_HEALTH = "await health"
    OPEN_FRONT_DOOR = "open front door"


class Step(NamedTuple):
    """`does`: what happens. `check`: what is looked at before. `way_back`: what undoes it, should a later one fail."""

    action: Action
    does: str
    check: str
    way_back: str


_STEPS = {
    step.action: step
    for step in (
        Step(
            Action.START_DATABASE,
            "start the database and wait until it takes connections",
            "there is a database to start",
            "`graasp state set stopped` stops it again",
        ),
        Step(
            Action.CLOSE_FRONT_DOOR,
            "people see the maintenance screen; requests with the secret header pass",
            "a maintenance header's name and secret are set",
            "`graasp state set running` opens it again",
        ),
        Step(
            Action.DRAIN,
            "wait, within a bound, until requests in flight and websockets have ended",
            "the front door is closed",
            "nothing to undo",
        ),
        Step(
            Action.STOP_SERVICES,
            "stop what does not run in the new state; workers finish their jobs or hand them back",
            "the front door is closed",
            "`graasp state set restricted` starts them again",
        ),
        Step(
            Action.RECORD_STATE,
            "write down the new state",
            "what came before has succeeded",
            "nothing to undo",
        ),
        Step(
            Action.SNAPSHOT,
            "save the database, and wait until it is saved",
            "the database is up",
            "nothing to undo: the snapshot is kept",
        ),
        Step(
            Action.MIGRATE,
            "run the migration task once; its exit code decides",
            "no other migration runs, and neither cores nor workers do",
            "`graasp state set restricted` with the version before: it works with the wider schema",
        ),
        Step(
            Action.STOP_DATABASE,
            "stop the database",
            "nothing that needs it runs any more",
            "`graasp state set db-only` starts it again",
        ),
        Step(
            Action.START_SERVICES,
            "start what runs in the new state, Redis before what needs it",
            "the database is up, and no migration runs",
            "`graasp state set db-only` stops them again",
        ),
        Step(
            Action.AWAIT_HEALTH,
            "wait until every service answers",
            "what should run was started",
            "`graasp state set db-only` stops them again",
        ),
        Step(
            Action.OPEN_FRONT_DOOR,
            "whom the new state lets pass, passes: in `running` everybody",
            "every service answers",
            "`graasp state set restricted` closes it again",
        ),
    )
}


_ONCE = frozenset({Action.DRAIN, Action.SNAPSHOT, Action.MIGRATE})


def plan(current: State | None, target: State) -> tuple[Step, ...]:
    """The steps from `current` to `target`, in order.

    `current` is None when it is not known, as after a transition to somewhere else was interrupted: then every step
    that leads to `target` is taken. A state is planned again from itself only by an operator who says so, that is
    with None: from `target` to `target` there is nothing to do.
    """
    return () if current == target else tuple(_STEPS[action] for action in _actions(current, target))


def remaining(target: State, done: Collection[Action]) -> tuple[Step, ...]:
    """The steps to `target` that are left after a transition to it was interrupted.

    What only makes sure of something is done again, since anything may have happened meanwhile; what takes its time
    whenever it is done is not.
    """
    return tuple(step for step in plan(None, target) if step.action not in _ONCE.intersection(done))


def _actions(current: State | None, target: State) -> list[Action]:
    before = None if current is None else STATES[current]
    after = STATES[target]
    closes = bool(after.guarded - (before.guarded if before else frozenset()))
    opens = bool((before.guarded if before else STATES[State.STOPPED].guarded) - after.guarded)
    stops = bool(STATES[State.RUNNING].up - after.up) and not (before and before.up <= after.up)
    starts = bool(after.up) and not (before and after.up <= before.up)
    actions = []
    if after.database and not (before and before.database):
        actions.append(Action.START_DATABASE)
    if closes:
        actions += [Action.CLOSE_FRONT_DOOR, Action.DRAIN]
    if stops:
        actions.append(Action.STOP_SERVICES)
    if not after.database and not (before and not before.database):
        actions.append(Action.STOP_DATABASE)
    if after.migrates:
        # On failure the installation stays in the new state: it is safe there, and `set` again goes on.
        actions += [Action.RECORD_STATE, Action.SNAPSHOT, Action.MIGRATE]
    if starts:
        actions.append(Action.START_SERVICES)
    if starts or opens:
        actions.append(Action.AWAIT_HEALTH)
    if opens:
        actions.append(Action.OPEN_FRONT_DOOR)
    if Action.RECORD_STATE not in actions:
        actions.append(Action.RECORD_STATE)
    return actions
