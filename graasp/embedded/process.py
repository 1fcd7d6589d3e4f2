"""Programs that live no longer than the one that started them, in folders that nobody else uses meanwhile."""

import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_START_TIMEOUT_S = 60.0
_READY_POLL_S = 0.02
_LOG_TAIL_LINES = 8
_LARGEST_LOG_BYTES = 10 * 1024 * 1024


class CannotStart(Exception):
    """A program can't run here; the message says what to do."""


@dataclass
class Program:
    """A child process: how to start it, how to see that it is ready, how to stop it."""

    name: str
    command: Sequence[str]
    # None: the environment of this process.
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    # Where its output goes; None: a pipe, for whoever started it to read.
    log: Path | None = None
    is_ready: Callable[[], bool] = lambda: True
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 20.0
    # File descriptors it inherits.
    inherited: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, without waiting. It dies with the thread that called this: nothing is left behind."""
        with _log(self.log) as output:
            try:
                self.process = subprocess.Popen(
                    _dying_with_parent(self.command, self.stop_signal),
                    env=self.environment,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=self.inherited,
                    # Ctrl-C in the terminal is for the one that stops its children in order.
                    start_new_session=True,
                )
            except OSError as error:
                raise CannotStart(f"{self.name} did not start: {error}") from error
        return self.process

    def wait_until_ready(self) -> None:
        """Raises CannotStart, with the end of the log, when it ends or takes too long instead."""
        process = self.process
        assert process is not None, "started before it can be ready"
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.is_ready():
            if process.poll() is not None:
                raise CannotStart(f"{self.name} did not start. {self._last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise CannotStart(
                    f"{self.name} does not answer after {_START_TIMEOUT_S:.0f} s. {self._last_words()}"
                )
            time.sleep(_READY_POLL_S)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Ask it to stop, and insist when it does not."""
        if self.process is None or not self.is_running:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(self.stop_timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self.clear_away()

    def kill(self) -> None:
        """End it at once, with all the processes it started."""
        if self.process is not None and self.is_running:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def clear_away(self) -> None:
        """End the processes that it left behind when it ended."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def _last_words(self) -> str:
        if self.log is None:
            return "Its last words are in the terminal of `graasp up`."
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return "\n".join((f"The end of its log, {self.log}:", *lines))


@contextmanager
def _log(path: Path | None) -> Iterator[int | IO[bytes]]:
    if path is None:
        yield subprocess.PIPE
        return
    too_large = path.exists() and path.stat().st_size > _LARGEST_LOG_BYTES
    with path.open("wb" if too_large else "ab") as output:
        yield output


def _dying_with_parent(command: Sequence[str], stop_signal: signal.Signals) -> list[str]:
    # Where there is no setpriv (macOS), a program outlives a parent that was killed with -9, but none that
    # ended in any other way.
    if setpriv := shutil.which("setpriv"):
        return [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG"), *command]
    return list(command)


@contextmanager
def exclusive_folder(folder: Path, *, occupied: str, patience_s: float = 0.0) -> Iterator[int]:
    """Hold a folder (made when missing, closed to others) for this process; yields the lock's descriptor.

    A child that inherits the descriptor holds the folder too, until it has ended. Raises CannotStart with
    the sentence `occupied` when somebody else still holds it after `patience_s` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience_s
        while not _locked(lock):
            if time.monotonic() > deadline:
                raise CannotStart(occupied)
            time.sleep(_READY_POLL_S)
        yield lock
    finally:
        os.close(lock)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. Raises CannotStart when no process of this user ever could."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise CannotStart(
                f"Nothing can listen on {host}:{port}, which are HOST_LISTEN_ADDRESS and PORT: {error.strerror}."
            ) from error
    return True


def accepts(port: int) -> bool:
    """Whether somebody listens on this port of the loopback interface."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def require_supported_platform(variable: str) -> None:
    """Raise CannotStart, naming the variable to set, where there are no packaged servers."""
    if sys.platform not in ("linux", "darwin"):
        raise CannotStart(
            f"No embedded server for {sys.platform}. Set {variable} to one you run yourself, and start again."
        )
