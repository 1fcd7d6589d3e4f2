"""An installation that exists in memory only, and knows what must never happen to one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from graasp.deployment.driver import InFlight, MigrationResult, Observed, Report, ServiceStatus, StepFailed
from graasp.deployment.records import Locked, Record, Snapshot
from graasp.deployment.states import SINGLE, STATES, Service, State, desired_counts

REPLICAS = {**SINGLE, Service.CORE: 2}


class Killed(BaseException):
    """`kill -9` of the process that changes the state."""


class InMemoryStore:
    def __init__(self, record: Record, before_write: Callable[[], None]) -> None:
        self.record = record
        self.holder: str | None = None
        self._before_write = before_write

    def read(self) -> Record:
        return self.record

    def write(self, record: Record) -> None:
        self._before_write()
        self.record = record

    @contextmanager
    def lock(self, operator: str) -> Iterator[None]:
        if self.holder is not None:
            raise Locked(f"{self.holder} has it")
        self.holder = operator
        try:
            yield
        finally:
            self.holder = None

    def unlock(self) -> str | None:
        holder, self.holder = self.holder, None
        return holder


class InMemoryDriver:
    """Begins in a state. `interrupt_at`: the number of the call that does not come to its end, counted from one."""

    def __init__(self, state: State) -> None:
        self.replicas: Mapping[Service, int] = REPLICAS
        self.maintenance_header: str | None = "x-maintenance"
        self.running = desired_counts(state, REPLICAS)
        self.healthy = {service for service, count in self.running.items() if count}
        self.silent: set[Service] = set()
        self.database = STATES[state].database
        # The load balancer, or whatever is in front, remembers; the cores ask Redis, which forgets.
        self.door = state
        self.told_to_cores: State | None = state if self.running[Service.REDIS] else None
        self.calls: list[str] = []
        self.interrupt_at: int | None = None
        self.interruption: type[BaseException] = Killed
        self.after_the_effect = False
        self.open_still: list[InFlight] = []
        self.snapshots: list[str] = []
        self.schema_is_old = False
        self.migrating = False
        # What the next start takes, what runs now, and what is wrong with which version.
        self.deployed = self.at_work = "1.2.3"
        self.unknown_versions: set[str] = set()
        self.broken_versions: set[str] = set()
        self.stillborn_versions: set[str] = set()
        self.compatible = False
        self.migration = MigrationResult(0, "migrations applied successfully")
        self.store = InMemoryStore(Record(state=state), lambda: self._call("write", lambda: None))

    def observe(self) -> Observed:
        services = {
            service: ServiceStatus(count, count if service in self.healthy else 0)
            for service, count in self.running.items()
        }
        version = self.at_work if self.running[Service.CORE] else None
        return Observed(
            services, self.database, version, self.door, self.migrating, self.database and self.schema_is_old
        )

    def announce(self, state: State, report: Report) -> None:
        def effect() -> None:
            for service in STATES[self.door].guarded - STATES[state].guarded:
                wanted = desired_counts(state, REPLICAS)[service]
                assert not wanted or service in self.healthy, f"{service} is let open before it answers"
            self.door = state
            if self.running[Service.REDIS]:
                self.told_to_cores = state

        self._call(f"announce {state}", effect)

    def in_flight(self) -> InFlight | None:
        if not self.running[Service.CORE]:
            return None
        return self.open_still.pop(0) if self.open_still else InFlight(0, 0)

    def scale(self, counts: Mapping[Service, int], report: Report) -> None:
        def effect() -> None:
            for service, count in counts.items():
                if count < self.running[service]:
                    assert service in STATES[self.door].guarded or service is Service.UMAMI, (
                        f"{service} is stopped before people are kept away"
                    )
                if count > self.running[service]:
                    assert self.database, f"{service} is started without a database"
                    if service is Service.CORE:
                        self.at_work = self.deployed
                        assert self.told_to_cores is not None, (
                            "cores start, and think that everybody may pass"
                        )
                        assert STATES[self.door].guarded
                if not count:
                    self.healthy.discard(service)
                self.running[service] = count
            if not self.running[Service.REDIS]:
                self.told_to_cores = None

        self._call(f"scale {sorted(counts)}", effect)

    def await_health(self, counts: Mapping[Service, int], report: Report) -> None:
        def effect() -> None:
            assert all(self.running[service] == count for service, count in counts.items())
            if silent := self.silent.intersection(counts):
                raise StepFailed(f"Not answering: {', '.join(silent)}.")
            self.healthy |= {service for service, count in counts.items() if count}

        self._call("await_health", effect)

    def start_database(self, report: Report) -> None:
        def effect() -> None:
            self.database = True

        self._call("start_database", effect)

    def stop_database(self, report: Report) -> None:
        def effect() -> None:
            assert not any(self.running.values()), "the database goes before what needs it"
            self.database = False

        self._call("stop_database", effect)

    def snapshot(self, name: str, report: Report) -> Snapshot:
        def effect() -> None:
            assert self.database
            self.snapshots.append(name)

        self._call("snapshot", effect)
        return Snapshot(name=name, taken_at=datetime.now(UTC), version="1.2.3")

    def restore(self, snapshot: str, report: Report) -> None:
        raise AssertionError("no transition restores")

    def migrate(self, report: Report) -> MigrationResult:
        def effect() -> None:
            assert self.database
            assert self.compatible or not self.running[Service.CORE]
            assert self.compatible or not self.running[Service.WORKERS]
            assert self.snapshots, "it is migrated before it is saved"
            self.schema_is_old = self.schema_is_old and bool(self.migration.exit_code)

        self._call("migrate", effect)
        return self.migration

    def exact(self, version: str) -> str:
        return version

    def deploy(self, version: str, report: Report) -> None:
        def effect() -> None:
            if version in self.unknown_versions:
                raise StepFailed(f"there is no {version}")
            self.deployed = version

        self._call(f"deploy {version}", effect)

    def migrates_compatibly(self, report: Report) -> bool:
        return self.compatible

    def roll_out(self, report: Report) -> None:
        def effect() -> None:
            assert self.running[Service.CORE]
            if self.deployed in self.stillborn_versions:
                self.running[Service.CORE] = 0
                self.healthy.discard(Service.CORE)
                raise StepFailed(f"core did not start with {self.deployed}")
            self.at_work = self.deployed

        self._call("roll_out", effect)

    def smoke_test(self, report: Report) -> None:
        def effect() -> None:
            assert Service.CORE in self.healthy
            if self.at_work in self.broken_versions:
                raise StepFailed(f"{self.at_work} does not work")

        self._call("smoke_test", effect)

    def _call(self, name: str, effect: Callable[[], None]) -> None:
        self.calls.append(name)
        interrupted = len(self.calls) == self.interrupt_at
        if not interrupted or self.after_the_effect:
            effect()
        if interrupted:
            raise self.interruption("as wanted") if self.interruption is StepFailed else self.interruption


def holds(driver: InMemoryDriver, state: State) -> bool:
    """Whether everything is as the table of states says."""
    conditions = STATES[state]
    return (
        driver.running == desired_counts(state, REPLICAS)
        and driver.healthy == {s for s in conditions.up if driver.running[s]}
        and driver.database is conditions.database
        and STATES[driver.door].guarded == conditions.guarded
        and (not driver.running[Service.CORE] or driver.told_to_cores is not None)
        and driver.store.record.state == state
        and driver.store.record.transition is None
        and driver.store.holder is None
    )
