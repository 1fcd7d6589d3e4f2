"""The installation that `graasp up` runs in another terminal, for `graasp state`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from graasp.deployment.driver import InFlight, MigrationResult, Observed, Report, StepFailed
from graasp.deployment.file_store import FileStore
from graasp.deployment.records import Snapshot
from graasp.deployment.states import Service, State
from graasp.deployment.targets import TargetOptions, TargetUnusable
from graasp.embedded.control import ask

RECORDS = "deployment"
# Exit codes of `graasp migrate --compatible`. When nobody can tell, it is not.
_COMPATIBLE = {0: True, 6: False, 7: False}
_OBSERVED = TypeAdapter(Observed)
_IN_FLIGHT = TypeAdapter(InFlight | None)


class EmbeddedDriver:
    """Asks the `graasp up` of a folder. What needs one that runs raises NotRunning when none does."""

    def __init__(self, folder: Path) -> None:
        self.store = FileStore(folder / RECORDS)
        self._folder = folder

    @classmethod
    def open(cls, options: TargetOptions) -> "EmbeddedDriver":
        folder = options.data.resolve()
        if not folder.is_dir():
            raise TargetUnusable(
                f"There is no installation in {folder}: `graasp up` makes one, and --data names the folder that it keeps its "
                "data in. --target names an installation of another kind."
            )
        return cls(folder)

    @cached_property
    def replicas(self) -> Mapping[Service, int]:
        return dict.fromkeys(map(Service, self._about["services"]), 1)

    @cached_property
    def maintenance_header(self) -> str | None:
        header: str | None = self._about["maintenance_header"]
        return header

    def observe(self) -> Observed:
        return _OBSERVED.validate_python(self._ask("observe"))

    def announce(self, state: State, report: Report) -> None:
        self._ask("announce", report, state=state)

    def in_flight(self) -> InFlight | None:
        return _IN_FLIGHT.validate_python(self._ask("in-flight"))

    def scale(self, counts: Mapping[Service, int], report: Report) -> None:
        self._ask("scale", report, counts=counts)

    def await_health(self, counts: Mapping[Service, int], report: Report) -> None:
        self._ask("await-health", report, counts=counts)

    def start_database(self, report: Report) -> None:
        self._ask("start-database", report)

    def stop_database(self, report: Report) -> None:
        self._ask("stop-database", report)

    def snapshot(self, name: str, report: Report) -> Snapshot:
        taken_at = datetime.now(UTC)
        saved = self._ask("snapshot", report, name=name)
        return Snapshot(name=name, taken_at=taken_at, version=saved["version"])

    def restore(self, snapshot: str, report: Report) -> None:
        self._ask("restore", report, name=snapshot)

    def migrate(self, report: Report) -> MigrationResult:
        code, log = self._task("migrate", report)
        return MigrationResult(code, log)

    def exact(self, version: str) -> str:
        name: str = self._ask("exact", version=version)
        return name

    def deploy(self, version: str, report: Report) -> None:
        self._ask("deploy", report, version=version)

    def migrates_compatibly(self, report: Report) -> bool:
        code, log = self._task("ask-compatible", report)
        if code not in _COMPATIBLE:
            raise StepFailed(f"`graasp migrate --compatible` ended with exit code {code}:\n{log}")
        return _COMPATIBLE[code]

    def roll_out(self, report: Report) -> None:
        self._ask("restart", report)
        self._ask("await-health", report, counts={Service.CORE: 1, Service.WORKERS: 1})

    def smoke_test(self, report: Report) -> None:
        code, log = self._task("smoke-test", report)
        if code:
            raise StepFailed(f"The smoke test ended with exit code {code}:\n{log}")

    @cached_property
    def _about(self) -> Any:
        return self._ask("about")

    def _ask(self, what: str, report: Report = lambda _: None, **arguments: Any) -> Any:
        return ask(self._folder, what, report, **arguments)

    def _task(self, name: str, report: Report) -> tuple[int, str]:
        ended = self._ask("task", report, name=name)
        return ended["code"], ended["log"]
