"""Programs that a test starts beside itself, to be able to kill them."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

# Lines of Python that start something, print what the test needs to know, and stay.
StartBeside = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start_beside() -> Iterator[StartBeside]:
    """`start_beside(code, *arguments)`: another Python that runs the code, then waits to be killed."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.communicate()
