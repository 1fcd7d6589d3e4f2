"""The parts of an installation on this machine that start and stop with its state."""

import http.client
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from http import HTTPStatus
from typing import Protocol

from graasp.embedded.process import CannotStart, Program, free_port
from graasp.embedded.side_by_side import core, worker
from graasp.embedded.supervisor import Supervisor
from graasp.embedded.versions import Versions

_ANSWER_S = 2.0
_BACKLOG = 2048
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not an address to bind to


class Part(Protocol):
    """Starts and stops in the supervisor's thread; a second time, nothing happens."""

    @property
    def program(self) -> Program | None:
        """What runs; None while it is stopped."""
        ...

    def start(self) -> None:
        """Raises CannotStart."""
        ...

    def stop(self) -> None: ...

    def restart(self) -> None:
        """Begin anew, with as little interruption as can be. Raises CannotStart."""
        ...


class PublicSocket:
    """Where people connect: bound once, and accepted from by whoever is there to answer. Nobody is ever refused."""

    def __init__(self, host: str, port: int) -> None:
        """Raises OSError when the port is taken."""
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except BaseException:
            self._socket.close()
            raise
        self._host, self._port = _EVERYWHERE.get(host, host), port

    def listen(self) -> int:
        """The descriptor; from now on connections wait until they are accepted. Raises CannotStart."""
        try:
            self._socket.listen(_BACKLOG)
        except OSError as error:
            raise CannotStart(f"Port {self._port} was taken meanwhile: {error.strerror}.") from error
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def health(self) -> int | None:
        """The status that whoever accepts answers with; None when nobody does."""
        return _health(self._host, self._port)


class OwnServer:
    """A database server that is run here. `told` takes the URL of each start."""

    def __init__(
        self,
        supervisor: Supervisor,
        run: Callable[[], AbstractContextManager["RunningServer"]],
        told: Callable[[str], None],
    ) -> None:
        self.program: Program | None = None
        self._supervisor = supervisor
        self._run = run
        self._told = told
        self._running = ExitStack()

    def start(self) -> None:
        if self.program is not None:
            return
        server = self._running.enter_context(self._run())
        self.program = server.program
        self._supervisor.watch(server.program)
        self._told(server.url)

    def stop(self) -> None:
        if self.program is not None:
            self._supervisor.end(self.program)
            self.program = None
        # Gives the folder back.
        self._running.close()

    def restart(self) -> None:
        self.stop()
        self.start()


class RunningServer(Protocol):
    @property
    def url(self) -> str: ...

    @property
    def program(self) -> Program: ...


class Core:
    """The core, and the front door that answers in its place while it is stopped."""

    def __init__(
        self,
        supervisor: Supervisor,
        environment: dict[str, str],
        versions: Versions,
        public: PublicSocket,
        before_start: Callable[[], None],
    ) -> None:
        self.program: Program | None = None
        # Of what runs, or ran last.
        self.version = versions.current
        self._versions = versions
        self._front_door: Program | None = None
        self._supervisor = supervisor
        self._environment = environment
        self._public = public
        self._before_start = before_start

    def start(self) -> None:
        """Returns when it answers."""
        if self.program is not None:
            return
        self._before_start()
        programs, version = self._versions.programs, self._versions.current
        program = core(self._environment, programs=programs, listening=self._public.listen())
        # As long as the front door accepts as well, its answers are 503.
        program.is_ready = lambda: self._public.health() == HTTPStatus.OK
        self._supervisor.start(program)
        try:
            program.wait_until_ready()
        except BaseException:
            self._supervisor.end(program)
            raise
        self.program, self.version = program, version
        self._close_front_door()

    def stop(self) -> None:
        self.open_front_door()
        if self.program is not None:
            # Both accept until the core has finished what it does.
            self._supervisor.end(self.program)
            self.program = None

    def restart(self) -> None:
        """Connections wait meanwhile. When it does not come up again, people see the maintenance screen."""
        if self.program is not None:
            self._supervisor.end(self.program)
            self.program = None
        try:
            self.start()
        except CannotStart:
            self.open_front_door()
            raise

    def open_front_door(self) -> None:
        """Have people told that the product is under maintenance. Raises CannotStart."""
        if self._front_door is not None:
            return
        listening = self._public.listen()
        options = ["--fd", str(listening)]
        if origins := self._environment.get("CORS_ORIGIN_REGEX"):
            options += ["--cors-origin-regex", origins]
        program = Program(
            name="front door",
            command=[sys.executable, "-m", "graasp.deployment.front_door", *options],
            environment=self._environment,
            inherited=(listening,),
        )
        self._supervisor.start(program)
        self._front_door = program

    def end(self) -> None:
        """Stop both: nobody answers any more."""
        if self.program is not None:
            self._supervisor.end(self.program)
            self.program = None
        self._close_front_door()

    def _close_front_door(self) -> None:
        if self._front_door is not None:
            self._supervisor.end(self._front_door)
            self._front_door = None


class Worker:
    """A pool of work processes."""

    def __init__(self, supervisor: Supervisor, environment: dict[str, str], versions: Versions) -> None:
        self.program: Program | None = None
        self._supervisor = supervisor
        self._environment = environment
        self._versions = versions

    def start(self) -> None:
        """Returns at once."""
        if self.program is not None:
            return
        # Of this worker alone: a developer may start others.
        port = int(self._environment.get("WORKER_METRICS_PORT") or free_port())
        environment = {**self._environment, "WORKER_METRICS_PORT": str(port)}
        program = worker(environment, programs=self._versions.programs)
        program.is_ready = lambda: _health("127.0.0.1", port) == HTTPStatus.OK
        self._supervisor.start(program)
        self.program = program

    def stop(self) -> None:
        """Its jobs end, or are handed back."""
        if self.program is not None:
            self._supervisor.end(self.program)
            self.program = None

    def restart(self) -> None:
        self.stop()
        self.start()


def _health(host: str, port: int) -> int | None:
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
