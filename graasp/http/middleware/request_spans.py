"""Tells a trace, or another record of requests, of every request."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graasp.http.middleware.paths import route_of
from graasp.http.middleware.request_context import WATCHED
from graasp.telemetry.tracing import RequestEnded, current_trace_id

Begin = Callable[[str, str, str | None], AbstractContextManager[RequestEnded]]


class RequestSpans:
    """Runs a request within what `begin` opens for its method, its id and the trace that the client names.

    Of the request itself nothing is told but its route and its status. Probes and scrapes are not told.
    """

    def __init__(self, app: ASGIApp, begin: Begin) -> None:
        self._app = app
        self._begin = begin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(WATCHED):
            await self._app(scope, receive, send)
            return
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        request_id = structlog.contextvars.get_contextvars()["request_id"]
        with self._begin(scope["method"], request_id, Headers(scope=scope).get("traceparent")) as ended:
            if trace_id := current_trace_id():
                structlog.contextvars.bind_contextvars(trace_id=trace_id)
            try:
                await self._app(scope, receive, send_and_note)
            finally:
                ended(route_of(scope), status)
