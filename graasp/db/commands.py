"""`graasp migrate`."""

import sys
from enum import IntEnum
from typing import Annotated

import sqlalchemy.exc
import typer

from graasp.db import migrations
from graasp.settings import MigrationSettings, load_migration_settings


class ExitCode(IntEnum):
    DONE = 0
    FAILED = 1
    PENDING = 3
    NOT_RECOGNISED = 4
    LOCKED = 5


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Only tell by the exit code whether revisions are pending.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL instead of running it.")] = False,
    lock_timeout: Annotated[
        float, typer.Option(help="Seconds to wait for another migration task.", min=0)
    ] = 60,
) -> None:
    """Create or adopt the database at DB_CONNECTION and apply every pending revision.

    Exit codes: 0 done (or, with --check, nothing pending); 1 failed; 2 wrong usage or configuration; 3 with
    --check: revisions are pending; 4 the database is not empty and not one of this product; 5 another migration
    task holds the lock.
    """
    settings = load_migration_settings()
    try:
        code = _run(settings, check=check, dry_run=dry_run, lock_timeout_s=lock_timeout)
    except migrations.MigrationRefused as error:
        typer.echo(error, err=True)
        code = ExitCode.NOT_RECOGNISED
    except migrations.MigrationLocked as error:
        typer.echo(error, err=True)
        code = ExitCode.LOCKED
    except sqlalchemy.exc.SQLAlchemyError as error:
        typer.echo(f"The migration failed: {error}", err=True)
        code = ExitCode.FAILED
    sys.exit(code)


def _run(settings: MigrationSettings, *, check: bool, dry_run: bool, lock_timeout_s: float) -> ExitCode:
    url = settings.db_connection
    if check:
        waiting = migrations.pending(url)
        typer.echo(f"pending: {', '.join(waiting)}" if waiting else "nothing is pending")
        return ExitCode.PENDING if waiting else ExitCode.DONE
    if dry_run:
        typer.echo(migrations.pending_sql(url), nl=False)
        return ExitCode.DONE
    waiting = migrations.pending(url)
    typer.echo(f"to apply: {', '.join(waiting)}" if waiting else "nothing to apply")
    origin = migrations.migrate(url, lock_timeout_s=lock_timeout_s)
    typer.echo(f"found {origin.value}")
    typer.echo("[✓] migrations applied successfully!")
    return ExitCode.DONE
