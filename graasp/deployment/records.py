"""What is written down about an installation's state, and the lock of whoever changes it."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from graasp.deployment.planner import Action
from graasp.deployment.states import State


class Transition(BaseModel):
    """A change of state that has begun. `done`: the steps that have succeeded, in order."""

    model_config = ConfigDict(frozen=True)

    target: State
    begun_at: datetime
    operator: str
    done: tuple[Action, ...] = ()


class Snapshot(BaseModel):
    """`name` is what the target's restore takes."""

    model_config = ConfigDict(frozen=True)

    name: str
    taken_at: datetime
    # Of the product, when it was taken.
    version: str | None = None


class ReleaseUnderWay(BaseModel):
    """A release that has begun. `previous` is the version to go back to, when it is known."""

    model_config = ConfigDict(frozen=True)

    version: str
    previous: str | None
    begun_at: datetime
    operator: str


class Record(BaseModel):
    """`state` holds; while `transition` is set, one to its target has begun and not ended."""

    model_config = ConfigDict(frozen=True)

    state: State = State.RUNNING
    since: datetime | None = None
    version: str | None = None
    transition: Transition | None = None
    last_snapshot: Snapshot | None = None
    release: ReleaseUnderWay | None = None


class Locked(Exception):
    """Somebody else changes the state; the message says who, since when, and what to do."""


class Store(Protocol):
    """Where a target keeps its record and its lock: somewhere that survives every state."""

    def read(self) -> Record:
        """The record; of an installation that has none yet, a fresh one."""
        ...

    def write(self, record: Record) -> None:
        """Replace the record, all or nothing."""
        ...

    def lock(self, operator: str) -> AbstractContextManager[None]:
        """Hold the lock. Raises Locked when somebody else does."""
        ...

    def unlock(self) -> str | None:
        """Take the lock from whoever holds it; who that was, None when nobody did."""
        ...
