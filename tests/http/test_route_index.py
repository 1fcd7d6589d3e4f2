"""The index finds what a search through all routes finds."""

import re
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match

from graasp.api import api_routes
from graasp.http.route_index import RouteIndex

ROUTES = api_routes()
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PATHS = sorted({route.path for route in ROUTES if isinstance(route, APIRoute)})
# Every literal segment of the API: some of them could be taken for a parameter.
WORDS = sorted({word for path in PATHS for word in path.split("/") if word and not word.startswith("{")})


def scope_of(path: str, method: str) -> dict[str, object]:
    return {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}


def by_search(path: str, method: str) -> APIRoute | None:
    for route in ROUTES:
        match, _ = route.matches(scope_of(path, method))
        if match == Match.FULL and isinstance(route, APIRoute):
            return route
    return None


@pytest.mark.parametrize("path", PATHS)
def test_every_path_leads_to_the_first_route_that_matches(path: str) -> None:
    index = RouteIndex(ROUTES)
    for word in (str(uuid4()), *WORDS):
        concrete = re.sub(r"\{\w+\}", word, path)
        for method in METHODS:
            expected = by_search(concrete, method)
            match, child_scope = index.matches(scope_of(concrete, method))
            assert child_scope.get("route") is expected, (method, concrete)
            assert (match == Match.FULL) == (expected is not None)


def test_what_is_unknown_or_no_request_is_left_to_others() -> None:
    index = RouteIndex(ROUTES)
    assert index.matches(scope_of("/items/accessible", "GET"))[0] == Match.NONE
    assert index.matches(scope_of("/api/nothing/here", "GET"))[0] == Match.NONE
    assert index.matches(scope_of("/api/ws", "GET") | {"type": "websocket"})[0] == Match.NONE


async def test_a_route_found_either_way_answers_the_same(app: FastAPI, client: httpx.AsyncClient) -> None:
    path = f"/api/items/{uuid4()}"
    indexed = await client.get(path)
    app.router.routes[:] = [route for route in app.router.routes if not isinstance(route, RouteIndex)]
    searched = await client.get(path)
    assert (indexed.status_code, indexed.json()) == (searched.status_code, searched.json())
    assert indexed.status_code == 404
