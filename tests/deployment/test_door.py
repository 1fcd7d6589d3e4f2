"""What a core answers while its door is closed, to whom, and what becomes of those who are inside."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert
from websockets.exceptions import ConnectionClosed, InvalidStatus

from graasp.deployment.maintenance_page import content_security_policy
from graasp.http.middleware.door import Door
from graasp.mail.texts import LANGUAGES
from graasp.maintenance.service import planned_end
from graasp.maintenance.tables import maintenance
from graasp.platform import Platform
from graasp.settings import Settings
from tests.deployment.visitors import SECRET, HeldRequest
from tests.factories import Factory
from tests.notifications.sockets import socket
from tests.worker.workers import until

Cookie = Callable[[UUID], dict[str, str]]

PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    [(name, secret)] = SECRET.items()
    return make_settings(
        maintenance_header_name=name,
        maintenance_header_secret=secret,
        cors_origin_regex=r"^https?://client\.test$",
    )


@pytest.fixture
def door(app: FastAPI) -> Door:
    opened: Door = app.state.door
    return opened


async def test_people_see_the_page_and_programs_an_error_that_both_say_when_to_come_back(
    client: httpx.AsyncClient, door: Door
) -> None:
    door.close()
    page = await client.get("/api/items/search", headers=PERSON)
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert "Graasp is under maintenance" in page.text
    assert page.headers["content-security-policy"] == content_security_policy()
    for method, path in (("GET", "/api/members/current"), ("POST", "/api/items/folders"), ("DELETE", "/x")):
        error = await client.request(method, path, headers={"Accept": "application/json, text/plain, */*"})
        assert error.status_code == 503
        assert error.json() == {
            "name": "SERVICE_UNAVAILABLE",
            "code": "GERR503",
            "message": "SERVICE_UNAVAILABLE",
            "statusCode": 503,
            "data": {"reason": "maintenance", "endAt": None},
            "origin": "core",
        }
        assert error.headers["content-type"] == "application/json; charset=utf-8"
    # A form is no page that is looked at.
    form = await client.post("/api/login", headers=PERSON)
    assert form.json()["statusCode"] == 503
    for answer in (page, error, form):
        assert answer.headers["retry-after"] == "120"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["strict-transport-security"]
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_is_in_the_language_of_the_reader(
    client: httpx.AsyncClient, door: Door, language: str
) -> None:
    door.close()
    page = await client.get("/", headers=PERSON | {"Accept-Language": f"{language}-CH, nl;q=0.5"})
    assert page.headers["content-language"] == language
    assert f'<html lang="{language}"' in page.text
    assert {"Accept", "Accept-Language"} <= set(page.headers["vary"].split(", "))


async def test_a_planned_end_is_told(client: httpx.AsyncClient, door: Door) -> None:
    door.close()
    door.ends_at = datetime.now(UTC) + timedelta(minutes=10)
    page, error = await client.get("/", headers=PERSON), await client.get("/api/items/search")
    for answer in (page, error):
        assert 590 <= int(answer.headers["retry-after"]) <= 600
    assert door.ends_at.isoformat() in page.text
    told = error.json()["data"]["endAt"]
    assert told.endswith("Z")
    assert datetime.fromisoformat(told) == door.ends_at

    # It takes longer than was planned.
    door.ends_at = datetime.now(UTC) - timedelta(seconds=1)
    page, error = await client.get("/", headers=PERSON), await client.get("/api/items/search")
    assert page.headers["retry-after"] == error.headers["retry-after"] == "120"
    assert "<time" not in page.text
    assert error.json()["data"]["endAt"] is None


async def test_the_planned_end_is_that_of_the_maintenance_that_is_under_way(platform: Platform) -> None:
    now = datetime.now(UTC)
    assert await planned_end(platform.reads) is None
    rows = [
        {"slug": slug, "start_at": now + timedelta(hours=start), "end_at": now + timedelta(hours=end)}
        for slug, start, end in (("over", -5, -1), ("short", -1, 1), ("long", -2, 3), ("next", 2, 9))
    ]
    for row in (rows[0], rows[3]):
        async with platform.unit_of_work() as uow:
            await uow.execute(insert(maintenance).values(row))
        assert await planned_end(platform.reads) is None
    async with platform.unit_of_work() as uow:
        await uow.execute(insert(maintenance).values(rows[1:3]))
    assert await planned_end(platform.reads) == rows[2]["end_at"]


async def test_pages_of_other_origins_may_read_why_they_are_refused(
    client: httpx.AsyncClient, door: Door
) -> None:
    door.close()
    origin = {"Origin": "http://client.test"}
    preflight = await client.options(
        "/api/items/folders", headers=origin | {"Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 204
    for path in ("/api/items/search", "/items/search"):
        error = await client.get(path, headers=origin)
        assert error.status_code == 503
        assert error.headers["access-control-allow-origin"] == "http://client.test"
        assert error.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in error.headers["vary"]
    stranger = await client.get("/api/items/search", headers={"Origin": "http://stranger.test"})
    assert "access-control-allow-origin" not in stranger.headers


async def test_who_has_the_secret_passes(
    client: httpx.AsyncClient, door: Door, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    headers = cookie_for(member["id"])
    door.close()
    assert (await client.get("/api/members/current", headers=headers)).status_code == 503
    tester = await client.get("/api/members/current", headers=headers | SECRET)
    assert tester.json()["id"] == str(member["id"])
    made = await client.post("/api/items/folders", json={"name": "works"}, headers=headers | SECRET)
    assert made.status_code == 200
    door.open()
    assert (await client.get("/api/members/current", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Maintenance-Test", "LET-ME*IN?")],
        [("X-Maintenance-Test", "let-meXin?")],
        [("X-Maintenance-Test", "let-me*in")],
        [("X-Maintenance-Test", "let-me*in??")],
        [("X-Maintenance-Test", "")],
        [("X-Maintenance-Test", "let-me*in?"), ("X-Maintenance-Test", "let-me*in?")],
        [("X-Maintenance", "let-me*in?")],
        [("Cookie", "X-Maintenance-Test=let-me*in?")],
    ],
)
async def test_nothing_but_the_secret_passes(
    client: httpx.AsyncClient, door: Door, headers: list[tuple[str, str]]
) -> None:
    door.close()
    assert (await client.get("/api/items/search", headers=headers)).status_code == 503


async def test_without_a_secret_nobody_passes() -> None:
    door = Door(None, lambda *_: (503, (), b""), ())
    for headers in ([], [(b"", b"")], [(b"none", b"none")]):
        assert not door.lets_in({"type": "http", "path": "/", "headers": headers})


@pytest.mark.parametrize("path", ["/health", "/ready", "/api/status", "/api/version"])
async def test_load_balancers_and_monitors_are_always_answered(
    client: httpx.AsyncClient, door: Door, path: str
) -> None:
    before = await client.get(path)
    door.close()
    after = await client.get(path, headers=PERSON)
    assert (after.status_code, after.text) == (200, before.text)
    assert after.headers.get("access-control-allow-origin") == before.headers.get(
        "access-control-allow-origin"
    )


@pytest.mark.parametrize(
    "path", ["/metrics", "/ui/", "/healthy", "/health/../api/items/search", "/docs", "/"]
)
async def test_everything_else_is_behind_the_door(client: httpx.AsyncClient, door: Door, path: str) -> None:
    door.close()
    assert (await client.get(path)).status_code == 503
    head = await client.head(path, headers=PERSON)
    assert (head.status_code, head.content) == (503, b"")


async def test_a_refusal_asks_the_database_for_nothing(
    client: httpx.AsyncClient, door: Door, count_statements: Any, factory: Factory, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member())["id"])
    door.close()
    with count_statements() as statements:
        for path in ("/api/members/current", "/", "/api/items/search"):
            for kind in ({}, PERSON, {"Origin": "http://client.test"}):
                assert (await client.get(path, headers=headers | kind)).status_code == 503
    assert statements == []


@pytest.fixture
def held(live_server: str) -> Callable[..., Any]:
    async def begin(path: str = "/api/login", **headers: str) -> HeldRequest:
        return await HeldRequest.begin(
            live_server, path, {k.replace("_", "-"): v for k, v in headers.items()}
        )

    return begin


async def test_requests_that_came_before_are_counted_until_they_are_answered(
    door: Door, held: Callable[..., Any]
) -> None:
    first, _ = await held(), await held(X_Maintenance_Test="let-me*in?")
    await until(lambda: len(door._requests) == 2)
    assert door.inside() == (1, 0)
    door.close()
    assert door.inside() == (1, 0)
    # Whoever is refused now is not waited for.
    await held()
    assert door.inside() == (1, 0)
    # What came in is answered as ever, here: that the body lacks everything.
    assert b" 400 " in await first.end()
    await until(lambda: door.inside() == (0, 0))


async def test_who_sends_a_file_reads_the_answer_too(live_server: str, door: Door) -> None:
    door.close()
    async with httpx.AsyncClient(base_url=live_server, timeout=20) as client:
        for _ in range(3):
            upload = await client.post("/api/items/upload", content=b"x" * 3_000_000)
            assert (upload.status_code, upload.json()["code"]) == (503, "GERR503")


async def test_websockets_are_closed_politely_and_new_ones_refused(
    live_server: str, door: Door, app: FastAPI, factory: Factory, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member())["id"])
    async with socket(live_server, headers) as person, socket(live_server, headers | SECRET) as tester:
        await until(lambda: app.state.hub.sockets == 2)
        assert door.inside() == (0, 1)
        door.close()
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(person.connection.recv(), 15)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "maintenance")
        await until(lambda: app.state.hub.sockets == 1)
        assert door.inside() == (0, 0)
        assert await tester.hears_nothing()

        with pytest.raises(InvalidStatus) as refused:
            async with socket(live_server, headers):
                pass
        response = refused.value.response
        assert (response.status_code, response.headers["retry-after"]) == (503, "120")
        assert b"GERR503" in response.body
        async with socket(live_server, headers | SECRET) as another:
            assert await another.hears_nothing()
    door.open()
    async with socket(live_server, headers) as back:
        assert await back.hears_nothing()


async def test_a_websocket_that_is_just_being_opened_is_closed_too(door: Door) -> None:
    """What serves it learns so as from a client that has gone."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message["type"])

    async def serve(_: Any, receive: Any, answer: Any) -> None:
        door.close()
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="closed"):
            await answer({"type": "websocket.accept"})

    scope = {"type": "websocket", "path": "/api/ws", "headers": []}
    await door.serve(serve, scope, lambda: None, send)
    assert said == ["websocket.close"]
    assert door.inside() == (0, 0)
