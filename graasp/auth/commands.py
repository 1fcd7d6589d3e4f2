"""`graasp session`."""

import asyncio
import sys
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy import text

from graasp import audit
from graasp.accounts.queries import BY_EMAIL
from graasp.db.database import open_database
from graasp.http.session_cookie import Session, SessionCodec
from graasp.logging import configure_logging
from graasp.settings import Settings, load_settings

_BY_ID = text("select id from account where id = cast(:account_id as uuid)")


def session(
    account: Annotated[str, typer.Argument(help="The account's id, or a member's e-mail address.")],
    allow_production: Annotated[
        bool, typer.Option("--allow-production", help="Needed in production and staging.")
    ] = False,
) -> None:
    """Print the value of a session cookie for an account: for development, benchmarks and smoke tests.

    Each use is logged as an audit event. Exit codes: 0 done; 1 there is no such account; 2 wrong usage or
    configuration.
    """
    settings = load_settings()
    if settings.cookie_secure and not allow_production:
        typer.echo(f"This is {settings.node_env}: pass --allow-production if you mean it.", err=True)
        sys.exit(2)
    account_id = asyncio.run(_find(settings, account))
    if account_id is None:
        typer.echo(f"There is no account {account}.", err=True)
        sys.exit(1)
    configure_logging(settings, stream=sys.stderr)
    audit.made_by_operator("session made on the command line", account_id)
    typer.echo(SessionCodec(settings).value(Session.start(account_id)))


async def _find(settings: Settings, account: str) -> UUID | None:
    async with open_database(settings.db_connection, pool_size=1) as database:
        if "@" in account:
            row = await database.reads.first(BY_EMAIL, email=account)
        else:
            try:
                row = await database.reads.first(_BY_ID, account_id=UUID(account))
            except ValueError:
                return None
    return None if row is None else UUID(str(row["id"]))
