"""How long a change of the deployment state takes on one machine: `python -m benchmarks.states`.

Starts a `graasp up` of its own, in a temporary folder, with the demo content, and asks it for answers all the time.
"""

import http.client
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graasp.embedded.process import free_port

_GRAASP = str(Path(sysconfig.get_path("scripts")) / "graasp")
_ROUNDS = 3
_POLL_S = 0.01
_NOT_OURS = ("DB_CONNECTION", "REDIS_CONNECTION", "MAILER_CONNECTION", "NODE_ENV")


def main() -> None:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="graasp-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # The database server may run under another user.
        folder.chmod(0o755)
        with _graasp_up(folder, port):
            for _ in range(_ROUNDS):
                _round(folder, port)


def _round(folder: Path, port: int) -> None:
    with Asking(port) as asking:
        begun = time.monotonic()
        _set(folder, "restricted")
        in_force = asking.first(503, after=begun) - begun
    print(
        f"restricted is in force after {in_force:5.2f} s, the command ends after {time.monotonic() - begun:5.2f} s"
    )
    for state in ("db-only", "restricted", "running"):
        begun = time.monotonic()
        _set(folder, state)
        print(f"{state:10} after {time.monotonic() - begun:5.2f} s")
    begun = time.monotonic()
    for state in ("stopped", "running"):
        _set(folder, state)
    print(f"running, stopped, running after {time.monotonic() - begun:5.2f} s")


class Asking:
    """Asks the core all the time, and knows when each status was answered."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._answers: list[tuple[float, int]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def first(self, status: int, *, after: float) -> float:
        """When the status was answered from then on, without any other one between."""
        moments = [at for at, answered in self._answers if at > after and answered != status]
        last_other = max(moments, default=after)
        return min(at for at, answered in self._answers if at > last_other and answered == status)

    def _ask(self) -> None:
        while not self._ended.wait(_POLL_S):
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
            connection.request("GET", "/")
            status = connection.getresponse().status
            self._answers.append((time.monotonic(), status))
            connection.close()


@contextmanager
def _graasp_up(folder: Path, port: int) -> Iterator[None]:
    log = folder / "log"
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_GRAASP, "up", "--data", str(folder / "data")],
            cwd=folder,
            env=environment | {"PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while "Stop with Ctrl-C" not in log.read_text():
            if process.poll() is not None:
                sys.exit(log.read_text())
            time.sleep(_POLL_S)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _set(folder: Path, state: str) -> None:
    command = [_GRAASP, "state", "set", state, "--yes", "--data", str(folder / "data")]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
