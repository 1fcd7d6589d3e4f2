"""One request, one id, one log line."""

import logging
import re
import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graasp.http.addresses import address_of
from graasp.http.error_answers import unexpected_answer
from graasp.http.middleware.paths import route_of
from graasp.telemetry.metrics import observe_request

log = structlog.get_logger("graasp.request")

_FIRST_ERROR = 400
# Probes, scrapes and open dashboards ask every few seconds.
WATCHED = ("/health", "/ready", "/metrics", "/ui/", "/docs/assets/")
# Links in mails carry them; ids are shorter.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{40,}")
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestContext:
    """Logs every request, and every websocket, when it is done, with its id and the client's address.

    Id and address are on every line that is logged meanwhile.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        address = address_of(HTTPConnection(scope))
        structlog.contextvars.bind_contextvars(request_id=request_id, address=address)
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            if scope["type"] == "websocket":
                log.info("websocket closed", path=scope["path"], seconds=round(seconds, 1))
            else:
                _done(scope, status, seconds)


class UnexpectedErrors:
    """The last resort: what nobody expected is logged, and nothing of it leaves the process.

    The innermost layer, so that this answer too has the headers that the others add.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            log.exception("unexpected error", method=scope["method"], path=_shown(scope["path"]))
            if has_begun:
                raise
            await unexpected_answer()(scope, receive, send)


def _done(scope: Scope, status: int, seconds: float) -> None:
    # The pattern, not the URL: queries carry sign-in tokens.
    route = route_of(scope)
    observe_request(scope["method"], route or "unmatched", status, seconds)
    watching = status < _FIRST_ERROR and scope["path"].startswith(WATCHED)
    log.log(
        logging.DEBUG if watching else logging.INFO,
        "request completed",
        method=scope["method"],
        route=route,
        path=_shown(scope["path"]),
        status=status,
        ms=round(seconds * 1000, 2),
    )


def _shown(path: str) -> str:
    return _TOKEN.sub("…", path)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _ACCEPTABLE_ID.fullmatch(given) else uuid4().hex
