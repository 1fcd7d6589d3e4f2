from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from graasp.db.migrations import connect
from graasp.db.recognition import Structure, describe, differences, missing_indexes
from tests.db.databases import create_installation, new_database


@pytest.fixture(scope="module")
def connection(postgres_url: str) -> Iterator[Connection]:
    with new_database(postgres_url) as url:
        create_installation(url)
        with connect(url) as opened:
            yield opened


@pytest.fixture(scope="module")
def expected(connection: Connection) -> Structure:
    return describe(connection)


def after(connection: Connection, change: str) -> Structure:
    """The structure after a change that is then undone."""
    try:
        connection.execute(text(change))
        return describe(connection)
    finally:
        connection.rollback()


_MEMBERSHIP_FK = "item_membership_item_path_item_path_fk"
_WITHOUT_CASCADE = (
    f'alter table item_membership drop constraint "{_MEMBERSHIP_FK}",'
    f' add constraint "{_MEMBERSHIP_FK}" foreign key (item_path) references item (path)'
)
_VIEW_OF_ALL_ITEMS = (
    "create or replace view item_view as select id, name, type, description, path, creator_id, extra,"
    ' settings, created_at, updated_at, lang, "order" from item'
)
OTHER_SHAPES = [
    ("drop table item_flag", "table item_flag is missing"),
    ("alter table item drop column lang cascade", "column item.lang is missing"),
    ("alter table app_data alter column data type json", "column app_data.data should be `jsonb"),
    ("alter table account alter column name drop not null", "column account.name should be"),
    ("alter table item alter column type drop default", "column item.type should be"),
    ("alter table maintenance add column secret text not null", "column maintenance.secret is unknown"),
    (
        'alter table account drop constraint "CHK_account_email"',
        "account.CHK_account_email is missing",
    ),
    (_WITHOUT_CASCADE, f"constraint item_membership.{_MEMBERSHIP_FK} should be"),
    ("alter type permission_enum add value 'owner'", "enum permission_enum should be"),
    ("drop view item_view", "view item_view is missing"),
    (_VIEW_OF_ALL_ITEMS, "view item_view should be"),
]


@pytest.mark.parametrize(("change", "difference"), OTHER_SHAPES)
def test_what_queries_rely_on_has_to_be_there(
    connection: Connection, expected: Structure, change: str, difference: str
) -> None:
    found = differences(expected, after(connection, change))
    assert [line for line in found if difference in line], found


def test_a_missing_table_is_told_once(connection: Connection, expected: Structure) -> None:
    assert differences(expected, after(connection, "drop table item_flag")) == ["table item_flag is missing"]


@pytest.mark.parametrize(
    "addition",
    [
        "create table umami_event (id int not null)",
        "alter table account add column nickname text",
        "alter table account add column score int not null default 0",
        "create index on action (created_at)",
        "create view my_view as select 1 as one",
        "create type mood as enum ('happy')",
    ],
)
def test_what_an_operator_added_is_no_difference(
    connection: Connection, expected: Structure, addition: str
) -> None:
    assert differences(expected, after(connection, addition)) == []


def test_a_missing_index_is_no_difference_but_named(connection: Connection, expected: Structure) -> None:
    found = after(connection, 'drop index "IDX_gist_item_path"')
    assert differences(expected, found) == []
    assert missing_indexes(expected, found) == [
        'CREATE INDEX "IDX_gist_item_path" ON public.item USING gist (path)'
    ]


def test_an_index_may_have_another_name(connection: Connection, expected: Structure) -> None:
    assert (
        missing_indexes(expected, after(connection, 'alter index "IDX_gist_item_path" rename to paths')) == []
    )
