"""Server processes on the loopback interface that live no longer than the one that started them."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 20.0


class CannotStart(Exception):
    """A server can't run here; the message says what to do."""


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def dying_with_parent(command: Sequence[str], stop_signal: str) -> list[str]:
    """The command, sent `stop_signal` when this process dies (where the system can do that)."""
    if setpriv := shutil.which("setpriv"):
        return [setpriv, "--pdeathsig", stop_signal, *command]
    return list(command)


def start(command: Sequence[str], log: Path, is_ready: Callable[[], bool]) -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers. Raises CannotStart with the end of its log when it doesn't."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process, signal.SIGKILL)
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            raise CannotStart(f"{Path(command[0]).name} did not start. The end of its log, {log}:\n{tail}")
        time.sleep(0.02)
    return process


def stop(process: subprocess.Popen[bytes], with_signal: signal.Signals) -> None:
    """Ask a server to stop, and insist when it does not."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def require_supported_platform(variable: str) -> None:
    """Raise CannotStart, naming the variable to set, where there are no packaged servers."""
    if sys.platform not in ("linux", "darwin"):
        raise CannotStart(
            f"No embedded server for {sys.platform}. Set {variable} to one you run yourself, and start again."
        )
