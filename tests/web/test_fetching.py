"""Fetching pages that somebody else named."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from graasp.web import fetching
from graasp.web.addresses import is_public
from graasp.web.fetching import CannotFetch, PublicWeb
from tests.conftest import serving


async def _page(_: Request) -> Response:
    return Response("<p>é</p>", media_type="text/html", headers={"X-Frame-Options": "DENY"})


async def _moved(request: Request) -> Response:
    return RedirectResponse(request.query_params["to"])


async def _loop(_: Request) -> Response:
    return RedirectResponse("/loop")


async def _long(_: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(500):
            yield b"x" * 65_536
            await asyncio.sleep(0)

    return StreamingResponse(chunks(), media_type="text/html")


async def _bomb(_: Request) -> Response:
    squeezed = gzip.compress(b"\0" * 64 * 1024 * 1024)
    return Response(squeezed, media_type="text/html", headers={"Content-Encoding": "gzip"})


async def _large_header(_: Request) -> Response:
    return PlainTextResponse("x", headers={"X-Large": "x" * 30_000})


@pytest.fixture
async def site() -> AsyncIterator[str]:
    routes = [
        Route("/page", _page),
        Route("/moved", _moved),
        Route("/loop", _loop),
        Route("/long", _long),
        Route("/bomb", _bomb),
        Route("/header", _large_header),
    ]
    async with serving(Starlette(routes=routes)) as url:  # type: ignore[arg-type]
        yield url


@pytest.fixture
async def web(site: str) -> AsyncIterator[PublicWeb]:
    """Allowed to reach 127.0.0.1, where the site is; 127.0.0.2 is as private as ever."""
    opened = PublicWeb(lambda address: address == "127.0.0.1")
    yield opened
    await opened.close()


async def test_a_page_comes_with_its_headers(web: PublicWeb, site: str) -> None:
    page = await web.get(f"{site}/moved?to=/page", most_bytes=1000)
    assert (page.url, page.status, page.body.decode()) == (f"{site}/page", 200, "<p>é</p>")
    assert (page.content_type, page.charset) == ("text/html", "utf-8")
    assert page.headers["x-frame-options"] == "DENY"


async def test_only_so_much_is_read(web: PublicWeb, site: str) -> None:
    for path in ("long", "bomb"):
        page = await web.get(f"{site}/{path}", most_bytes=100_000)
        assert len(page.body) == 100_000


async def test_private_addresses_are_refused_directly_and_by_redirect(web: PublicWeb, site: str) -> None:
    port = site.rpartition(":")[2]
    for url in (f"http://127.0.0.2:{port}/page", f"http://[::1]:{port}/page", f"http://0:{port}/page"):
        with pytest.raises(CannotFetch):
            await web.get(url, most_bytes=10)
        with pytest.raises(CannotFetch):
            await web.get(f"{site}/moved?to={url}", most_bytes=10)


async def test_by_default_nothing_of_this_machine_is_reached(site: str) -> None:
    assert PublicWeb().is_allowed is is_public
    web = PublicWeb()
    try:
        for url in (site, site.replace("127.0.0.1", "localhost"), site.replace("127.0.0.1", "2130706433")):
            with pytest.raises(CannotFetch):
                await web.get(f"{url}/page", most_bytes=10)
    finally:
        await web.close()


async def test_a_name_that_changes_its_address_reaches_nothing(
    web: PublicWeb, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(site.rpartition(":")[2])
    answers = iter(["127.0.0.1", "127.0.0.2", "127.0.0.2"])

    def resolve(host: Any, *_: Any, **__: Any) -> list[Any]:
        assert host == "rebinding.example.org"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    url = f"http://rebinding.example.org:{port}/page"
    assert (await web.get(url, most_bytes=1000)).status == 200
    with pytest.raises(CannotFetch):
        await web.get(url, most_bytes=1000)


async def test_what_can_not_be_fetched(web: PublicWeb, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (
        f"{site}/header",
        "http://127.0.0.1:1/",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://nowhere.invalid/",
        f"{site}/loop",
    ):
        with pytest.raises(CannotFetch):
            await web.get(url, most_bytes=10)


async def test_a_server_that_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch, web: PublicWeb
) -> None:
    monkeypatch.setattr(fetching, "_TOTAL_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CannotFetch):
        await web.get(f"http://127.0.0.1:{silent.getsockname()[1]}/", most_bytes=10)
