"""The door of the product: while it is closed, only requests with the secret header pass."""

import asyncio
import hmac
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = Sequence[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]
# Of a method, the request's headers and the planned end, when there is one: what is answered instead.
Refuse = Callable[[str, Headers, datetime | None], Answer]

# What browsers and proxies are told of a server that starts again: they connect again later.
_SERVICE_RESTART = 1012


class Inside(NamedTuple):
    """How much is being served to people, that is without the secret header."""

    requests: int
    websockets: int


class Door:
    """Open, or closed; and who is inside. One per process.

    `header`: name and secret of the one that passes; None: nothing does. `always_open`: paths that are answered in
    every state, those that end with a slash with all below them; they are not counted either.
    """

    def __init__(self, header: tuple[str, str] | None, refuse: Refuse, always_open: Sequence[str]) -> None:
        self.is_open = True
        self.refuse = refuse
        # When it will probably be opened again.
        self.ends_at: datetime | None = None
        self._header = header and (header[0].lower().encode(), header[1].encode())
        self._always_open = frozenset(always_open)
        self._below_always_open = tuple(path for path in always_open if path.endswith("/"))
        self._requests: dict[int, Scope] = {}
        self._websockets: set[_Websocket] = set()
        self._farewells: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Let nobody else in; websockets without the header are told to come back later, requests may end."""
        self.is_open = False
        for websocket in self._websockets:
            if not self.lets_in(websocket.scope):
                farewell = asyncio.create_task(websocket.close())
                self._farewells.add(farewell)
                farewell.add_done_callback(self._farewells.discard)

    def open(self) -> None:
        self.is_open, self.ends_at = True, None

    def lets_in(self, scope: Scope) -> bool:
        """Whether a request passes while the door is closed."""
        path: str = scope["path"]
        return (
            path in self._always_open
            or path.startswith(self._below_always_open)
            or self._has_secret(scope["headers"])
        )

    def inside(self) -> Inside:
        return Inside(
            requests=sum(not self.lets_in(scope) for scope in self._requests.values()),
            websockets=sum(not self.lets_in(websocket.scope) for websocket in self._websockets),
        )

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and know of it until it is done."""
        if scope["type"] == "websocket":
            websocket = _Websocket(scope, send)
            self._websockets.add(websocket)
            try:
                await app(scope, receive, websocket.send)
            finally:
                self._websockets.discard(websocket)
            return
        self._requests[id(scope)] = scope
        try:
            await app(scope, receive, send)
        finally:
            del self._requests[id(scope)]

    def _has_secret(self, headers: Headers) -> bool:
        if self._header is None:
            return False
        expected, secret = self._header
        given = [value for name, value in headers if name == expected]
        return len(given) == 1 and hmac.compare_digest(given[0], secret)


class _Websocket:
    """One that can be closed from outside of what serves it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self._send = send
        self._is_closed = False

    async def send(self, message: Message) -> None:
        """Raises OSError, as for a client that has gone, once it was closed."""
        if self._is_closed:
            raise OSError("the websocket was closed")
        self._is_closed = message["type"] == "websocket.close"
        await self._send(message)

    async def close(self) -> None:
        """What serves it receives the disconnect from the server."""
        if self._is_closed:
            return
        self._is_closed = True
        # Gone already, or refused by what serves it.
        with suppress(OSError, RuntimeError):
            await self._send({"type": "websocket.close", "code": _SERVICE_RESTART, "reason": "maintenance"})


class FrontDoor:
    """Asks the door about every request."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif self._door.is_open or self._door.lets_in(scope):
            await self._door.serve(self._app, scope, receive, send)
        else:
            answer = self._door.refuse(scope.get("method", ""), scope["headers"], self._door.ends_at)
            await send_answer(scope, send, answer)


async def send_answer(scope: Scope, send: Send, answer: Answer) -> None:
    """Answer a request, or the handshake of a websocket, in place of what would have served it."""
    # The layer of cross-origin rules marks it as it marks the answers of routes.
    scope["graasp.refused"] = True
    status, headers, body = answer
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": _SERVICE_RESTART})
        return
    prefix = "websocket.http" if scope["type"] == "websocket" else "http"
    await send({"type": f"{prefix}.response.start", "status": status, "headers": list(headers)})
    await send({"type": f"{prefix}.response.body", "body": body})
