"""Core and worker in one container, for development."""

import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from graasp.embedded.process import Program
from graasp.embedded.supervisor import StopRequested, Supervisor, stopping_on_signals

# A little more than both take to drain.
_DRAIN_S = 35.0


def core_and_worker(environment: Mapping[str, str] | None = None) -> tuple[Program, Program]:
    """The two programs; without an environment, in that of this process."""
    graasp = str(Path(sysconfig.get_path("scripts")) / "graasp")
    core = Program(name="core", command=[graasp, "serve"], environment=environment, stop_timeout_s=_DRAIN_S)
    worker = Program(
        name="worker",
        command=[sys.executable, "-m", "worker"],
        environment=environment,
        stop_timeout_s=_DRAIN_S,
    )
    return core, worker


def run_core_and_worker() -> None:
    """Run both until a signal asks to stop; what crashes is started again."""
    supervisor = Supervisor(_print)
    with stopping_on_signals(insist=supervisor.kill):
        try:
            for program in core_and_worker():
                supervisor.start(program)
            supervisor.run()
        except StopRequested:
            supervisor.stop()


def _print(name: str, line: str) -> None:
    sys.stdout.write(f"{name:<6} | {line}\n")
    sys.stdout.flush()
