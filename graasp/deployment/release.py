"""Releases a version, and goes back to the one before when a step fails.

With an interruption: restricted, db-only with the migration, restricted with the new version, smoke tests, running.
Without one, where the migrations leave the version that runs working: the schema first, then one process after the
other. It may be killed at any point; whoever releases the same version again goes on.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from graasp.deployment.driver import Driver, Report, StepFailed
from graasp.deployment.planner import Step
from graasp.deployment.records import Record, ReleaseUnderWay, Snapshot
from graasp.deployment.states import Service, State
from graasp.deployment.transitions import (
    Options,
    Refused,
    TransitionFailed,
    change_state_locked,
    migrate,
    snapshot_name,
)

# Is entered around every stage and every step; what it yields takes the lines on what happens.
Stage = Callable[[str], AbstractContextManager[Report]]


class Rolling(StrEnum):
    """Whether people may go on working meanwhile."""

    AUTO = "auto"
    NEVER = "never"
    ONLY = "only"


@dataclass(frozen=True)
class Released:
    """`snapshot`: of the database as it was before."""

    version: str
    previous: str | None
    rolled: bool
    snapshot: Snapshot | None


class ReleaseFailed(Exception):
    """The version was not released. `back`: the version that runs again, None when an operator has to see to it."""

    def __init__(self, reason: str, *, state: State, back: str | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.state = state
        self.back = back


def _unseen(_: str) -> AbstractContextManager[Report]:
    return nullcontext(lambda _: None)


def release(
    driver: Driver,
    version: str,
    *,
    operator: str,
    rolling: Rolling = Rolling.AUTO,
    options: Options = Options(),
    stage: Stage = _unseen,
) -> Released:
    """Release a version; the installation runs at the end.

    Raises Locked, Refused when nothing was changed, and ReleaseFailed.
    """
    with driver.store.lock(operator):
        return _Release(driver, version, operator, options, stage).run(rolling)


class _Release:
    def __init__(self, driver: Driver, version: str, operator: str, options: Options, stage: Stage) -> None:
        self._driver = driver
        self._version = version
        self._operator = operator
        self._options = options
        self._stage = stage
        # Whether what runs may be another version than before.
        self._has_touched = False

    def run(self, rolling: Rolling) -> Released:
        before = self._driver.store.read()
        begun = self._begin(before)
        try:
            rolled = self._roll(rolling) or self._interrupt()
        except Refused:
            self._driver.store.write(before)
            raise
        except (TransitionFailed, StepFailed) as error:
            raise self._go_back(begun, str(error)) from error
        ended = self._end(self._version)
        return Released(self._version, begun.previous, rolled, ended.last_snapshot)

    def _begin(self, record: Record) -> ReleaseUnderWay:
        earlier = record.release
        if earlier is not None:
            self._has_touched = True
            if earlier.version == self._version:
                return earlier
        # One that was given up never ran: it is not where to go back to.
        previous = earlier.previous if earlier else record.version or self._driver.observe().version
        begun = ReleaseUnderWay(
            version=self._version, previous=previous, begun_at=datetime.now(UTC), operator=self._operator
        )
        self._driver.store.write(record.model_copy(update={"release": begun}))
        return begun

    def _end(self, version: str) -> Record:
        record = self._driver.store.read().model_copy(update={"release": None, "version": version})
        self._driver.store.write(record)
        return record

    def _roll(self, rolling: Rolling) -> bool:
        """Release without an interruption; whether that was possible. Raises StepFailed when it should have been."""
        if rolling is Rolling.NEVER:
            return False
        record = self._driver.store.read()
        if record.state is State.RUNNING and record.transition is None and self._is_compatible():
            self._migrate_beside_what_runs(record)
            self._roll_out()
            self._smoke_test()
            return True
        if rolling is Rolling.ONLY:
            raise StepFailed(
                f"{self._version} can't be released without an interruption: the installation does not run, or the "
                "version that runs would not work with the new schema. Leave out `--rolling only`."
            )
        return False

    def _is_compatible(self) -> bool:
        with self._stage(f"deploy {self._version}") as report:
            self._driver.deploy(self._version, report)
        with self._stage("compare schemas") as report:
            return self._driver.migrates_compatibly(report)

    def _migrate_beside_what_runs(self, record: Record) -> None:
        with self._stage("snapshot") as report:
            name = snapshot_name(record, datetime.now(UTC))
            snapshot = self._driver.snapshot(name, report)
            saved = self._driver.store.read().model_copy(update={"last_snapshot": snapshot})
            self._driver.store.write(saved)
        with self._stage("migrate") as report:
            migrate(self._driver, report)

    def _interrupt(self) -> bool:
        """Release with an interruption. Returns False: nothing was rolled out beside what ran."""
        record = self._driver.store.read()
        is_closing = record.transition is not None and record.transition.target is State.DB_ONLY
        if record.state is State.RUNNING and not is_closing:
            self._go_to(State.RESTRICTED)
        # In `db-only` already, it was another version that was migrated to.
        again = record.state is State.DB_ONLY and record.transition is None
        self._go_to(State.DB_ONLY, version=self._version, again=again)
        self._go_to(State.RESTRICTED, version=self._version)
        self._smoke_test()
        self._go_to(State.RUNNING)
        return False

    def _go_back(self, begun: ReleaseUnderWay, reason: str) -> ReleaseFailed:
        if begun.previous is None:
            return self._failed(f"{reason}\nIt is not known which version ran before.", back=None)
        try:
            self._return_to(begun.previous)
        except (TransitionFailed, StepFailed, Refused) as error:
            return self._failed(
                f"{reason}\nThe way back to {begun.previous} failed as well: {error}", back=None
            )
        self._end(begun.previous)
        return self._failed(reason, back=begun.previous)

    def _return_to(self, previous: str) -> None:
        """No step back of the schema: the version before works with the wider one."""
        with self._stage(f"deploy {previous} again") as report:
            self._driver.deploy(previous, report)
        if not self._has_touched:
            return
        running = {name for name, status in self._driver.observe().services.items() if status.running}
        if Service.CORE in running:
            self._roll_out()
            record = self._driver.store.read()
            if record.state is State.RUNNING and record.transition is None:
                self._smoke_test()
                return
        # A core that did not come up has nobody to answer for it: people see the screen until one does.
        self._go_to(State.RESTRICTED, again=True)
        if Service.CORE not in running and Service.WORKERS in running:
            # They may be of the version that failed.
            self._roll_out()
        self._smoke_test()
        self._go_to(State.RUNNING)

    def _roll_out(self) -> None:
        self._has_touched = True
        with self._stage("roll out") as report:
            self._driver.roll_out(report)

    def _smoke_test(self) -> None:
        with self._stage("smoke test") as report:
            self._driver.smoke_test(report)

    def _go_to(self, state: State, *, version: str | None = None, again: bool = False) -> None:
        self._has_touched = True
        change_state_locked(
            self._driver,
            state,
            operator=self._operator,
            options=replace(self._options, version=version, again=again),
            watch=self._watch,
        )

    def _watch(self, step: Step) -> AbstractContextManager[Report]:
        return self._stage(step.action)

    def _failed(self, reason: str, *, back: str | None) -> ReleaseFailed:
        return ReleaseFailed(reason, state=self._driver.store.read().state, back=back)
