"""What must be so before a transition, and before each of its steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from graasp.deployment.driver import Driver, Observed
from graasp.deployment.planner import Action
from graasp.deployment.states import STATES, Service, State, desired_counts

NO_HEADER = "Expected to have a maintenance header name and value"
_MIGRATING = "A migration task is at work. Wait until it has ended, and run this again."


def why_not_begin(driver: Driver, target: State, *, allow_pending: bool) -> str | None:
    """Why nothing should be touched on the way to a state."""
    if STATES[target].guarded and driver.maintenance_header is None:
        return f"{NO_HEADER}: set MAINTENANCE_HEADER_NAME and MAINTENANCE_HEADER_SECRET."
    observed = driver.observe()
    if observed.migrating:
        return _MIGRATING
    if observed.migrations_pending and not STATES[target].guarded and not allow_pending:
        return (
            "The database lacks migrations of this version. `graasp state set db-only` applies them; with "
            "--allow-pending this goes on without."
        )
    return None


def why_not_do(action: Action, driver: Driver, target: State) -> str | None:
    """Why a step on the way to a state must not be taken now."""
    if (check := _CHECKS.get(action)) is None:
        return None
    return check(_Found(driver.observe(), target, desired_counts(target, driver.replicas)))


def should_not_run(observed: Observed, state: State) -> list[Service]:
    """What runs although it does not in the state."""
    up = STATES[state].up
    return [service for service, status in observed.services.items() if status.running and service not in up]


def names(services: list[Service]) -> str:
    return ", ".join(services)


@dataclass(frozen=True)
class _Found:
    observed: Observed
    target: State
    counts: Mapping[Service, int]

    def open_door(self) -> str | None:
        announced = self.observed.announced
        if announced is None or not STATES[self.target].guarded - STATES[announced].guarded:
            return None
        return f"The front door is open: it treats requests as in {announced}."

    def no_database(self) -> str | None:
        return None if self.observed.database else "The database is not up."

    def no_database_or_a_migration(self) -> str | None:
        return self.no_database() or (_MIGRATING if self.observed.migrating else None)

    def something_at_work(self) -> str | None:
        running = should_not_run(self.observed, self.target)
        return f"Still running: {names(running)}." if running else None

    def unquiet_database(self) -> str | None:
        return self.no_database_or_a_migration() or self.something_at_work()

    def silent_services(self) -> str | None:
        found = self.observed.services
        silent = [
            s for s, count in self.counts.items() if count and (s not in found or found[s].ready < count)
        ]
        return f"Not answering: {names(silent)}." if silent else None


_CHECKS: Mapping[Action, Callable[[_Found], str | None]] = {
    Action.STOP_SERVICES: _Found.open_door,
    Action.SNAPSHOT: _Found.no_database,
    Action.MIGRATE: _Found.unquiet_database,
    Action.STOP_DATABASE: _Found.something_at_work,
    Action.START_SERVICES: _Found.no_database_or_a_migration,
    Action.OPEN_FRONT_DOOR: _Found.silent_services,
}
