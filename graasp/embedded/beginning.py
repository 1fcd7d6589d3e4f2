"""In which state `graasp up` comes up: the recorded one, as far as that is possible."""

from dataclasses import dataclass
from datetime import UTC, datetime

from graasp.deployment.file_store import FileStore, RecordUnreadable
from graasp.deployment.records import Locked, Record
from graasp.deployment.states import STATES, Service, State
from graasp.embedded.process import CannotStart

_OPERATOR = "graasp up"


@dataclass(frozen=True)
class Beginning:
    """`announced`: as which state requests are treated from the start; `explanation`: lines for the developer."""

    state: State
    announced: State
    explanation: tuple[str, ...]
    store: FileStore
    found: Record

    @property
    def services(self) -> frozenset[Service]:
        """Of those that run here."""
        return STATES[self.state].up & {Service.CORE, Service.WORKERS, Service.REDIS}

    @property
    def migrates(self) -> bool:
        """A state without services has its own migration task."""
        return bool(self.services)

    def record(self) -> None:
        """Write down the state, now that it holds. A transition that was interrupted stays interrupted.

        Raises CannotStart when somebody changes the state just now.
        """
        if self.found.state == self.state:
            return
        try:
            with self.store.lock(_OPERATOR):
                self.store.write(
                    self.store.read().model_copy(update={"state": self.state, "since": datetime.now(UTC)})
                )
        except Locked as error:
            raise CannotStart(str(error)) from error


def begin(store: FileStore) -> Beginning:
    """Raises CannotStart when the record can't be read."""
    try:
        found = store.read()
    except RecordUnreadable as error:
        raise CannotStart(str(error)) from error
    lines = []
    interrupted = found.transition
    state = found.state
    if state is State.STOPPED:
        # Who starts it wants it to run, but not open if it was to be changed.
        state = State.RESTRICTED if interrupted and STATES[interrupted.target].guarded else State.RUNNING
        since = f" since {found.since:%Y-%m-%d %H:%M %Z}" if found.since else ""
        lines.append(f"Graasp was stopped{since}. It is started again, and is {state} then.")
    announced = state
    if interrupted is not None:
        if STATES[interrupted.target].guarded and not STATES[state].guarded:
            announced = State.RESTRICTED
        lines.append(
            f"A change to {interrupted.target} was interrupted: `graasp state set {interrupted.target}` goes on."
        )
    return Beginning(state, announced, tuple(lines), store, found)
