"""The migration task: creates the schema, or adopts an existing installation's, and brings it up to date."""

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import sqlalchemy
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, text
from sqlalchemy.pool import NullPool

from alembic import command
from graasp.db import recognition

_FOLDER = Path(__file__).resolve().parents[2] / "alembic"
_BASELINE = "0001"
_BASELINE_STRUCTURE = _FOLDER / "versions" / "0001_baseline.json"
# What the server that was here before records when it is up to date.
_EARLIER_MIGRATIONS = 22
# Any number nobody else uses: the lock that keeps two migration tasks apart.
_ADVISORY_LOCK = 0x67726161737001
_LOCK_IS_HELD = """
select exists (
    select from pg_locks join pg_database on pg_database.oid = pg_locks.database
    where locktype = 'advisory' and objsubid = 1 and (classid::bigint << 32) | objid::bigint = :key
      and datname = current_database()
)
"""
_LOCK_POLL_S = 0.2
_SHOWN_DIFFERENCES = 30
# A statement that waits for a table makes everyone after it wait too: better to fail and be run again.
_TABLE_LOCK_TIMEOUT = "30s"

Report = Callable[[str], None]


class MigrationRefused(Exception):
    """The database is not one this version can work on; nothing was changed."""


class MigrationLocked(Exception):
    """Another migration task holds the lock."""


class UnknownRevision(Exception):
    """There is no such revision to migrate to."""


class InvalidDatabaseUrl(Exception):
    """The connection is not a PostgreSQL URL."""


class Origin(Enum):
    """What the task found."""

    EMPTY = "an empty database"
    EXISTING = "an existing installation, adopted as it is"
    MANAGED = "a database under migration control"


class Step(NamedTuple):
    """A pending revision. `sql` is None when it can't be had without running it.

    `interrupts`: why it needs an interruption, where its author says so.
    """

    revision: str
    sql: str | None
    interrupts: str | None


@dataclass(frozen=True)
class State:
    """Where a database stands."""

    origin: Origin
    revision: str | None
    # What an operator should know, but can live with.
    notes: tuple[str, ...] = ()


def _silent(_: str) -> None:
    pass


def migrate(url: str, *, lock_timeout_s: float = 60, to: str = "head", report: Report = _silent) -> list[str]:
    """Apply every pending revision, each in its own transaction; the revisions that were.

    Two tasks never work at once: the second waits, and finds nothing left to do. Raises MigrationRefused for
    a database that is neither empty nor of this product, MigrationLocked when another task does not finish
    within `lock_timeout_s` seconds, UnknownRevision, InvalidDatabaseUrl, and SQLAlchemy's errors for what the
    database refuses.
    """
    with connect(url) as connection, _locked(connection, lock_timeout_s):
        state = inspect(connection)
        revisions = _plan(state, to)
        for line in (f"found {state.origin.value}", *state.notes):
            report(line)
        config = _config(connection, report)
        if state.origin is Origin.EXISTING:
            command.stamp(config, _BASELINE)
        if revisions:
            command.upgrade(config, revisions[-1])
        return revisions


def pending(url: str, *, to: str = "head") -> list[str]:
    """The revisions that `migrate` would apply, oldest first; raises what `migrate` raises."""
    with connect(url) as connection:
        return _plan(inspect(connection), to)


def is_at_work(url: str) -> bool:
    """Whether a migration task works on the database now."""
    with connect(url) as connection:
        return bool(connection.scalar(text(_LOCK_IS_HELD), {"key": _ADVISORY_LOCK}))


def pending_steps(url: str, *, to: str = "head") -> list[Step]:
    """What `migrate` would do while another version runs, oldest first; raises what `migrate` raises.

    Nothing in an empty database: no version runs on it.
    """
    with connect(url) as connection:
        state = inspect(connection)
    revisions = _plan(state, to)
    return [] if state.origin is Origin.EMPTY else [step_of(revision) for revision in revisions]


def step_of(revision: str) -> Step:
    """One revision of the history, by its name."""
    script = ScriptDirectory.from_config(_config(None)).get_revision(revision)
    return Step(revision, _sql_of(script), getattr(script.module, "interrupts", None))


def _sql_of(script: Script) -> str | None:
    config = _config(None)
    config.output_buffer = io.StringIO()
    try:
        command.upgrade(config, f"{script.down_revision or 'base'}:{script.revision}", sql=True)
    except (CommandError, AttributeError, sqlalchemy.exc.SQLAlchemyError):
        # It asks the database for something, and there is none.
        return None
    return config.output_buffer.getvalue()


def revisions() -> list[str]:
    """Every revision that this version knows, oldest first."""
    return _history(ScriptDirectory.from_config(_config(None)), "head")


def pending_sql(url: str, *, to: str = "head") -> str:
    """The SQL that `migrate` would run, for psql; raises what `migrate` raises."""
    with connect(url) as connection:
        state = inspect(connection)
    revisions = _plan(state, to)
    config = _config(None)
    config.output_buffer = io.StringIO()
    if state.origin is Origin.EXISTING:
        command.stamp(config, _BASELINE, sql=True)
    if revisions:
        command.upgrade(config, f"{state.revision or 'base'}:{revisions[-1]}", sql=True)
    return config.output_buffer.getvalue()


def inspect(connection: Connection) -> State:
    """Tell what the database is. Raises MigrationRefused with every difference when it is none of ours."""
    try:
        revision = MigrationContext.configure(connection).get_current_revision()
        if revision is not None:
            return State(Origin.MANAGED, revision)
        found = recognition.describe(connection)
        earlier = recognition.earlier_migrations(connection)
    finally:
        connection.rollback()
    if recognition.is_empty(found):
        return State(Origin.EMPTY, None)
    expected: recognition.Structure = json.loads(_BASELINE_STRUCTURE.read_text())
    differences = recognition.differences(expected, found)
    if differences:
        raise MigrationRefused(_refusal(differences, earlier))
    notes = [
        f"an index is missing; create it: {statement}"
        for statement in recognition.missing_indexes(expected, found)
    ]
    if earlier is not None:
        notes.append(f"drizzle.__drizzle_migrations ({earlier} rows) stays as it is")
    return State(Origin.EXISTING, _BASELINE, tuple(notes))


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """A connection for migrations: `postgres://` and `postgresql://`, with any parameter that libpq knows."""
    parameters = _parameters(url)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(**parameters), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            # A role's own limits are made for requests.
            connection.execute(text(f"set lock_timeout = '{_TABLE_LOCK_TIMEOUT}'"))
            connection.execute(text("set statement_timeout = 0"))
            connection.execute(text("set idle_in_transaction_session_timeout = 0"))
            connection.commit()
            yield connection
    finally:
        engine.dispose()


def _parameters(url: str) -> dict[str, Any]:
    scheme, _, rest = url.partition("://")
    try:
        if scheme.partition("+")[0] not in ("postgres", "postgresql"):
            raise psycopg.ProgrammingError
        parameters: dict[str, Any] = dict(conninfo_to_dict(f"postgresql://{rest}"))
    except psycopg.ProgrammingError:
        # Without the cause: it would repeat the password.
        raise InvalidDatabaseUrl(
            "DB_CONNECTION should look like postgres://user:password@host:5432/database?sslmode=require, "
            "with %40 for an @ in the password and so on."
        ) from None
    return {"connect_timeout": 10, "application_name": "graasp migrate", **parameters}


def _refusal(differences: list[str], earlier: int | None) -> str:
    lines = [f"This database is not empty, and not one of this product ({len(differences)} differences):"]
    lines += [f"  {difference}" for difference in differences[:_SHOWN_DIFFERENCES]]
    if len(differences) > _SHOWN_DIFFERENCES:
        lines.append(f"  … and {len(differences) - _SHOWN_DIFFERENCES} more")
    if earlier is not None and earlier < _EARLIER_MIGRATIONS:
        lines.append(
            f"It records {earlier} of {_EARLIER_MIGRATIONS} migrations of the server that was here before: "
            "run that server's own migration task in its latest version first."
        )
    else:
        lines.append("Point DB_CONNECTION at an empty database, or at an existing installation's.")
    lines.append("Nothing was changed.")
    return "\n".join(lines)


def _plan(state: State, to: str) -> list[str]:
    script = ScriptDirectory.from_config(_config(None))
    known = _history(script, "head")
    try:
        script.get_revision(to)
    except CommandError:
        raise UnknownRevision(f"There is no revision {to}; the revisions are {', '.join(known)}.") from None
    wanted = _history(script, to)
    if state.revision is None:
        return wanted
    if state.revision not in known:
        raise MigrationRefused(
            f"This database is at revision {state.revision}, which this version does not know: "
            "it was migrated by a newer version, or by another product. Run a version that knows it. "
            "Nothing was changed."
        )
    return wanted[wanted.index(state.revision) + 1 :] if state.revision in wanted else []


def _history(script: ScriptDirectory, revision: str) -> list[str]:
    return [step.revision for step in script.iterate_revisions(revision, "base")][::-1]


def _config(connection: Connection | None, report: Report = _silent) -> Config:
    def applied(*, step: Any, **_: Any) -> None:
        report(f"{'adopted as' if step.is_stamp else 'applied'} {step.up_revision_id} {step.up_revision.doc}")

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["on_version_apply"] = applied
    return config


@contextmanager
def _locked(connection: Connection, timeout_s: float) -> Iterator[None]:
    """Hold the lock on the very connection that migrates: whoever loses one loses the other."""
    deadline = time.monotonic() + timeout_s
    # Polled, since a statement that waits would hold back the index builds of the task it waits for.
    while not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}):
        connection.rollback()
        if time.monotonic() >= deadline:
            raise MigrationLocked(
                f"Another migration task is at work and did not finish within {timeout_s:g} seconds. "
                "Wait for it, or see its log; then run this again."
            )
        time.sleep(_LOCK_POLL_S)
    connection.commit()
    try:
        yield
    finally:
        # A broken connection has given its lock back, and its own error is the one to tell.
        with suppress(sqlalchemy.exc.DBAPIError):
            connection.rollback()
            connection.scalar(text("select pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
            connection.commit()
