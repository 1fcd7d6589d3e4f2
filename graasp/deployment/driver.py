"""What a target must be able to do; the order in which it does it is the planner's and the transitions'."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from graasp.deployment.records import Snapshot, Store
from graasp.deployment.states import Service, State

# Takes a line on what happens, as it happens.
Report = Callable[[str], None]


class StepFailed(Exception):
    """A step did not succeed; the message says why, and what to do."""


class InFlight(NamedTuple):
    """What the cores still serve to people without the header."""

    requests: int
    websockets: int


class ServiceStatus(NamedTuple):
    """`ready`: how many answer."""

    running: int
    ready: int


class Observed(NamedTuple):
    """What the target finds, whatever was written down. What it can't tell cheaply is None."""

    services: Mapping[Service, ServiceStatus]
    database: bool
    version: str | None
    # As which state the front door treats requests.
    announced: State | None = None
    # Whether a migration task is at work.
    migrating: bool = False
    # Whether the deployed version has migrations that the database lacks.
    migrations_pending: bool | None = None


class MigrationResult(NamedTuple):
    exit_code: int
    log: str


class Driver(Protocol):
    """One installation on one kind of target. Calls block until what they say is so, and raise StepFailed.

    Each may be called again at any time: what is so already is left as it is, so an interrupted transition goes on.
    """

    @property
    def replicas(self) -> Mapping[Service, int]:
        """The services it has, and how many of each run where the service is up."""
        ...

    @property
    def store(self) -> Store: ...

    @property
    def maintenance_header(self) -> str | None:
        """The header's name; None when it or its secret is not set, and only `running` can be reached."""
        ...

    def observe(self) -> Observed:
        """What is there now."""
        ...

    def announce(self, state: State, report: Report) -> None:
        """Make the front door, and every core that runs, treat requests as in the state."""
        ...

    def in_flight(self) -> InFlight | None:
        """What is still being served; None when no core is there to tell."""
        ...

    def scale(self, counts: Mapping[Service, int], report: Report) -> None:
        """Run that many of each service named: starting Redis first, and stopping it last. Does not await health."""
        ...

    def await_health(self, counts: Mapping[Service, int], report: Report) -> None:
        """Return once that many of each service answer."""
        ...

    def start_database(self, report: Report) -> None: ...

    def stop_database(self, report: Report) -> None: ...

    def snapshot(self, name: str, report: Report) -> Snapshot:
        """Save the database under a name that was not used before; returns when it can be restored from."""
        ...

    def restore(self, snapshot: str, report: Report) -> None:
        """Replace the database's content by a snapshot's. Services that need it are at zero."""
        ...

    def migrate(self, report: Report) -> MigrationResult:
        """Run the migration task of the deployed version once and wait for its end."""
        ...

    def exact(self, version: str) -> str:
        """The version by a name that means the same tomorrow, when one goes back to it. Raises StepFailed."""
        ...

    def deploy(self, version: str, report: Report) -> None:
        """Make this version the one that `scale` starts and `migrate` runs. What runs already is left as it is."""
        ...

    def migrates_compatibly(self, report: Report) -> bool:
        """Whether the deployed version's pending migrations leave the version that runs working.

        Asks `graasp migrate --compatible`, run as the migration task is.
        """
        ...

    def roll_out(self, report: Report) -> None:
        """Replace what runs by the deployed version, one after the other, without an interruption."""
        ...

    def smoke_test(self, report: Report) -> None:
        """Run `graasp smoke-test` where the installation's secrets are. Raises StepFailed with its last lines."""
        ...
