"""Fetches pages that somebody else named: never from private addresses, never for long, never much."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
from aiohttp.client_exceptions import ClientError

from graasp.web.addresses import is_public

_TOTAL_S = 8.0
_CONNECT_S = 4.0
_MOST_REDIRECTS = 5
_MOST_CONNECTIONS = 20
_LARGEST_HEADER = 16 * 1024
_PIECE = 16 * 1024
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (compatible; Graasp)",
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5",
    "Accept-Encoding": "gzip, deflate",
}


class CannotFetch(Exception):
    """The page can't be had: refused address, no such host, no answer in time, no HTTP."""


class Page(NamedTuple):
    """The last answer of a chain of redirects, whatever its status. `body` may be cut; names of `headers` are in lower
    case, and what was sent several times is one list.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    content_type: str
    charset: str | None
    body: bytes


class PublicWeb:
    """A client for the public internet.

    The address is checked where the connection is made, hence after every resolution and for every redirect: a name
    that changes its address between a check and its use reaches nothing.
    """

    def __init__(self, is_allowed: Callable[[str], bool] = is_public) -> None:
        self.is_allowed = is_allowed
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, *, most_bytes: int) -> Page:
        """Fetch at most `most_bytes` of a page, in at most eight seconds. Raises CannotFetch."""
        try:
            async with (
                asyncio.timeout(_TOTAL_S),
                self._opened().get(url, max_redirects=_MOST_REDIRECTS) as answer,
            ):
                body = await _beginning(answer, most_bytes)
                return Page(
                    str(answer.url),
                    answer.status,
                    _joined(answer.headers.items()),
                    answer.content_type,
                    answer.charset,
                    body,
                )
        except (ClientError, OSError, ValueError, TimeoutError, LookupError) as error:
            raise CannotFetch(type(error).__name__) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=_MOST_CONNECTIONS, force_close=True, socket_factory=self._socket, use_dns_cache=False
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
                headers=_HEADERS,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                max_line_size=_LARGEST_HEADER,
                max_field_size=_LARGEST_HEADER,
            )
        return self._session

    def _socket(self, address: Any) -> socket.socket:
        family, kind, protocol, _, place = address
        if not self.is_allowed(str(place[0])):
            raise OSError("not an address of the public internet")
        opened = socket.socket(family, kind, protocol)
        opened.setblocking(False)
        return opened


@asynccontextmanager
async def open_public_web() -> AsyncIterator[PublicWeb]:
    web = PublicWeb()
    try:
        yield web
    finally:
        await web.close()


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        before = joined.get(name.lower())
        joined[name.lower()] = value if before is None else f"{before}, {value}"
    return joined


async def _beginning(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_chunked(_PIECE):
        body += piece
        if len(body) >= most_bytes:
            break
    return bytes(body[:most_bytes])
