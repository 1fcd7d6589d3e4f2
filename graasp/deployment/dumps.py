"""A database saved to a stream, and replaced by what was saved: with PostgreSQL's own pg_dump and pg_restore."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

import psycopg
from psycopg import IsolationLevel, pq

from graasp.deployment.driver import Report, StepFailed
from graasp.embedded.postgres import packaged_programs
from graasp.settings import plain_postgres_url

_CHUNK = 1024 * 1024
_REPORT_EVERY_S = 10.0
_LAST_LINES = 8
_POLL_S = 0.1
# How long the end of a connection may take to show.
_LEAVES_WITHIN_S = 3.0
_SYSTEM_PROGRAMS = Path("/usr/lib/postgresql")
_ANY_DATABASE = "postgres"
# Extensions that an installation may have, that nothing uses, and that not every server offers.
_DISPENSABLE_EXTENSIONS = ("uuid-ossp",)

# For psql. A database with the properties of the one in use, made beside it.
_CREATE_BESIDE = r"""
select format('create database %I template template0 owner %I encoding %L locale_provider %s lc_collate %L lc_ctype %L%s',
    :'beside', pg_get_userbyid(datdba), pg_encoding_to_char(encoding),
    case datlocprovider when 'c' then 'libc' when 'i' then 'icu' else 'builtin' end, datcollate, datctype,
    case datlocprovider
        when 'c' then ''
        when 'i' then format(' icu_locale %L', coalesce(properties ->> 'datlocale', properties ->> 'daticulocale'))
        else format(' builtin_locale %L', properties ->> 'datlocale')
    end)
    from (select *, to_jsonb(d) as properties from pg_database d where datname = :'database') found
\gexec
select format('alter database %I set %s to %s', :'beside', name,
    case when name in ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
        then value else quote_literal(value) end)
    from pg_db_role_setting s
    join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) setting,
    lateral (select split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)) as given(name, value)
    where d.datname = :'database' and s.setrole = 0
\gexec
"""
_DROP = r"""
select format('drop database if exists %I with (force)', :'name')
\gexec
"""
# In one transaction: there is always one of that name.
_SWAP = r"""
begin;
select format('alter database %I rename to %I', :'database', :'former')
\gexec
select format('alter database %I rename to %I', :'beside', :'database')
\gexec
commit;
"""
_EXISTS = "select count(*) from pg_database where datname = :'name';"
_CONNECTED = """
select distinct coalesce(nullif(application_name, ''), 'a program without a name') || ' (' || usename || ')'
    from pg_stat_activity
    where datname = :'database' and backend_type = 'client backend' and pid <> pg_backend_pid()
    order by 1;
"""
_ROW_COUNTS = r"""
select format('select %L, count(*) from %I.%I', relname, nspname, relname)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where relkind = 'r' and nspname = 'public' order by relname
\gexec
"""
_SCHEMA_REVISION = r"""
select 'select version_num from alembic_version' where to_regclass('alembic_version') is not null
\gexec
"""
_OFFERED_EXTENSIONS = "select name from pg_available_extensions;"

# Begins a saved stream anew at each call.
Chunks = Callable[[], Iterable[bytes]]


class InUse(StepFailed):
    """Somebody is connected to what should be replaced."""


@dataclass(frozen=True)
class Installation:
    """One database, and how PostgreSQL's programs reach its server.

    `command`: what runs a program of that name, such as `docker compose exec database pg_dump`. `environment`: what
    the program finds its server by. `folder`: where it is started.
    """

    database: str
    command: Callable[[str], Sequence[str]]
    environment: Mapping[str, str]
    folder: Path | None = None
    # Major version of the server; None where nobody has asked.
    version: int | None = None

    @property
    def beside(self) -> str:
        """The name of the database that is going to replace this one."""
        return f"{self.database}_restoring"

    @property
    def former(self) -> str:
        """The name of the database that was replaced."""
        return f"{self.database}_before_restore"

    def sql(self, script: str, *, database: str = _ANY_DATABASE, **variables: str) -> list[list[str]]:
        """Run a script of psql; what it printed, in columns. Raises StepFailed."""
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t"]
        names = {"database": self.database, "beside": self.beside, "former": self.former}
        given = {"ON_ERROR_STOP": "1", **names, **variables}
        options += [f"--set={name}={value}" for name, value in given.items()]
        with tempfile.TemporaryFile() as lines, tempfile.TemporaryFile() as statements:
            statements.write(script.encode())
            statements.seek(0)
            with self.running("psql", *options, f"--dbname={database}", stdin=statements, stdout=lines):
                pass
            lines.seek(0)
            return [line.split("\t") for line in lines.read().decode().splitlines() if line]

    @contextmanager
    def running(
        self, program: str, *options: str, stdin: int | IO[bytes], stdout: int | IO[bytes]
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """A program of PostgreSQL, ended when the block is left. Raises StepFailed with its last words."""
        with tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    [*self.command(program), *options],
                    env={**os.environ, **self.environment},
                    cwd=self.folder,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=errors,
                )
            except OSError as error:
                raise StepFailed(f"{program} did not start: {error}") from error
            try:
                yield process
            except BaseException:
                process.kill()
                process.wait()
                raise
            if process.wait():
                errors.seek(0)
                words = errors.read().decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
                raise StepFailed("\n".join((f"{program} ended with exit code {process.returncode}:", *words)))


def installation_at(url: str, *, at_least: int = 0) -> Installation:
    """The database of a connection URL, and programs of this machine that fit its server. Raises StepFailed.

    `at_least`: the major version of pg_dump whose output they are to read.
    """
    url = plain_postgres_url(url)
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            database, server = connection.info.dbname, connection.info.server_version // 10_000
    except psycopg.Error as error:
        raise StepFailed(f"The database does not answer: {error}".strip()) from error
    programs = _programs(max(server, at_least))
    return Installation(
        database, lambda program: [str(programs / program)], _environment(url), version=server
    )


def dump(installation: Installation, target: BinaryIO, report: Report, *, snapshot: str | None = None) -> int:
    """Write the whole database, as it is at one moment, to a stream; the number of bytes. Raises StepFailed.

    `snapshot`: one exported by a transaction that is still open; its moment is meant.
    """
    options = ["--format=custom", "--no-password"]
    options += [] if snapshot is None else [f"--snapshot={snapshot}"]
    with installation.running(
        "pg_dump",
        *options,
        f"--dbname={installation.database}",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        output = process.stdout
        assert output is not None
        return _copy(iter(lambda: output.read(_CHUNK), b""), target, report, "of the database saved")


def dump_version(installation: Installation) -> int:
    """The major version of pg_dump."""
    return _major(installation.command("pg_dump"), installation.folder) or 0


def restore_beside(
    installation: Installation, chunks: Chunks, report: Report, *, foreign: bool = False
) -> None:
    """Make a database of what `dump` wrote, beside the one in use. Raises StepFailed, and leaves nothing then.

    `foreign`: it may come from another server, whose roles and extensions are not all known here.
    """
    with tempfile.NamedTemporaryFile("w") as entries, _discarding_on_error(installation):
        options = ["--exit-on-error", "--no-password"]
        if foreign:
            entries.writelines(_usable_entries(installation, chunks()))
            entries.flush()
            options += ["--no-owner", "--no-privileges", f"--use-list={entries.name}"]
        discard_beside(installation)
        installation.sql(_CREATE_BESIDE)
        with installation.running(
            "pg_restore",
            *options,
            f"--dbname={installation.beside}",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        ) as process:
            _feed(process, chunks(), report)
        installation.sql("analyze;", database=installation.beside)


def swap(installation: Installation) -> None:
    """Put the database beside in the place of the one in use, which is kept. Raises StepFailed; nothing changed then."""
    require_unused(installation)
    installation.sql(_SWAP)


def is_swapped(installation: Installation) -> bool:
    """Whether `swap` has succeeded, and `forget_former` not yet."""
    return installation.sql(_EXISTS, name=installation.former) == [["1"]]


def forget_former(installation: Installation) -> None:
    """Drop the database that `swap` has replaced."""
    installation.sql(_DROP, name=installation.former)


def discard_beside(installation: Installation) -> None:
    """Drop what `restore_beside` has made and `swap` has not used."""
    installation.sql(_DROP, name=installation.beside)


def replace(installation: Installation, chunks: Chunks, report: Report) -> None:
    """Replace the database by what `dump` wrote from the same server: all of it, or nothing. Raises StepFailed."""
    require_unused(installation)
    forget_former(installation)
    restore_beside(installation, chunks, report)
    with _discarding_on_error(installation):
        swap(installation)
    forget_former(installation)


def require_unused(installation: Installation) -> None:
    """Raise InUse while somebody is connected to the database."""
    deadline = time.monotonic() + _LEAVES_WITHIN_S
    while connected := [name for (name,) in installation.sql(_CONNECTED)]:
        if time.monotonic() > deadline:
            raise InUse(
                f"The database is in use, by {', '.join(connected)}. Stop what runs, with `graasp state set db-only`, "
                "and try again."
            )
        time.sleep(_POLL_S)


def row_counts(
    installation: Installation, *, beside: bool = False, snapshot: str | None = None
) -> dict[str, int]:
    """How many rows each table of the product has; `snapshot` as in `dump`."""
    script = _ROW_COUNTS
    if snapshot is not None:
        script = f"begin isolation level repeatable read; set transaction snapshot :'snapshot';{script}"
    database = installation.beside if beside else installation.database
    counts = installation.sql(script, database=database, snapshot=snapshot or "")
    return {table: int(count) for table, count in counts}


def schema_revision(installation: Installation, *, beside: bool = False) -> str | None:
    """The revision of the database's schema; None of one that was never migrated by this product."""
    database = installation.beside if beside else installation.database
    found = installation.sql(_SCHEMA_REVISION, database=database)
    return found[0][0] if found else None


@contextmanager
def one_moment(url: str) -> Iterator[str]:
    """The database as it is now, for as long as the block lasts: the name of the snapshot. Raises StepFailed."""
    try:
        with psycopg.connect(plain_postgres_url(url), application_name="graasp backup") as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            row = connection.execute("select pg_export_snapshot()").fetchone()
            assert row is not None
            yield row[0]
    except psycopg.Error as error:
        raise StepFailed(f"The database does not answer: {error}".strip()) from error


@contextmanager
def _discarding_on_error(installation: Installation) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # The reason is what counts; the next attempt discards it too.
        with suppress(StepFailed):
            discard_beside(installation)
        raise


def _feed(process: "subprocess.Popen[bytes]", chunks: Iterable[bytes], report: Report) -> None:
    assert process.stdin is not None
    # One that ends before it has read all tells why by how it ends.
    with suppress(BrokenPipeError), process.stdin:
        _copy(chunks, process.stdin, report, "of the database restored")


def _usable_entries(installation: Installation, chunks: Iterable[bytes]) -> list[str]:
    """What is in the dump, for pg_restore, without extensions that this server lacks and nothing needs."""
    offered = {name for (name,) in installation.sql(_OFFERED_EXTENSIONS)}
    lacking = "|".join(re.escape(name) for name in _DISPENSABLE_EXTENSIONS if name not in offered)
    # Into a file: it prints before it has read all, and nobody would take what it prints.
    with tempfile.TemporaryFile() as listed:
        with installation.running("pg_restore", "--list", stdin=subprocess.PIPE, stdout=listed) as process:
            _feed(process, chunks, lambda _: None)
        listed.seek(0)
        lines = listed.read().decode().splitlines(keepends=True)
    unusable = re.compile(rf"^\d+; \d+ \d+ (EXTENSION - |COMMENT - EXTENSION )\"?({lacking})\"?\s")
    return [line for line in lines if not (lacking and unusable.match(line))]


def _copy(chunks: Iterable[bytes], target: IO[bytes], report: Report, what: str) -> int:
    size, told = 0, time.monotonic()
    for chunk in chunks:
        target.write(chunk)
        size += len(chunk)
        if time.monotonic() - told > _REPORT_EVERY_S:
            told = time.monotonic()
            report(f"{size / 1e6:,.0f} MB {what}")
    return size


def _environment(url: str) -> dict[str, str]:
    """The connection's parameters as the variables that every program of PostgreSQL reads: no password shows in a
    command line."""
    return {
        option.envvar.decode(): option.val.decode()
        for option in pq.Conninfo.parse(url.encode())
        if option.val is not None and option.envvar
    }


def _programs(major: int) -> Path:
    """The folder of PostgreSQL's client programs of the version, or of the next one that this machine has."""
    on_path = shutil.which("pg_dump")
    folders = [
        packaged_programs(),
        *_SYSTEM_PROGRAMS.glob("*/bin"),
        Path(on_path).parent if on_path else None,
    ]
    versions = [
        (version, folder)
        for folder in folders
        if folder is not None and (version := _major([str(folder / "pg_dump")])) is not None
    ]
    fitting = [(version, folder) for version, folder in versions if version >= major]
    if not fitting:
        raise StepFailed(
            f"There is no pg_dump of PostgreSQL {major} or later on this machine. Install PostgreSQL's client programs "
            "of that version, or graasp-core[embedded]."
        )
    return min(fitting)[1]


def _major(command: Sequence[str], folder: Path | None = None) -> int | None:
    with suppress(OSError):
        told = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, check=False, cwd=folder
        )
        if found := re.search(r"\(PostgreSQL\) (\d+)", told.stdout):
            return int(found[1])
    return None
