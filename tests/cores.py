"""Core servers as real processes."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from graasp.embedded.process import free_port
from graasp.settings import Settings
from tests.worker.workers import environment

_START_TIMEOUT_S = 60.0
_SERVE = ("-c", "from graasp.cli import main; main()", "serve")


@dataclass(frozen=True)
class Core:
    """A running core, where it listens and what it logs."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None


@contextmanager
def running_core(settings: Settings, log: Path, *, listening: socket.socket | None = None) -> Iterator[Core]:
    """`graasp serve` on a port of its own, or on a socket that it inherits; stopped in order at the end."""
    port = listening.getsockname()[1] if listening else free_port()
    inherited = (listening.fileno(),) if listening else ()
    options = [option for descriptor in inherited for option in ("--fd", str(descriptor))]
    given = environment(settings) | {"PORT": str(port), "HOST_LISTEN_ADDRESS": "127.0.0.1"}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *_SERVE, *options],
            env={**os.environ, **given},
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=inherited,
        )
    core = Core(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait_until_ready(core)
        yield core
    finally:
        if core.is_alive:
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(core: Core) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            httpx.get(f"{core.url}/health", timeout=5).raise_for_status()
        except httpx.HTTPError:
            assert core.is_alive, core.log.read_text()
            assert time.monotonic() < deadline, core.log.read_text()
            time.sleep(0.05)
        else:
            return
