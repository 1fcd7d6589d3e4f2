"""What a work process and the processes it forks agree on with the kernel and with whoever stops them."""

import asyncio
import ctypes
import os
import signal
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1


class StopRequest:
    """Asked for in a signal handler, seen on an event loop."""

    def __init__(self) -> None:
        self.is_made = False
        self._event: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def make(self, signum: int = 0, frame: FrameType | None = None) -> None:  # noqa: ARG002 - the signature of handlers
        self.is_made = True
        if self._loop is not None and self._event is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)

    def bind(self, event: asyncio.Event) -> None:
        """Set `event`, of the running loop, when the request is made, or at once when it has been."""
        self._event, self._loop = event, asyncio.get_running_loop()
        if self.is_made:
            event.set()


def die_within(seconds: float | None) -> None:
    """Have the kernel end this process unless called again in time; None takes it back.

    It needs nothing of the interpreter, so it also ends a process that is stuck in C code.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds or 0)


def follow_parent(parent: int) -> None:
    """Be asked to stop when the parent process dies, where the kernel offers that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
