"""Alembic runs inside `graasp migrate`, which hands it the connection; on its own it reads DB_CONNECTION."""

from typing import Any

from sqlalchemy import Connection

from alembic import context
from graasp.db.ltree import Ltree
from graasp.db.migrations import connect
from graasp.schema import metadata
from graasp.settings import load_migration_settings


def run() -> None:
    attributes = context.config.attributes
    if context.is_offline_mode():
        _run(dialect_name="postgresql", literal_binds=True)
    elif attributes.get("connection") is not None:
        _run_on(attributes["connection"])
    else:
        with connect(load_migration_settings().db_connection) as connection:
            _run_on(connection)


def _run_on(connection: Connection) -> None:
    # What reflection, and with it --autogenerate, would not recognise.
    connection.dialect.ischema_names["ltree"] = Ltree  # type: ignore[attr-defined]
    _run(connection=connection, on_version_apply=context.config.attributes.get("on_version_apply"))


def _run(**options: Any) -> None:
    context.configure(target_metadata=metadata, transaction_per_migration=True, **options)
    with context.begin_transaction():
        context.run_migrations()


run()
