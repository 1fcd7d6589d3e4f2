"""Whom a request comes from."""

from starlette.requests import HTTPConnection

from graasp.settings import Settings


def address_of(connection: HTTPConnection) -> str:
    """The client's address, by as many proxies as the installation trusts; empty when there is none."""
    peer = connection.client.host if connection.client else ""
    settings: Settings = connection.app.state.settings
    hops = settings.trusted_proxies
    forwarded = [
        part.strip() for part in connection.headers.get("x-forwarded-for", "").split(",") if part.strip()
    ]
    if not hops or not forwarded:
        return peer
    return forwarded[-min(hops, len(forwarded))]
