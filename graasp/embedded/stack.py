"""The development stack: which programs make a whole Graasp on this machine, and in which order."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from alembic.util import CommandError
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import DBAPIError

from graasp.db import migrations
from graasp.demo.people import IS_THERE, sign_ins
from graasp.deployment.file_store import FileStore
from graasp.deployment.states import STATES, Service, State
from graasp.embedded.beginning import Beginning, begin
from graasp.embedded.control import answering
from graasp.embedded.development import keep_mailbox_url
from graasp.embedded.driver import RECORDS
from graasp.embedded.environment import development_environment, settings_of, write_environment
from graasp.embedded.installation import Installation
from graasp.embedded.operating import Operating
from graasp.embedded.parts import PublicSocket
from graasp.embedded.process import CannotStart, Program, accepts, exclusive_folder, free_port, is_free
from graasp.embedded.side_by_side import graasp_command
from graasp.embedded.supervisor import Supervisor
from graasp.embedded.versions import Versions, own_version
from graasp.settings import Settings

_MAILBOX_PORT = 1080
# What a killed stack may take to leave the port.
_PORT_PATIENCE_S = 2.0
_POLL_S = 0.1
_COLOURS = {
    "core": "cyan",
    "worker": "magenta",
    "mailbox": "green",
    "PostgreSQL": "blue",
    "Redis": "red",
    "front door": "yellow",
}
_NAME_WIDTH = max(map(len, _COLOURS))


class DevelopmentStack:
    """Everything `graasp up` runs, with its data in one folder.

    `given` are the variables that the developer set: a service whose connection is among them is not started
    here. `seed`: whether to make demo content; None: the first time, in a database of our own.
    """

    def __init__(
        self, folder: Path, given: Mapping[str, str], *, seed: bool | None, console: Console
    ) -> None:
        self._folder = folder
        self._given = given
        self._seed = seed
        self._console = console
        self._supervisor = Supervisor(self._report)
        self._environment: dict[str, str] = {}
        self._mailbox: str | None = None

    def run(self) -> None:
        """Start everything, in order, and keep it running; an exception, such as StopRequested, stops it all.

        It comes up in the state that is recorded; one that was stopped is started. Raises CannotStart with a sentence
        that says what to do, and InvalidSettings, which names the variables that are wrong.
        """
        begun = time.monotonic()
        occupied = f"Another `make run` or `graasp up` uses {self._folder}. Stop it, and start again."
        with exclusive_folder(self._folder, occupied=occupied), ExitStack() as running:
            (self._folder / ".gitignore").write_text("*\n")
            self._environment |= development_environment(self._given, self._folder)
            # One that was killed has left it there.
            self._published.unlink(missing_ok=True)
            # Before anything is started that would have to be stopped again.
            settings_of(self._environment)
            beginning = begin(FileStore(self._folder / RECORDS))
            public = running.enter_context(closing(self._public_socket()))
            installation = Installation(
                self._folder, self._given, self._environment, self._supervisor, public
            )
            installation.announced = beginning.announced
            self._tell_beginning(beginning)
            installation.versions.make_ready(self._tell_detail)
            running.callback(installation.stop_databases)
            self._start_databases(installation, beginning)
            self._start_mailbox(running)
            running.enter_context(self._published_environment())
            running.callback(installation.stop_processes)
            self._start_processes(installation, beginning)
            operating = Operating(
                installation,
                self._supervisor,
                self._folder,
                moved=self._publish_environment,
                announced=self._tell_who_passes,
            )
            running.enter_context(answering(self._folder, operating.handlers()))
            beginning.record()
            self._tell_what_runs(beginning, installation.versions, time.monotonic() - begun)
            self._supervisor.run()

    def kill(self) -> None:
        """End everything at once."""
        self._supervisor.kill()

    @property
    def _port(self) -> int:
        return int(self._environment["PORT"])

    @property
    def _host(self) -> str:
        return self._environment["HOST_LISTEN_ADDRESS"]

    def _public_socket(self) -> PublicSocket:
        deadline = time.monotonic() + _PORT_PATIENCE_S
        while not is_free(self._host, self._port):
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"Port {self._port} is taken. Stop what listens there, or choose another one: "
                    f"PORT={self._port + 1} make run"
                )
            time.sleep(_POLL_S)
        return PublicSocket(self._host, self._port)

    def _start_databases(self, installation: Installation, beginning: Beginning) -> None:
        if installation.database is not None:
            with self._step("PostgreSQL"):
                installation.database.start()
        if Service.REDIS in beginning.services and (redis := installation.parts.get(Service.REDIS)):
            with self._step("Redis"):
                redis.start()
        if beginning.migrates:
            self._migrate(installation.versions)

    def _start_mailbox(self, running: ExitStack) -> None:
        if "MAILER_CONNECTION" in self._given:
            keep_mailbox_url(self._folder, None)
            return
        smtp = free_port()
        pages = _MAILBOX_PORT if is_free(self._host, _MAILBOX_PORT) else free_port()
        options = ["--smtp-port", str(smtp), "--http-port", str(pages), "--host", self._host]
        options += ["--data", str(self._folder / "mails")]
        self._environment |= {"MAILER_CONNECTION": f"smtp://127.0.0.1:{smtp}", "MAILER_USE_SSL": "false"}
        self._mailbox = f"http://localhost:{pages}/"
        keep_mailbox_url(self._folder, self._mailbox)
        mailbox = Program(
            name="mailbox",
            command=[sys.executable, "-m", "graasp.embedded.mailbox", *options],
            environment=self._environment,
            is_ready=lambda: accepts(smtp),
        )
        running.callback(self._supervisor.end, mailbox)
        self._supervisor.start(mailbox)

    def _migrate(self, versions: Versions) -> None:
        with self._step("Database schema"):
            if not versions.is_own:
                self._run(
                    [graasp_command(versions.programs), "migrate"],
                    f"{versions.current}, which was released here, could not migrate the database. It said:",
                )
                return
            try:
                applied = migrations.migrate(self._environment["DB_CONNECTION"])
            except DBAPIError as error:
                raise CannotStart(
                    f"The database at DB_CONNECTION does not answer as it should: {error.orig}".rstrip()
                ) from error
            except (
                migrations.MigrationRefused,
                migrations.MigrationLocked,
                migrations.UnknownRevision,
                migrations.InvalidDatabaseUrl,
                CommandError,
            ) as error:
                raise CannotStart(str(error)) from error
        if applied:
            self._console.print(f"  [dim]{len(applied)} migrations applied[/dim]")

    def _seed_demo(self) -> None:
        # Beside the database: who begins anew with another one wants the content again.
        done = self._folder / "postgres" / "demo-content-made"
        wanted = "DB_CONNECTION" not in self._given and not done.exists()
        if not (wanted if self._seed is None else self._seed):
            return
        with self._step("Demo content"):
            self._run(
                [graasp_command(), "seed", "demo"],
                "The demo content could not be made; `graasp up --no-seed` goes without it. It said:",
            )
        if "DB_CONNECTION" not in self._given:
            done.touch()

    def _run(self, command: Sequence[str], complaint: str) -> None:
        ended = subprocess.run(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise CannotStart(f"{complaint}\n{ended.stdout.strip()}")

    def _start_processes(self, installation: Installation, beginning: Beginning) -> None:
        if not beginning.services:
            with self._step("Front door"):
                installation.core.open_front_door()
            return
        self._seed_demo()
        with self._step("Core"):
            installation.core.start()
        # Not earlier: the core answers sooner when nothing else needs the processor.
        installation.parts[Service.WORKERS].start()

    @contextmanager
    def _published_environment(self) -> Iterator[None]:
        """Where `graasp job list` and the others, in another terminal, find what runs here."""
        self._publish_environment()
        try:
            yield
        finally:
            self._published.unlink(missing_ok=True)

    def _publish_environment(self) -> None:
        # Those that were given too, for this start alone perhaps; but not everything that a shell has.
        told = {
            name: value
            for name, value in self._environment.items()
            if name not in self._given or name.lower() in Settings.model_fields
        }
        write_environment(self._published, told)

    @property
    def _published(self) -> Path:
        return self._folder / "environment"

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        with self._console.status(f"{name} …"):
            yield
        self._console.print(f"[green]✓[/green] {name} [dim]{time.monotonic() - begun:.1f} s[/dim]")

    def _tell_detail(self, line: str) -> None:
        self._console.print(Text(f"  {line}", style="dim"), soft_wrap=True)

    def _report(self, name: str, line: str) -> None:
        text = Text(f"{name:<{_NAME_WIDTH}} │ ", style=_COLOURS.get(name, ""))
        self._console.print(text.append_text(Text.from_ansi(line)), soft_wrap=True, highlight=False)

    def _tell_beginning(self, beginning: Beginning) -> None:
        for line in beginning.explanation:
            self._console.print(Text(line, style="yellow"), soft_wrap=True)

    def _tell_what_runs(self, beginning: Beginning, versions: Versions, seconds: float) -> None:
        base = f"http://localhost:{self._port}"
        where = Table.grid(padding=(0, 2, 0, 0))
        rows = {
            "Mailbox": self._mailbox or "mails go to the server of MAILER_CONNECTION",
            "Data": str(self._folder),
            "Version": self._environment["APP_VERSION"],
        }
        if beginning.services:
            rows = {"Start page": f"{base}/", "Dashboard": f"{base}/ui", "API": f"{base}/docs", **rows}
        for name, value in rows.items():
            where.add_row(f"  {name}", Text(value, style="bold" if value.startswith("http") else ""))
        self._console.print(
            f"\n[bold]Graasp is {beginning.state}[/bold], ready after {seconds:.1f} s.\n", highlight=False
        )
        self._console.print(where)
        if not versions.is_own:
            # Who changes the code in the folder would wait for it in vain.
            told = f"It was released here. To run the code in this folder: graasp release {own_version()}"
            self._console.print(Text(f"\n  {told}{self._data_option}", style="yellow"), soft_wrap=True)
        if beginning.announced is State.RUNNING:
            self._tell_sign_ins()
        else:
            self._tell_who_passes(beginning.announced)
        self._console.print("\n  Stop with Ctrl-C; the data stays.\n")

    def _tell_who_passes(self, state: State) -> None:
        if state is State.RUNNING:
            lines = ["Everybody passes."]
        else:
            lines = ["People see the maintenance screen."]
            if Service.CORE in STATES[state].up:
                header = self._environment["MAINTENANCE_HEADER_NAME"]
                secret = self._environment["MAINTENANCE_HEADER_SECRET"]
                passing = f"curl --header '{header}: {secret}' http://localhost:{self._port}/"
                lines += ["This header passes:", "", f"  {passing}", ""]
            lines.append(f"To open: graasp state set running{self._data_option}")
        told = "".join(f"\n  {line}" for line in lines)
        self._console.print(told, soft_wrap=True, highlight=False, markup=False)

    @property
    def _data_option(self) -> str:
        return "" if self._folder == Path(".graasp").resolve() else f" --data {self._folder}"

    def _tell_sign_ins(self) -> None:
        with migrations.connect(self._environment["DB_CONNECTION"]) as connection:
            if not connection.scalar(IS_THERE):
                return
        table = Table.grid(padding=(0, 2, 0, 0))
        for one in sign_ins():
            table.add_row(f"  {one.name}", one.role, Text(one.email, style="bold"), one.password)
        self._console.print("\n  Demo sign-ins: e-mail and password\n")
        self._console.print(table)
