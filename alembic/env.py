"""Alembic runs inside `graasp migrate`, which hands it the connection; on its own it reads DB_CONNECTION."""

from alembic import context
from graasp.db.migrations import connect
from graasp.schema import metadata
from graasp.settings import load_migration_settings


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _run_on(connection)
    elif context.is_offline_mode():
        context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
        context.run_migrations()
    else:
        with connect(load_migration_settings().db_connection) as opened:
            _run_on(opened)


def _run_on(connection: object) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        version_table="alembic_version",
    )
    with context.begin_transaction():
        context.run_migrations()


run()
