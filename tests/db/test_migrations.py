from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy

from graasp.db import migrations
from graasp.db.migrations import (
    InvalidDatabaseUrl,
    MigrationLocked,
    MigrationRefused,
    UnknownRevision,
    connect,
    migrate,
    pending,
)
from tests.db.databases import create_installation, execute, query, rows, scalar, structure

BASELINE = "0001"


def the_revision(url: str) -> object:
    return scalar(url, "select version_num from alembic_version")


def test_an_empty_database_gets_the_schema(empty_url: str) -> None:
    expected = pending(empty_url)
    assert expected[0] == BASELINE

    assert migrate(empty_url) == expected

    assert pending(empty_url) == []
    assert the_revision(empty_url) == expected[-1]
    execute(empty_url, "insert into account (name, email) values ('Ada', 'ada@example.org')")
    assert query(empty_url, "select name, type from members_view") == [("Ada", "individual")]


def test_the_companion_application_finds_its_tables_recorded(small_empty_url: str) -> None:
    migrate(small_empty_url)
    assert query(small_empty_url, "select count(*), min(version), max(version) from schema_migrations") == [
        (10, 20250806110912, 20251014122320)
    ]


def test_uuid_ossp_is_there_where_the_server_offers_it(empty_url: str) -> None:
    migrate(empty_url)
    name = "where name = 'uuid-ossp'"
    offered = scalar(empty_url, f"select count(*) from pg_available_extensions {name}")
    assert scalar(empty_url, "select count(*) from pg_extension where extname = 'uuid-ossp'") == offered


def test_migrating_again_changes_nothing(small_empty_url: str) -> None:
    migrate(small_empty_url)
    before = structure(small_empty_url), rows(small_empty_url)
    assert migrate(small_empty_url) == []
    assert (structure(small_empty_url), rows(small_empty_url)) == before


def test_migrating_can_stop_after_a_revision(small_empty_url: str) -> None:
    assert migrate(small_empty_url, to="0002") == ["0001", "0002"]
    assert pending(small_empty_url, to="0002") == []
    assert migrate(small_empty_url, to="0001") == []
    assert the_revision(small_empty_url) == "0002"
    assert migrate(small_empty_url)[0] == "0003"


def test_an_unknown_revision_is_refused_with_those_that_exist(small_empty_url: str) -> None:
    with pytest.raises(UnknownRevision, match=r"no revision 9999; the revisions are 0001, "):
        migrate(small_empty_url, to="9999")


def test_an_existing_installation_is_adopted_without_touching_a_row(installation_url: str) -> None:
    before = rows(installation_url)
    told: list[str] = []

    applied = migrate(installation_url, report=told.append)

    after = rows(installation_url)
    assert {table: after[table] for table in before} == before
    assert "drizzle.__drizzle_migrations" in before
    assert BASELINE not in applied
    assert told[0] == "found an existing installation, adopted as it is"
    assert pending(installation_url) == []


def test_an_adopted_database_ends_up_like_a_new_one(installation_url: str) -> None:
    migrate(installation_url)
    adopted = structure(installation_url)
    execute(installation_url, "drop schema drizzle cascade; drop schema public cascade; create schema public")
    migrate(installation_url)
    assert structure(installation_url) == adopted


def test_an_installation_without_the_earlier_bookkeeping_is_adopted_too(small_empty_url: str) -> None:
    create_installation(small_empty_url, earlier_migrations=None)
    assert BASELINE not in migrate(small_empty_url)


def test_an_adoption_that_broke_off_is_taken_up_again(small_installation_url: str) -> None:
    execute(small_installation_url, "create table alembic_version (version_num varchar(32) primary key)")
    assert BASELINE not in migrate(small_installation_url)


def test_a_missing_index_is_told_but_does_not_hinder_the_adoption(small_installation_url: str) -> None:
    execute(small_installation_url, 'drop index "IDX_gist_item_path"')
    told: list[str] = []
    migrate(small_installation_url, report=told.append)
    assert (
        'an index is missing; create it: CREATE INDEX "IDX_gist_item_path" ON public.item USING gist (path)'
        in told
    )


def test_a_database_of_another_shape_is_refused_with_the_differences(small_installation_url: str) -> None:
    execute(
        small_installation_url, "alter table account alter column name drop not null; drop table item_flag"
    )
    before = structure(small_installation_url)

    with pytest.raises(MigrationRefused) as refused:
        migrate(small_installation_url)

    assert "(2 differences)" in str(refused.value)
    assert "table item_flag is missing" in str(refused.value)
    assert "column account.name should be" in str(refused.value)
    assert "Nothing was changed." in str(refused.value)
    assert structure(small_installation_url) == before
    assert scalar(small_installation_url, "select to_regclass('alembic_version')") is None


def test_a_database_of_another_product_is_refused(small_empty_url: str) -> None:
    execute(small_empty_url, "create table wordpress_posts (id int)")
    with pytest.raises(MigrationRefused, match="table account is missing"):
        migrate(small_empty_url)
    with pytest.raises(MigrationRefused):
        pending(small_empty_url)
    assert query(small_empty_url, "select tablename from pg_tables where schemaname = 'public'") == [
        ("wordpress_posts",)
    ]


def test_an_older_installation_is_told_to_update_first(small_empty_url: str) -> None:
    create_installation(small_empty_url, earlier_migrations=18)
    execute(small_empty_url, "drop table item_export_request")
    with pytest.raises(MigrationRefused, match="records 18 of 22 migrations"):
        migrate(small_empty_url)


def test_a_database_of_a_newer_version_is_refused(small_empty_url: str) -> None:
    migrate(small_empty_url)
    execute(small_empty_url, "update alembic_version set version_num = '9999'")
    with pytest.raises(MigrationRefused, match="at revision 9999, which this version does not know"):
        migrate(small_empty_url)


def test_two_tasks_at_once_migrate_once(small_empty_url: str) -> None:
    everything = pending(small_empty_url)
    with ThreadPoolExecutor(2) as pool:
        results = [task.result() for task in [pool.submit(migrate, small_empty_url) for _ in range(2)]]
    assert sorted(results) == [[], everything]


def test_a_task_gives_up_when_the_other_does_not_finish(small_empty_url: str) -> None:
    with psycopg.connect(small_empty_url) as other:
        other.execute("select pg_advisory_lock(%s)", (migrations._ADVISORY_LOCK,))
        with pytest.raises(MigrationLocked, match="Another migration task is at work"):
            migrate(small_empty_url, lock_timeout_s=0)
        assert migrations.is_at_work(small_empty_url)
    assert not migrations.is_at_work(small_empty_url)
    assert BASELINE in migrate(small_empty_url)


def test_a_table_that_stays_locked_fails_the_task_and_running_it_again_finishes(
    small_installation_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_TABLE_LOCK_TIMEOUT", "50ms")
    expected = pending(small_installation_url)
    with psycopg.connect(small_installation_url) as user:
        user.execute("lock table account in access exclusive mode")
        with pytest.raises(sqlalchemy.exc.OperationalError, match="lock timeout"):
            migrate(small_installation_url)
    assert migrate(small_installation_url) == expected


@pytest.mark.parametrize("query_string", ["", "?sslmode=disable", "?sslmode=prefer&connect_timeout=3"])
@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_any_spelling_of_the_connection_works(small_empty_url: str, scheme: str, query_string: str) -> None:
    rest = small_empty_url.partition("://")[2]
    assert BASELINE in pending(f"{scheme}://{rest}{query_string}")


@pytest.mark.parametrize(
    "url", ["mysql://u:hunter2@h/d", "u:hunter2@h/d", "postgres://u:hun ter2@h/d?nonsense=1"]
)
def test_a_connection_that_is_none_is_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(InvalidDatabaseUrl) as refused, connect(url):
        pass
    assert "hunter2" not in str(refused.value)
    assert "DB_CONNECTION should look like" in str(refused.value)
