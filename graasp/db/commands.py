"""`graasp migrate`."""

import sys
from enum import IntEnum
from typing import Annotated

import sqlalchemy.exc
import typer
from alembic.util import CommandError

from graasp.db import compatibility, migrations
from graasp.settings import load_migration_settings


class ExitCode(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    PENDING = 3
    NOT_RECOGNISED = 4
    LOCKED = 5
    INTERRUPTS = 6
    NOBODY_CAN_TELL = 7


_FAILURES: dict[type[Exception], ExitCode] = {
    migrations.MigrationRefused: ExitCode.NOT_RECOGNISED,
    migrations.MigrationLocked: ExitCode.LOCKED,
    migrations.UnknownRevision: ExitCode.USAGE,
    migrations.InvalidDatabaseUrl: ExitCode.USAGE,
    compatibility.LinterMissing: ExitCode.NOBODY_CAN_TELL,
    CommandError: ExitCode.FAILED,
}


def migrate(
    check: Annotated[
        bool,
        typer.Option("--check", help="Change nothing; tell by the exit code whether revisions are pending."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; print the SQL that would run.")
    ] = False,
    compatible: Annotated[
        bool,
        typer.Option(
            "--compatible",
            help="Change nothing; tell by the exit code whether the version that runs goes on working.",
        ),
    ] = False,
    to: Annotated[str, typer.Option(metavar="REVISION", help="Stop after this revision.")] = "head",
    lock_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for another migration task.", min=0)
    ] = 60,
) -> None:
    """Create or adopt the database at DB_CONNECTION, and apply every pending revision.

    An empty database gets the schema. One of an existing installation is adopted as it is: no row changes,
    and the record of its earlier migrations stays. Running this again, or twice at once, is harmless.

    Exit codes: 0 done (with --check: nothing is pending); 1 failed; 2 wrong usage or configuration; 3 with
    --check: revisions are pending; 4 the database is neither empty nor one this version knows, and was left
    as it is; 5 another migration task holds the lock. With --compatible: 0 what is pending, if anything, can be
    applied while the version before it runs; 6 it needs an interruption, for the reasons that are printed; 7 nobody
    can tell, since squawk is not installed.
    """
    if check + dry_run + compatible > 1:
        raise typer.BadParameter("--check, --dry-run and --compatible exclude each other")
    url = load_migration_settings().db_connection
    try:
        if check:
            code = _check(url, to)
        elif compatible:
            code = _compatible(url, to)
        elif dry_run:
            typer.echo(migrations.pending_sql(url, to=to), nl=False)
            code = ExitCode.DONE
        else:
            code = _migrate(url, to, lock_timeout)
    except tuple(_FAILURES) as error:
        typer.echo(str(error), err=True)
        code = _FAILURES[type(error)]
    except sqlalchemy.exc.DBAPIError as error:
        typer.echo(f"The migration failed: {error.orig}".rstrip(), err=True)
        code = ExitCode.FAILED
    sys.exit(code)


def _check(url: str, to: str) -> ExitCode:
    waiting = migrations.pending(url, to=to)
    typer.echo(f"pending: {', '.join(waiting)}" if waiting else "nothing is pending")
    return ExitCode.PENDING if waiting else ExitCode.DONE


def _compatible(url: str, to: str) -> ExitCode:
    found = compatibility.interruptions(url, to=to)
    for finding in found:
        typer.echo(f"{finding.revision}: {finding.rule}: {finding.message}")
    typer.echo("an interruption is needed" if found else "the version that runs goes on working")
    return ExitCode.INTERRUPTS if found else ExitCode.DONE


def _migrate(url: str, to: str, lock_timeout_s: float) -> ExitCode:
    applied = migrations.migrate(url, lock_timeout_s=lock_timeout_s, to=to, report=typer.echo)
    if not applied:
        typer.echo("nothing was pending")
    typer.echo("[✓] migrations applied successfully!")
    return ExitCode.DONE
