"""Cross-origin rules of the API: origins by regular expression, credentials allowed."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = "HEAD, GET, POST, PATCH, PUT, DELETE, OPTIONS"
_MAX_AGE_S = "7200"
_OPEN_TO_ALL = {"/health", "/api/status", "/api/version"}


class Cors:
    """Marks answers below `/api` for the origins that match, and answers preflight requests."""

    def __init__(self, app: ASGIApp, origin_regex: str) -> None:
        self._app = app
        self._origins = re.compile(origin_regex)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/") or scope["path"] in _OPEN_TO_ALL:
            await self._app(scope, receive, send)
            return
        request = Headers(scope=scope)
        if scope["method"] == "OPTIONS":
            await self._preflight(request)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            # Only a known route has been matched; answers of unknown ones carry no CORS headers.
            if message["type"] == "http.response.start" and "route" in scope:
                self._mark(MutableHeaders(scope=message), request)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _mark(self, headers: MutableHeaders, request: Headers) -> None:
        origin = request.get("origin")
        if origin and self._origins.search(origin):
            headers["access-control-allow-origin"] = origin
        headers["access-control-allow-credentials"] = "true"
        headers.add_vary_header("Origin")

    def _preflight(self, request: Headers) -> Response:
        if "origin" not in request or "access-control-request-method" not in request:
            return PlainTextResponse("Invalid Preflight Request", status_code=400)
        response = Response(status_code=204)
        self._mark(response.headers, request)
        response.headers["access-control-allow-methods"] = _METHODS
        response.headers["access-control-max-age"] = _MAX_AGE_S
        if wanted := request.get("access-control-request-headers"):
            response.headers["access-control-allow-headers"] = wanted
        return response
