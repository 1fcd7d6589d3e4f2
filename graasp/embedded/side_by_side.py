"""Core and worker in one container, for development."""

import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from graasp.embedded.process import Program
from graasp.embedded.supervisor import StopRequested, Supervisor, stopping_on_signals

# A little more than both take to drain.
_DRAIN_S = 35.0


def core(
    environment: Mapping[str, str] | None = None,
    *,
    programs: Path | None = None,
    listening: int | None = None,
) -> Program:
    """The core; without an environment, in that of this process.

    `programs`: the folder with `graasp` and `python`; `listening`: the descriptor of its socket.
    """
    return Program(
        name="core",
        command=[graasp_command(programs), "serve", *(() if listening is None else ("--fd", str(listening)))],
        environment=environment,
        stop_timeout_s=_DRAIN_S,
        inherited=() if listening is None else (listening,),
    )


def worker(environment: Mapping[str, str] | None = None, *, programs: Path | None = None) -> Program:
    """The worker; as `core`."""
    return Program(
        name="worker",
        command=[str(programs / "python") if programs else sys.executable, "-m", "worker"],
        environment=environment,
        stop_timeout_s=_DRAIN_S,
    )


def graasp_command(programs: Path | None = None) -> str:
    """`graasp`, as installed beside the Python that runs this or in another folder."""
    return str((programs or own_programs()) / "graasp")


def own_programs() -> Path:
    """Where the programs of this installation are."""
    return Path(sysconfig.get_path("scripts"))


def run_core_and_worker() -> None:
    """Run both until a signal asks to stop; what crashes is started again."""
    supervisor = Supervisor(_print)
    with stopping_on_signals(insist=supervisor.kill):
        try:
            for program in (core(), worker()):
                supervisor.start(program)
            supervisor.run()
        except StopRequested:
            supervisor.stop()


def _print(name: str, line: str) -> None:
    sys.stdout.write(f"{name:<6} | {line}\n")
    sys.stdout.flush()
