"""Cross-origin rules of the API: origins by regular expression, credentials allowed."""

import re
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

IsAppOrigin = Callable[[str], Awaitable[bool]]

_METHODS = "HEAD, GET, POST, PATCH, PUT, DELETE, OPTIONS"
_MAX_AGE_S = "7200"
_OPEN_TO_ALL = {"/health", "/api/status", "/api/version"}
_FOR_APPS = "/api/app-items/"


class Cors:
    """Marks answers below `/api` for the origins that match, and answers preflight requests.

    Registered apps, which `is_app_origin` knows, may use the part of the API that is made for them.
    """

    def __init__(self, app: ASGIApp, origin_regex: str, is_app_origin: IsAppOrigin) -> None:
        self._app = app
        self._origins = re.compile(origin_regex)
        self._is_app_origin = is_app_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith("/api/") or path in _OPEN_TO_ALL:
            await self._app(scope, receive, send)
            return
        request = Headers(scope=scope)
        headers = await self._headers(path, request.get("origin", ""))
        if scope["method"] == "OPTIONS":
            await _preflight(request, headers)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            # Only a known route has been matched; answers of unknown ones carry no CORS headers.
            is_marked = "route" in scope or "graasp.refused" in scope
            if message["type"] == "http.response.start" and is_marked:
                _mark(MutableHeaders(scope=message), headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    async def _headers(self, path: str, origin: str) -> dict[str, str]:
        headers = {"access-control-allow-credentials": "true"}
        if origin and (
            self._origins.search(origin) or (path.startswith(_FOR_APPS) and await self._is_app_origin(origin))
        ):
            headers["access-control-allow-origin"] = origin
        return headers


def _mark(headers: MutableHeaders, marks: dict[str, str]) -> None:
    headers.update(marks)
    headers.add_vary_header("Origin")


def _preflight(request: Headers, marks: dict[str, str]) -> Response:
    if "origin" not in request or "access-control-request-method" not in request:
        return PlainTextResponse("Invalid Preflight Request", status_code=400)
    response = Response(status_code=204)
    _mark(response.headers, marks)
    response.headers["access-control-allow-methods"] = _METHODS
    response.headers["access-control-max-age"] = _MAX_AGE_S
    if wanted := request.get("access-control-request-headers"):
        response.headers["access-control-allow-headers"] = wanted
    return response
