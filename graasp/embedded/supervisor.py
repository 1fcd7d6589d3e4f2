"""Keeps programs running: forwards what they print, starts again what crashes, stops all in order."""

import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import IO, Any, TypeVar

from graasp.embedded.process import CannotStart, Program

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
# A program that ran this long has recovered: its next crash is a first one.
_RECOVERED_AFTER_S = 60.0

Report = Callable[[str, str], None]
T = TypeVar("T")


class StopRequested(BaseException):
    """Ctrl-C, or another signal that asks to end: not an error, and nothing may swallow it."""


@dataclass
class _Watched:
    program: Program
    started_at: float
    crashes: int = 0
    restart_at: float | None = field(default=None)
    # Its end is not a crash.
    is_ending: bool = False


@dataclass
class _Request:
    """Something to be done in the supervising thread."""

    work: Callable[[], Any]
    outcome: Future[Any] = field(default_factory=Future)

    def fulfil(self) -> None:
        try:
            self.outcome.set_result(self.work())
        except Exception as error:
            self.outcome.set_exception(error)
        except BaseException as error:
            self.outcome.set_exception(CannotStart("It is being stopped."))
            raise error


class Supervisor:
    """Programs in the order of their start. `report(name, line)` takes what they print and what befalls them.

    Programs start in the thread that calls `start` and `run`: they die with the thread that started them.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._watched: list[_Watched] = []
        self._events: queue.SimpleQueue[_Watched | _Request] = queue.SimpleQueue()

    def start(self, program: Program) -> None:
        """Start a program, and keep it running. Raises CannotStart when it can't be run at all."""
        program.start()
        self.watch(program)

    def watch(self, program: Program) -> None:
        """Keep a program running that was started elsewhere."""
        watched = _Watched(program, time.monotonic())
        self._watched.append(watched)
        self._follow(watched)

    def run(self) -> None:
        """Restart what crashes, until a signal raises StopRequested."""
        while True:
            waiting = [w for w in self._watched if w.restart_at is not None]
            due = min((w.restart_at for w in waiting if w.restart_at is not None), default=None)
            try:
                event = self._events.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                self._restart_due(waiting)
                continue
            if isinstance(event, _Request):
                event.fulfil()
            elif not event.is_ending:
                self._plan_restart(event)

    def call(self, work: Callable[[], T]) -> T:
        """From another thread: have something done in the supervising one; its result, or what it raised."""
        request = _Request(work)
        self._events.put(request)
        result: T = request.outcome.result()
        return result

    def end(self, program: Program) -> None:
        """Stop a program for good. One that is not watched is stopped as well."""
        watched = next((w for w in self._watched if w.program is program), None)
        if watched is not None:
            watched.is_ending, watched.restart_at = True, None
        if program.is_running:
            self._report(program.name, "stopping")
        program.stop()
        self._watched = [other for other in self._watched if other is not watched]

    def stop(self) -> None:
        """Stop everything, the last one started first."""
        for watched in reversed(self._watched):
            if watched.program.is_running:
                self._report(watched.program.name, "stopping")
            watched.program.stop()

    def kill(self) -> None:
        """End everything at once."""
        for watched in self._watched:
            watched.program.kill()

    def _follow(self, watched: _Watched) -> None:
        process = watched.program.process
        assert process is not None, "followed after it was started"
        threading.Thread(target=self._await_end, args=(watched, process), daemon=True).start()
        if process.stdout is not None:
            name = watched.program.name
            threading.Thread(target=self._forward, args=(name, process.stdout), daemon=True).start()

    def _await_end(self, watched: _Watched, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        watched.program.clear_away()
        self._events.put(watched)

    def _forward(self, name: str, output: IO[bytes]) -> None:
        with output as lines:
            for line in lines:
                self._report(name, line.decode("utf-8", "replace").rstrip())

    def _plan_restart(self, watched: _Watched) -> None:
        now = time.monotonic()
        if now - watched.started_at > _RECOVERED_AFTER_S:
            watched.crashes = 0
        delay = min(_FIRST_DELAY_S * 2**watched.crashes, _LONGEST_DELAY_S)
        watched.crashes += 1
        watched.restart_at = now + delay
        ended = watched.program.process
        how = _how_it_ended(ended.returncode) if ended else "did not start"
        self._report(watched.program.name, f"{how}; starting it again in {delay:g} s")

    def _restart_due(self, waiting: list[_Watched]) -> None:
        for watched in waiting:
            if watched.restart_at is None or watched.restart_at > time.monotonic():
                continue
            watched.restart_at, watched.started_at = None, time.monotonic()
            try:
                watched.program.start()
            except CannotStart as error:
                self._report(watched.program.name, str(error))
                self._plan_restart(watched)
            else:
                self._follow(watched)


def _how_it_ended(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


@contextmanager
def stopping_on_signals(insist: Callable[[], None]) -> Iterator[None]:
    """Raise StopRequested here at the first signal to stop; at any further one, call `insist`."""
    requested = False

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of handlers
        nonlocal requested
        if requested:
            insist()
        else:
            requested = True
            raise StopRequested

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    earlier = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
