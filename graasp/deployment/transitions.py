"""Takes an installation to a state: plans, checks, does, and writes down every step that has succeeded.

It may be killed at any point. Whoever runs it again goes on from what is written down.
"""

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from graasp.deployment.driver import Driver, InFlight, Report, StepFailed
from graasp.deployment.planner import Action, Step, plan, remaining
from graasp.deployment.records import Record, Transition
from graasp.deployment.safety import names, should_not_run, why_not_begin, why_not_do
from graasp.deployment.states import STATES, Service, State, desired_counts

_DRAIN_POLL_S = 0.25
_LOG_TAIL_LINES = 20

# Is entered around every step; what it yields takes the lines on what happens.
Watch = Callable[[Step], AbstractContextManager[Report]]


@dataclass(frozen=True)
class Options:
    """`drain_s`: the bound of draining, in seconds; `must_drain`: whether to stop there instead of going on."""

    drain_s: float = 60.0
    must_drain: bool = False
    # Go to `running` although the database lacks migrations of the version.
    allow_pending: bool = False
    # Take every step, also to the state that is recorded.
    again: bool = False
    # The version to migrate to, and to start; the deployed one when left out.
    version: str | None = None


class Refused(Exception):
    """It would be unsafe; nothing was changed. The message says what to do."""


class TransitionFailed(Exception):
    """A step failed, and none was taken after it. `record` is what was written down."""

    def __init__(self, step: Step, reason: str, record: Record) -> None:
        super().__init__(reason)
        self.step = step
        self.reason = reason
        self.record = record


def _unwatched(_: Step) -> AbstractContextManager[Report]:
    return nullcontext(lambda _: None)


def steps_to(record: Record, target: State, *, again: bool = False) -> tuple[Step, ...]:
    """What leads to the state, or is left of what does; none when it holds."""
    interrupted = record.transition
    if interrupted is not None and interrupted.target == target and not again:
        return remaining(target, interrupted.done)
    return plan(None if interrupted or again else record.state, target)


def change_state(
    driver: Driver,
    target: State,
    *,
    operator: str,
    options: Options = Options(),
    watch: Watch = _unwatched,
) -> Record:
    """Take the installation to the state, alone; the record afterwards.

    Raises Locked when somebody else changes it, Refused, and TransitionFailed.
    """
    with driver.store.lock(operator):
        return change_state_locked(driver, target, operator=operator, options=options, watch=watch)


def change_state_locked(
    driver: Driver,
    target: State,
    *,
    operator: str,
    options: Options = Options(),
    watch: Watch = _unwatched,
) -> Record:
    """As `change_state`, for whoever holds the lock over several changes."""
    record = driver.store.read()
    steps = steps_to(record, target, again=options.again)
    if not steps:
        return record
    if reason := why_not_begin(driver, target, allow_pending=options.allow_pending):
        raise Refused(reason)
    transition = record.transition
    if transition is None or transition.target != target or options.again:
        transition = Transition(target=target, begun_at=_now(), operator=operator)
    run = _Run(driver, target, options, record.model_copy(update={"transition": transition}))
    return run.through(steps, watch)


def reconcile(driver: Driver, *, operator: str, report: Report) -> bool:
    """Stop a database that is up although the installation is stopped; whether it was.

    Clouds start a stopped database by themselves after some days. Raises Locked and StepFailed.
    """
    with driver.store.lock(operator):
        record = driver.store.read()
        if record.transition is not None or STATES[record.state].database:
            return False
        observed = driver.observe()
        if not observed.database:
            return False
        if running := should_not_run(observed, record.state):
            raise StepFailed(
                f"The installation is stopped, but not only its database is up: {names(running)}. "
                "`graasp state set stopped --again` stops everything."
            )
        driver.stop_database(report)
        return True


def restore(driver: Driver, snapshot: str, *, operator: str, report: Report) -> None:
    """Put a snapshot in the place of what the database holds: in `db-only` alone, where nothing writes.

    Raises Locked, Refused, and StepFailed.
    """
    with driver.store.lock(operator):
        record = driver.store.read()
        if record.state is not State.DB_ONLY or record.transition is not None:
            raise Refused("Cores and workers may write: `graasp state set db-only` first.")
        driver.restore(snapshot, report)


def migrate(driver: Driver, report: Report) -> None:
    """Run the migration task. Raises StepFailed, with the end of its log, by its exit code."""
    result = driver.migrate(report)
    if result.exit_code:
        end = "\n".join(result.log.strip().splitlines()[-_LOG_TAIL_LINES:])
        raise StepFailed(f"The migration task ended with exit code {result.exit_code}:\n{end}")


def snapshot_name(record: Record, now: datetime) -> str:
    """Letters, digits and single hyphens: every target takes that."""
    about = re.sub(r"[^a-z0-9]+", "-", (record.version or record.state).lower()).strip("-")
    return f"graasp-{now.astimezone(UTC):%Y%m%dt%H%M%Sz}-{about}"


class _Run:
    """One transition under way."""

    def __init__(self, driver: Driver, target: State, options: Options, record: Record) -> None:
        self._driver = driver
        self._target = target
        self._options = options
        self._record = record
        self._counts = desired_counts(target, driver.replicas)
        self._do: dict[Action, Callable[[Report], None]] = {
            Action.START_DATABASE: driver.start_database,
            Action.CLOSE_FRONT_DOOR: self._close_front_door,
            Action.DRAIN: self._drain,
            Action.STOP_SERVICES: self._stop_services,
            Action.RECORD_STATE: self._record_state,
            Action.SNAPSHOT: self._snapshot,
            Action.MIGRATE: self._migrate,
            Action.STOP_DATABASE: driver.stop_database,
            Action.START_SERVICES: self._start_services,
            Action.AWAIT_HEALTH: self._await_health,
            Action.OPEN_FRONT_DOOR: self._open_front_door,
        }

    def through(self, steps: tuple[Step, ...], watch: Watch) -> Record:
        self._write(self._record)
        for step in steps:
            with watch(step) as report:
                try:
                    if reason := why_not_do(step.action, self._driver, self._target):
                        raise StepFailed(reason)
                    self._do[step.action](report)
                except StepFailed as error:
                    raise TransitionFailed(step, str(error), self._record) from error
                self._write_done(step.action)
        self._write(self._record.model_copy(update={"transition": None}))
        return self._record

    def _close_front_door(self, report: Report) -> None:
        """Close what the target closes, and open nothing: that comes last."""
        announced = self._driver.observe().announced
        closed = self._target if STATES[self._target].guarded else State.RESTRICTED
        if announced is not None and STATES[closed].guarded <= STATES[announced].guarded:
            closed = announced
        self._driver.announce(closed, report)

    def _open_front_door(self, report: Report) -> None:
        self._driver.announce(self._target, report)

    def _drain(self, report: Report) -> None:
        deadline = time.monotonic() + self._options.drain_s
        told: InFlight | None = None
        while (still_open := self._driver.in_flight()) and any(still_open):
            if still_open != told:
                report(f"still open: {_amounts(still_open)}")
                told = still_open
            if time.monotonic() >= deadline:
                self._give_up_draining(still_open, report)
                return
            time.sleep(_DRAIN_POLL_S)
        report("nothing is open any more")

    def _give_up_draining(self, still_open: InFlight, report: Report) -> None:
        what = f"{_amounts(still_open)} still open after {self._options.drain_s:g} s"
        if self._options.must_drain:
            raise StepFailed(f"{what}. Run this again to wait on, or without --must-drain to go on.")
        report(f"{what}; going on without them")

    def _stop_services(self, report: Report) -> None:
        self._driver.scale({service: 0 for service, count in self._counts.items() if not count}, report)

    def _record_state(self, report: Report) -> None:
        changes: dict[str, object] = {}
        if self._record.state != self._target or self._record.since is None:
            changes |= {"state": self._target, "since": _now()}
        if version := self._driver.observe().version:
            changes["version"] = version
        self._write(self._record.model_copy(update=changes))
        report(f"the state is {self._target}")

    def _snapshot(self, report: Report) -> None:
        snapshot = self._driver.snapshot(snapshot_name(self._record, _now()), report)
        self._write(self._record.model_copy(update={"last_snapshot": snapshot}))
        report(f"saved as {snapshot.name}")

    def _migrate(self, report: Report) -> None:
        self._deploy(report)
        migrate(self._driver, report)

    def _deploy(self, report: Report) -> None:
        if self._options.version is not None:
            self._driver.deploy(self._options.version, report)

    def _start_services(self, report: Report) -> None:
        self._deploy(report)
        counts = self._wanted()
        found = self._driver.observe().services.get(Service.CORE)
        if Service.REDIS in counts and not (found and found.running):
            # Cores believe what Redis tells them when they start, and it may have forgotten that the door is closed.
            redis = {Service.REDIS: counts[Service.REDIS]}
            self._driver.scale(redis, report)
            self._driver.await_health(redis, report)
            self._close_front_door(report)
        self._driver.scale(counts, report)

    def _await_health(self, report: Report) -> None:
        self._driver.await_health(self._wanted(), report)

    def _wanted(self) -> dict[Service, int]:
        return {service: count for service, count in self._counts.items() if count}

    def _write_done(self, action: Action) -> None:
        transition = self._record.transition
        if transition is not None and action not in transition.done:
            done = transition.model_copy(update={"done": (*transition.done, action)})
            self._write(self._record.model_copy(update={"transition": done}))

    def _write(self, record: Record) -> None:
        self._driver.store.write(record)
        self._record = record


def _amounts(still_open: InFlight) -> str:
    return f"{still_open.requests} requests, {still_open.websockets} websockets"


def _now() -> datetime:
    return datetime.now(UTC)
