"""A database is saved and replaced: all of it, or nothing."""

import io
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from graasp.deployment import dumps
from graasp.deployment.driver import StepFailed
from tests.db.conftest import SYSTEM_POSTGRES
from tests.db.databases import create_installation, execute, new_database, query, scalar, system_postgres

Lines = list[str]


@pytest.fixture
def url(postgres_url: str) -> Iterator[str]:
    with new_database(postgres_url) as url:
        create_installation(url)
        yield url


@pytest.fixture
def lines() -> Lines:
    return []


def saved(url: str, lines: Lines) -> bytes:
    stream = io.BytesIO()
    size = dumps.dump(dumps.installation_at(url), stream, lines.append)
    assert size == len(stream.getvalue())
    return stream.getvalue()


def databases(url: str) -> set[object]:
    name = url.rpartition("/")[2]
    return {row[0] for row in query(url, f"select datname from pg_database where datname like '{name}%'")}


def test_what_was_saved_comes_back_and_what_came_later_goes(url: str, lines: Lines) -> None:
    execute(url, f'alter database "{url.rpartition("/")[2]}" set search_path to public, drizzle')
    execute(url, f"alter database \"{url.rpartition('/')[2]}\" set lock_timeout to '7s'")
    before = dumps.row_counts(dumps.installation_at(url))
    dump = saved(url, lines)
    execute(url, "delete from action; insert into account (name, email) values ('Bob', 'bob@example.org')")
    assert dumps.row_counts(dumps.installation_at(url)) != before

    dumps.replace(dumps.installation_at(url), lambda: [dump], lines.append)

    assert dumps.row_counts(dumps.installation_at(url)) == before
    assert before["action"] == 500
    assert query(url, "select name from account") == [("Ada",)]
    assert scalar(url, "select count(*) from drizzle.__drizzle_migrations") == 22
    # How the database itself is set up stays.
    assert scalar(url, "show search_path") == "public, drizzle"
    assert scalar(url, "show lock_timeout") == "7s"
    assert databases(url) == {url.rpartition("/")[2]}


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.98])
def test_a_damaged_dump_changes_nothing(url: str, lines: Lines, kept: float) -> None:
    dump = saved(url, lines)
    execute(url, "delete from action where ctid = (select min(ctid) from action)")
    with pytest.raises(StepFailed, match="pg_restore ended with exit code 1"):
        dumps.replace(dumps.installation_at(url), lambda: [dump[: int(len(dump) * kept)]], lines.append)
    assert scalar(url, "select count(*) from action") == 499
    assert databases(url) == {url.rpartition("/")[2]}


def test_a_database_in_use_is_not_replaced(url: str, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "_LEAVES_WITHIN_S", 0.0)
    dump = saved(url, lines)
    with (
        psycopg.connect(url, application_name="a core"),
        pytest.raises(dumps.InUse, match=r"in use, by a core \(graasp\)"),
    ):
        dumps.replace(dumps.installation_at(url), lambda: [dump], lines.append)
    assert databases(url) == {url.rpartition("/")[2]}


def test_what_an_interrupted_attempt_has_left_is_no_obstacle(url: str, lines: Lines) -> None:
    installation = dumps.installation_at(url)
    dump = saved(url, lines)
    dumps.restore_beside(installation, lambda: [dump], lines.append)
    assert databases(url) == {installation.database, installation.beside}
    dumps.replace(installation, lambda: [dump], lines.append)
    dumps.restore_beside(installation, lambda: [dump], lines.append)
    dumps.swap(installation)
    assert dumps.is_swapped(installation)
    dumps.replace(installation, lambda: [dump], lines.append)
    assert not dumps.is_swapped(installation)
    assert databases(url) == {installation.database}


def test_what_another_server_has_saved_is_restored_without_its_roles_and_spare_extensions(
    url: str, lines: Lines, service_folder: Path
) -> None:
    if not SYSTEM_POSTGRES:
        pytest.skip("no PostgreSQL 15 to 18 in /usr/lib/postgresql")
    with (
        system_postgres(SYSTEM_POSTGRES[0].parent, service_folder / "dumped-postgres") as other,
        new_database(other) as theirs,
    ):
        create_installation(theirs)
        execute(theirs, 'create role reader; grant select on item to reader; create extension "uuid-ossp"')
        execute(theirs, "create role owner; alter table item owner to owner")
        dump = saved(theirs, lines)
    here = dumps.installation_at(url)
    execute(url, "delete from action")
    dumps.restore_beside(here, lambda: [dump], lines.append, foreign=True)
    assert dumps.row_counts(here, beside=True)["action"] == 500
    assert scalar(url, "select count(*) from action") == 0
    dumps.discard_beside(here)


def test_no_password_shows_in_a_command_line(url: str) -> None:
    installation = dumps.installation_at(url)
    password = psycopg.conninfo.conninfo_to_dict(url)["password"]
    assert installation.environment["PGPASSWORD"] == password
    assert password not in " ".join(installation.command("pg_dump"))


def test_programs_too_old_for_the_server_are_not_used(url: str) -> None:
    with pytest.raises(StepFailed, match="no pg_dump of PostgreSQL 99 or later"):
        dumps.installation_at(url, at_least=99)


def test_a_server_that_does_not_answer_is_told_without_the_password() -> None:
    with pytest.raises(StepFailed, match="The database does not answer") as told:
        dumps.installation_at("postgresql://graasp:hidden@127.0.0.1:1/graasp")
    assert "hidden" not in str(told.value)
