"""How a request's path and method are read before routing, and its route afterwards."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def route_of(scope: Scope) -> str | None:
    """The pattern of the route that took the request, such as `/api/items/{id}`; None when none did."""
    return getattr(scope.get("route"), "path", None)


class OptionalApiPrefix:
    """Answers every API path without its `/api` prefix too, as a front door at `api.<domain>` would."""

    def __init__(self, app: ASGIApp, segments: frozenset[str]) -> None:
        self._app = app
        self._segments = segments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if not path.startswith("/api/") and path[1:].partition("/")[0] in self._segments:
            scope["path"] = f"/api{path}"
            scope["raw_path"] = b"/api" + (scope.get("raw_path") or path.encode())
            scope["graasp.original_path"] = path
        await self._app(scope, receive, send)


class HeadAsGet:
    """Answers HEAD wherever GET is answered, without the body.

    `scope["graasp.head"]` tells a handler whose GET has an effect that nobody asked for it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        # The server behind `send` looks at the method in its own scope: that one stays as it is.
        as_get = {**scope, "method": "GET", "graasp.head": True}
        try:
            await self._app(as_get, receive, send_without_body)
        finally:
            scope.update({**as_get, "method": "HEAD"})
