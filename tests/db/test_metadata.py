"""The tables in the code are those of a migrated database."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Enum

import graasp
from graasp.db.ltree import Ltree
from graasp.db.metadata import views
from graasp.db.migrations import connect, migrate
from graasp.schema import metadata
from tests.db.databases import query, structure

OPTIONS = {"compare_type": True, "compare_server_default": True}


def test_the_tables_and_a_migrated_database_agree(empty_url: str) -> None:
    migrate(empty_url)
    with connect(empty_url) as connection:
        connection.dialect.ischema_names["ltree"] = Ltree  # type: ignore[attr-defined]
        context = MigrationContext.configure(connection, opts=OPTIONS)
        assert compare_metadata(context, metadata) == []


def test_the_enums_and_a_migrated_database_agree(small_empty_url: str) -> None:
    migrate(small_empty_url)
    labels: list[Any] = query(
        small_empty_url,
        "select t.typname, array_agg(e.enumlabel::text order by e.enumsortorder)"
        " from pg_type t join pg_enum e on e.enumtypid = t.oid group by 1",
    )
    declared = {
        column.type.name: column.type.enums
        for table in metadata.tables.values()
        for column in table.c
        if isinstance(column.type, Enum)
    }
    assert declared == dict(labels)


def test_the_constraints_have_the_names_of_a_migrated_database(small_empty_url: str) -> None:
    migrate(small_empty_url)
    declared = {
        f"{table.name}.{constraint.name}"
        for table in metadata.tables.values()
        for constraint in table.constraints
        if constraint.name is not None
    }
    assert declared == structure(small_empty_url)["constraint"].keys()


@pytest.mark.parametrize("name", views.tables)
def test_a_view_has_the_columns_of_a_migrated_database(small_empty_url: str, name: str) -> None:
    migrate(small_empty_url)
    columns = query(
        small_empty_url, f"select column_name from information_schema.columns where table_name = '{name}'"
    )
    assert {column.name for column in views.tables[name].c} == {column for (column,) in columns}


@pytest.mark.parametrize(
    "path", sorted(Path(graasp.__path__[0]).glob("*/tables.py")), ids=lambda path: path.parent.name
)
def test_the_tables_of_every_domain_belong_to_the_schema(path: Path) -> None:
    module = importlib.import_module(f"graasp.{path.parent.name}.tables")
    assert module.__name__ in (Path(graasp.__path__[0]) / "schema.py").read_text()
