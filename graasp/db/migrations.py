"""The migration task: creates an empty database, adopts an existing installation's, and brings either up to date."""

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from enum import Enum
from pathlib import Path

import sqlalchemy
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.pool import NullPool

from alembic import command

_FOLDER = Path(__file__).resolve().parents[2] / "alembic"
_BASELINE = "0001"
_FINGERPRINT = _FOLDER / "versions" / "0001_baseline.json"
# Any number nobody else uses: the lock that keeps two migration tasks apart.
_ADVISORY_LOCK = 0x67726161737001
_LOCK_POLL_S = 0.2


class MigrationRefused(Exception):
    """The database holds tables that are not this product's; nothing was changed."""


class MigrationLocked(Exception):
    """Another migration task holds the lock."""


class Origin(Enum):
    """What the task found."""

    EMPTY = "an empty database"
    EXISTING = "an existing installation, adopted as it is"
    MANAGED = "a database under migration control"


def migrate(url: str, *, lock_timeout_s: float = 60, to: str = "head") -> Origin:
    """Apply every pending revision.

    Raises MigrationRefused for a database that is neither empty nor of this product, MigrationLocked when another
    task does not finish within `lock_timeout_s` seconds, and SQLAlchemy's errors for what a revision raises.
    """
    with connect(url) as lock_holder, _locked(lock_holder, lock_timeout_s), connect(url) as connection:
        origin = recognise(connection)
        config = _config(connection)
        if origin is Origin.EXISTING:
            command.stamp(config, _BASELINE)
        command.upgrade(config, to)
        return origin


def pending(url: str) -> list[str]:
    """The revisions that `migrate` would apply, oldest first."""
    with connect(url) as connection:
        return _pending(recognise(connection), connection)


def pending_sql(url: str) -> str:
    """The SQL that `migrate` would run."""
    with connect(url) as connection:
        origin = recognise(connection)
        revisions = _pending(origin, connection)
        current = _current(origin, connection)
    if not revisions:
        return ""
    output = io.StringIO()
    config = _config(None)
    config.output_buffer = output
    with redirect_stdout(io.StringIO()):
        command.upgrade(config, f"{current}:head" if current else "head", sql=True)
    return output.getvalue()


def recognise(connection: Connection) -> Origin:
    """Tell what the database is. Raises MigrationRefused with the differences when it is neither."""
    tables = _columns(connection)
    connection.rollback()
    if "alembic_version" in tables:
        return Origin.MANAGED
    if not tables:
        return Origin.EMPTY
    expected: dict[str, dict[str, str]] = json.loads(_FINGERPRINT.read_text())
    differences = list(_differences(expected, tables))
    if differences:
        shown = "\n".join(f"  {difference}" for difference in differences[:20])
        raise MigrationRefused(
            f"This database is not empty and not one of this product ({len(differences)} differences):\n{shown}\n"
            "Point DB_CONNECTION at an empty database, or at an existing installation's. Nothing was changed."
        )
    return Origin.EXISTING


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """A connection through psycopg for any spelling of a PostgreSQL URL."""
    rest = url.partition("://")[2]
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://{rest}", poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def fingerprint(connection: Connection) -> dict[str, dict[str, str]]:
    """`{table: {column: type}}` of the public schema, without the migration bookkeeping."""
    return {name: columns for name, columns in _columns(connection).items() if name != "alembic_version"}


def _differences(expected: dict[str, dict[str, str]], found: dict[str, dict[str, str]]) -> Iterator[str]:
    for table, columns in expected.items():
        if table not in found:
            yield f"table {table} is missing"
            continue
        for column, kind in columns.items():
            if found[table].get(column) != kind:
                yield f"column {table}.{column} should be {kind}, is {found[table].get(column, 'missing')}"


def _columns(connection: Connection) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        text(
            """
            select c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
            from pg_class c
            join pg_namespace n on n.oid = c.relnamespace
            join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where n.nspname = 'public' and c.relkind = 'r'
              and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
            order by c.relname, a.attnum
            """
        )
    )
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = kind
    return tables


def _current(origin: Origin, connection: Connection) -> str | None:
    if origin is Origin.EXISTING:
        return _BASELINE
    return MigrationContext.configure(connection).get_current_revision()


def _pending(origin: Origin, connection: Connection) -> list[str]:
    script = ScriptDirectory.from_config(_config(None))
    current = _current(origin, connection)
    revisions = script.iterate_revisions("head", current or "base")
    return [revision.revision for revision in revisions][::-1]


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _locked(connection: Connection, timeout_s: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout_s
    while not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}):
        connection.rollback()
        if time.monotonic() >= deadline:
            raise MigrationLocked(
                f"Another migration task is at work and did not finish within {timeout_s:g} seconds. "
                "Wait for it, or see its log; then run this again."
            )
        time.sleep(_LOCK_POLL_S)
    # The lock belongs to the session: an open transaction would hold back the vacuum for nothing.
    connection.commit()
    try:
        yield
    finally:
        connection.scalar(text("select pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
        connection.commit()
