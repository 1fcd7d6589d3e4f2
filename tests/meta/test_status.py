"""`/api/status`: every part by itself, within a bound, whatever the parts do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from graasp.app import create_app
from graasp.embedded.process import free_port
from graasp.meta import status
from graasp.platform import Platform
from graasp.settings import Settings
from tests.conftest import serving

HEALTHY = {"status": "healthy", "isHealthy": "✅", "message": "Running"}
UNREACHABLE = {"status": "not-reachable", "isHealthy": "❌", "message": "Service Unreachable"}


class Companions:
    """The three companions on one address; each answers what it is told to."""

    def __init__(self) -> None:
        self.answers: dict[str, Response] = {
            "/health": JSONResponse({"status": "available"}),
            "/api": JSONResponse({"currentVersion": "1.3.0"}),
            "/iframely": PlainTextResponse("x"),
        }
        self.asked: list[str] = []
        self.stalls = False

    async def answer(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.url.path}?{request.url.query}")
        while self.stalls and not await request.is_disconnected():
            await asyncio.sleep(0.05)
        return self.answers[request.url.path]

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route(path, self.answer, methods=["GET", "HEAD"]) for path in self.answers])


@pytest.fixture
async def companions() -> Companions:
    return Companions()


@pytest.fixture
async def client(
    make_settings: Callable[..., Settings], companions: Companions, clean_services: None
) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(companions.app) as url, _client(make_settings, url) as opened:  # type: ignore[arg-type]
        yield opened


@asynccontextmanager
async def _client(make_settings: Callable[..., Settings], url: str) -> AsyncIterator[httpx.AsyncClient]:
    names = ("meilisearch_url", "etherpad_url", "embedded_link_item_iframely_href_origin")
    app = create_app(make_settings(**dict.fromkeys(names, url)))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://core.test") as opened,
    ):
        yield opened


async def test_every_part_is_healthy(client: httpx.AsyncClient, companions: Companions) -> None:
    answer = await client.get("/api/status")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert list(answer.json().items()) == [
        ("api", HEALTHY),
        ("database", HEALTHY),
        ("meilisearch", HEALTHY),
        ("etherpad", HEALTHY | {"message": "Running 1.3.0"}),
        ("iframely", HEALTHY),
    ]
    assert sorted(companions.asked) == [
        "GET /api?",
        "GET /health?",
        "HEAD /iframely?url=https://graasp.org",
    ]


async def test_companions_are_asked_once_however_many_ask(
    client: httpx.AsyncClient, companions: Companions
) -> None:
    answers = await asyncio.gather(*(client.get("/api/status") for _ in range(5)))
    assert {answer.text for answer in (*answers, await client.get("/api/status"))} == {answers[0].text}
    assert len(companions.asked) == 3


async def test_what_answers_otherwise_is_not_ok(client: httpx.AsyncClient, companions: Companions) -> None:
    companions.answers |= {
        "/health": JSONResponse({"status": ""}),
        "/api": JSONResponse({}),
        "/iframely": PlainTextResponse("", status_code=404),
    }
    parts = (await client.get("/api/status")).json()
    for name in ("meilisearch", "etherpad", "iframely"):
        assert parts[name] == {
            "status": "not-healthy",
            "isHealthy": "⌛️",
            "message": f"{name.capitalize()} is not Ok.",
        }


async def test_nonsense_is_unexpected_and_not_quoted(
    client: httpx.AsyncClient, companions: Companions
) -> None:
    companions.answers["/api"] = PlainTextResponse("<html>secret</html>")
    etherpad = (await client.get("/api/status")).json()["etherpad"]
    assert (etherpad["status"], etherpad["isHealthy"]) == ("unexpected", "⁉️")
    assert etherpad["message"].startswith("Unexpected error: ")
    assert "secret" not in etherpad["message"]


async def test_parts_that_do_not_answer_hold_up_nothing_for_long(
    client: httpx.AsyncClient, companions: Companions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_TIMEOUT_S", 0.3)
    companions.stalls = True
    async with asyncio.timeout(5):
        parts = (await client.get("/api/status")).json()
    assert [parts[name] for name in ("meilisearch", "etherpad", "iframely")] == [UNREACHABLE] * 3
    assert parts["database"] == HEALTHY


async def test_parts_that_are_away_are_unreachable(
    make_settings: Callable[..., Settings], platform: Platform
) -> None:
    async with _client(make_settings, f"http://127.0.0.1:{free_port()}") as opened:
        parts = (await opened.get("/api/status")).json()
    assert [parts[name] for name in ("meilisearch", "etherpad", "iframely")] == [UNREACHABLE] * 3
