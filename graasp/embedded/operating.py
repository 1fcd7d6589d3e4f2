"""What a running `graasp up` does when `graasp state` asks: the other end of the driver."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from graasp.deployment.driver import InFlight, Observed, Report, StepFailed
from graasp.deployment.dumps import Installation as DumpedDatabase
from graasp.deployment.dumps import dump, installation_at, replace
from graasp.deployment.states import Service, State
from graasp.embedded.control import Handler
from graasp.embedded.installation import Installation
from graasp.embedded.process import Program
from graasp.embedded.side_by_side import graasp_command
from graasp.embedded.supervisor import Supervisor

OBSERVED = TypeAdapter(Observed)
IN_FLIGHT = TypeAdapter(InFlight | None)

_HEALTH_TIMEOUT_S = 60.0
_HEALTH_POLL_S = 0.1
# What may be run once, and how.
_TASKS = {
    "migrate": ("migrate",),
    "ask-compatible": ("migrate", "--compatible"),
    "smoke-test": ("smoke-test",),
}
_CHUNK = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Operating:
    """Requests that change something are fulfilled one after the other.

    `moved` is called when variables may be others than before, `announced` when requests are treated
    otherwise than before.
    """

    def __init__(
        self,
        installation: Installation,
        supervisor: Supervisor,
        folder: Path,
        *,
        moved: Callable[[], None],
        announced: Callable[[State], None],
    ) -> None:
        self._installation = installation
        self._supervisor = supervisor
        self._snapshots = folder / "snapshots"
        self._moved = moved
        self._announced = announced
        self._changing = threading.Lock()

    def handlers(self) -> dict[str, Handler]:
        """By what is asked."""
        return {
            "about": self._about,
            "observe": self._observe,
            "in-flight": self._in_flight,
            "await-health": self._await_health,
            "exact": self._exact,
            "announce": self._alone(self._announce),
            "deploy": self._alone(self._deploy),
            "scale": self._alone(self._scale),
            "restart": self._alone(self._restart),
            "start-database": self._alone(self._start_database),
            "stop-database": self._alone(self._stop_database),
            "snapshot": self._alone(self._snapshot),
            "restore": self._alone(self._restore),
            "task": self._alone(self._task),
        }

    def _alone(self, handler: Handler) -> Handler:
        def wait_and_handle(asked: Mapping[str, Any], report: Report) -> Any:
            with self._changing:
                return handler(asked, report)

        return wait_and_handle

    def _about(self, _: Mapping[str, Any], __: Report) -> Any:
        header = self._installation.environment.get("MAINTENANCE_HEADER_NAME")
        return {"services": list(self._installation.parts), "maintenance_header": header}

    def _observe(self, _: Mapping[str, Any], __: Report) -> Any:
        return OBSERVED.dump_python(self._installation.observe(), mode="json")

    def _in_flight(self, _: Mapping[str, Any], __: Report) -> Any:
        return IN_FLIGHT.dump_python(self._installation.in_flight(), mode="json")

    def _exact(self, asked: Mapping[str, Any], _: Report) -> Any:
        return self._installation.versions.exact(asked["version"])

    def _announce(self, asked: Mapping[str, Any], report: Report) -> Any:
        state, before = State(asked["state"]), self._installation.announced
        self._installation.announce(state)
        if state != before:
            self._announced(state)
        report(f"requests are treated as in {state}")

    def _deploy(self, asked: Mapping[str, Any], report: Report) -> Any:
        self._installation.deploy(asked["version"], report)
        self._moved()

    def _scale(self, asked: Mapping[str, Any], report: Report) -> Any:
        counts = {Service(name): count for name, count in asked["counts"].items()}
        parts = self._installation.parts
        # Parts are in the order in which they start.
        for service in [s for s in reversed(parts) if counts.get(s) == 0]:
            if parts[service].program is not None:
                report(f"stopping {service}")
                self._supervisor.call(parts[service].stop)
        for service in [s for s in parts if counts.get(s)]:
            program = parts[service].program
            if program is None or not program.is_running:
                report(f"starting {service}")
                # What crashes again and again would be started as it is: it may be of another version.
                self._supervisor.call(parts[service].restart)
                self._moved()

    def _restart(self, _: Mapping[str, Any], report: Report) -> Any:
        for service in (Service.CORE, Service.WORKERS):
            part = self._installation.parts[service]
            if part.program is not None:
                report(f"starting {service} again")
                self._supervisor.call(part.restart)

    def _await_health(self, asked: Mapping[str, Any], report: Report) -> Any:
        deadline = time.monotonic() + _HEALTH_TIMEOUT_S
        for service in map(Service, asked["counts"]):
            while not self._installation.status(service).ready:
                if time.monotonic() > deadline:
                    raise StepFailed(
                        f"{service} does not answer after {_HEALTH_TIMEOUT_S:.0f} s. What it logs is in the terminal "
                        "of `graasp up`."
                    )
                time.sleep(_HEALTH_POLL_S)
            report(f"{service} answers")

    def _start_database(self, _: Mapping[str, Any], report: Report) -> Any:
        if (database := self._installation.database) is None:
            report("the database of DB_CONNECTION is a server of your own: it is used as it is")
            return
        self._supervisor.call(database.start)
        self._moved()

    def _stop_database(self, _: Mapping[str, Any], report: Report) -> Any:
        if (database := self._installation.database) is None:
            report("the database of DB_CONNECTION is a server of your own: it is left running")
            return
        self._supervisor.call(database.stop)

    def _snapshot(self, asked: Mapping[str, Any], report: Report) -> Any:
        file = self._file(asked["name"])
        self._snapshots.mkdir(mode=0o700, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        with unfinished.open("wb") as output:
            dump(self._database(), output, report)
            output.flush()
            os.fsync(output.fileno())
        unfinished.rename(file)
        report(f"{file.stat().st_size / 1e6:,.1f} MB in {file}")
        return {"version": self._installation.version}

    def _restore(self, asked: Mapping[str, Any], report: Report) -> Any:
        file = self._file(asked["name"])
        if not file.exists():
            kept = ", ".join(sorted(found.stem for found in self._snapshots.glob("*.dump"))) or "none"
            raise StepFailed(f"There is no snapshot {asked['name']}. Those there are: {kept}.")
        replace(self._database(), lambda: _chunks(file), report)

    def _task(self, asked: Mapping[str, Any], report: Report) -> Any:
        """Its exit code, and all that it printed."""
        task = Program(
            name=asked["name"],
            command=[graasp_command(self._installation.versions.programs), *_TASKS[asked["name"]]],
            environment=self._installation.environment,
        )
        process = task.start()
        assert process.stdout is not None
        lines = []
        with process.stdout as output:
            for line in output:
                lines.append(line.decode("utf-8", "replace").rstrip())
                report(lines[-1])
        return {"code": process.wait(), "log": "\n".join(lines)}

    def _database(self) -> DumpedDatabase:
        return installation_at(self._installation.environment["DB_CONNECTION"])

    def _file(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise StepFailed(f"“{name}” is not the name of a snapshot.")
        return self._snapshots / f"{name}.dump"


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            yield chunk
