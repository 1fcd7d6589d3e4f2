"""Finding the route of a request among hundreds."""

from collections.abc import Iterable

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class RouteIndex(BaseRoute):
    """Routes by method and number of segments, in their order.

    A router compares a request with every route. This one, put in front of it, compares with a handful. What it does
    not find (websockets, parameters that span segments, wrong methods) is left to the routes behind it.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes: dict[tuple[str, int], list[APIRoute]] = {}
        for route in routes:
            if isinstance(route, APIRoute) and ":path}" not in route.path:
                for method in route.methods or ():
                    self._routes.setdefault((method, route.path.count("/")), []).append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        for route in self._routes.get((scope["method"], scope["path"].count("/")), ()):
            match, child_scope = route.matches(scope)
            if match == Match.FULL:
                return match, child_scope
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """To be called with the scope of a match."""
        await scope["route"].handle(scope, receive, send)
