"""The command line: `graasp --help`."""

import os
import sys
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from graasp.quick_imports import quick_imports


class Command(NamedTuple):
    """Where a command is, and what `graasp --help` says of it."""

    module: str
    name: str
    help: str
    passes_on: bool = False


# Every argument goes to another program, `--help` too.
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
COMMANDS = {
    "up": Command(
        "graasp.embedded.commands",
        "up",
        "Run everything on this machine for development: databases, mailbox, core and worker.",
    ),
    "serve": Command(
        "graasp.server",
        "serve",
        "Serve the API (and, with OPERATIONS_PORT, the dashboard and the metrics on a port of their own).",
    ),
    "worker": Command(
        "graasp.cli",
        "worker",
        "Work on jobs until told to stop.",
        True,
    ),
    "migrate": Command(
        "graasp.db.commands",
        "migrate",
        "Create or adopt the database at DB_CONNECTION, and apply every pending revision.",
    ),
    "state": Command(
        "graasp.deployment.commands", "state_commands", "Look at the state of an installation, and change it."
    ),
    "backup": Command(
        "graasp.deployment.backup.commands",
        "backup",
        "Save the database and all stored files in one archive.",
    ),
    "restore": Command(
        "graasp.deployment.backup.commands",
        "restore",
        "Replace the database and the stored files by those of an archive.",
    ),
    "job": Command("graasp.jobs.commands", "job_commands", "Look at jobs, cancel them, queue them again."),
    "storage": Command(
        "graasp.housekeeping.commands",
        "storage_commands",
        "Look at what is stored, and delete what nothing needs.",
    ),
    "session": Command(
        "graasp.auth.commands",
        "session",
        "Print the value of a session cookie for an account: for development, benchmarks and smoke tests.",
    ),
    "release": Command(
        "graasp.deployment.release_command",
        "release_version",
        "Release a version: migrate, start, test, and go back to the version before when something fails.",
    ),
    "smoke-test": Command(
        "graasp.deployment.smoke_test",
        "smoke_test",
        "See that an installation works: the core, its database, a session, a job.",
    ),
    "seed": Command(
        "graasp.demo.commands", "seed_commands", "Fill a database: the demo course, the benchmark data."
    ),
    "maintenance-page": Command(
        "graasp.deployment.page_command",
        "write_maintenance_page",
        "Print the maintenance page: one file with every language, for a gateway or a web site of its own.",
    ),
    "openapi": Command("graasp.server", "write_openapi", "Print the OpenAPI document of this server."),
}


class _Commands(TyperGroup):
    """Commands that are imported when they are asked for: all of the server would take seconds."""

    _only_described = False

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of groups
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature of groups
        if cmd_name not in COMMANDS:
            return None
        command = COMMANDS[cmd_name]
        return TyperCommand(cmd_name, help=command.help) if self._only_described else _load(cmd_name, command)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._only_described = True
        super().format_help(ctx, formatter)


def _load(name: str, command: Command) -> Any:
    with quick_imports():
        found = getattr(import_module(command.module), command.name)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        single.command(name, context_settings=_PASSED_ON if command.passes_on else {})(found)
        found = single
    return get_command(found)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def graasp() -> None:
    """Run and operate a Graasp installation.

    Exit codes: 0 done, 1 failed, 2 wrong usage or configuration; a command that has others says so.
    """


def worker(context: typer.Context) -> None:
    """Work on jobs until told to stop."""
    arguments = [sys.executable, "-m", "worker", *context.args]
    os.execv(sys.executable, arguments)  # noqa: S606 - our own interpreter, no shell


def main() -> None:
    run(app)


def run(commands: typer.Typer, name: str = "graasp") -> None:
    """Run a command line, known by this name: what an operator can put right ends it with a sentence, not with a traceback."""
    try:
        commands(prog_name=name)
    except Exception as error:
        explanation = _explanation(error)
        if explanation is None:
            raise
        _end(*explanation)


def _explanation(error: Exception) -> tuple[int, str] | None:
    """The exit code, and the sentence."""
    # Not earlier: most commands end well, and some need no database.
    from asyncpg import UndefinedTableError

    from graasp.db.database import DatabaseRefused, DatabaseUnavailable
    from graasp.settings import InvalidSettings

    match error:
        case InvalidSettings():
            return 2, str(error)
        case DatabaseRefused() | DatabaseUnavailable():
            return 1, f"{error}. Is it running, and is DB_CONNECTION right?"
        case UndefinedTableError():
            return 1, f"The database has not (yet) what this needs: {error}. Run `graasp migrate` first."
    return None


def _end(code: int, sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)  # noqa: T201 - a command line speaks on the standard streams
    sys.exit(code)
