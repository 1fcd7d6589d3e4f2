"""Embedded links: made, changed, and what is known of the page behind them."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from graasp.settings import Settings
from tests.conftest import serving
from tests.factories import Factory
from tests.pages_to_parse import unclosed

Cookie = Callable[[UUID], dict[str, str]]

EMPTY = {"title": "", "description": "", "html": "", "thumbnails": [], "icons": []}
PAGE = """<!doctype html><head><title> Plain
title </title><meta property="og:title" content="Shared title\t&amp; more">
<meta name="description" content=" What it is about ">
<meta property="og:image" content="/picture.png"><meta name="twitter:image" content="javascript:x()">
<link rel="shortcut ICON" href="favicon.ico"><link rel="stylesheet" href="style.css"></head>"""


class Site:
    """A site on this machine, and the metadata service beside it."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.service_answer: Response = JSONResponse({})
        self.page_answer = Response()

    async def page(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return HTMLResponse(PAGE, headers=self.headers)

    async def service(self, request: Request) -> Response:
        self.asked.append(request.query_params["uri"])
        return self.service_answer

    async def any(self, request: Request) -> Response:
        return self.page_answer

    async def hostile(self, request: Request) -> Response:
        return HTMLResponse(unclosed(2500))

    async def failing(self, request: Request) -> Response:
        return Response("no", status_code=500)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    routes = [
        Route("/page", site.page),
        Route("/other", site.page),
        Route("/iframely", site.service),
        Route("/failing", site.failing),
        Route("/hostile", site.hostile),
        Route("/any", site.any),
    ]
    async with serving(Starlette(routes=routes)) as site.url:  # type: ignore[arg-type]
        yield site


@pytest.fixture
def reachable(app: FastAPI, site: Site) -> Site:
    """The site, for a server that takes this machine's addresses for public ones."""
    app.state.platform.web.is_allowed = lambda address: address == "127.0.0.1"
    return site


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member()


@pytest.fixture
def get_metadata(client: httpx.AsyncClient, anna: Any, cookie_for: Cookie) -> Callable[[str], Any]:
    async def get(link: str) -> httpx.Response:
        return await client.get(
            "/api/items/embedded-links/metadata", params={"link": link}, headers=cookie_for(anna["id"])
        )

    return get


async def test_what_a_page_says_of_itself(get_metadata: Any, reachable: Site) -> None:
    answer = await get_metadata(f"{reachable.url}/page")
    assert answer.status_code == 200
    assert answer.json() == {
        "title": "Shared title & more",
        "description": "What it is about",
        "html": "",
        "thumbnails": [f"{reachable.url}/picture.png"],
        "icons": [f"{reachable.url}/favicon.ico"],
        "isEmbeddingAllowed": True,
    }


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"X-Frame-Options": "DENY"}, False),
        ({"X-Frame-Options": "SameOrigin"}, False),
        ({"X-Frame-Options": "ALLOW-FROM https://a.test"}, True),
        ({"Content-Security-Policy": "default-src *; Frame-Ancestors 'NONE'"}, False),
        ({"Content-Security-Policy": "frame-ancestors 'self' https://a.test"}, False),
        ({"Content-Security-Policy": "frame-ancestors https://a.test"}, True),
    ],
)
async def test_whether_a_page_may_be_framed(
    get_metadata: Any, reachable: Site, headers: dict[str, str], allowed: bool
) -> None:
    reachable.headers = headers
    answer = await get_metadata(f"{reachable.url}/page")
    assert answer.json()["isEmbeddingAllowed"] is allowed


async def test_each_of_several_policies_counts(get_metadata: Any, reachable: Site) -> None:
    for policy in ("frame-ancestors 'none'", "default-src *"):
        reachable.page_answer.headers.append("Content-Security-Policy", policy)
    assert (await get_metadata(f"{reachable.url}/any")).json()["isEmbeddingAllowed"] is False


async def test_nothing_is_known_of_what_can_not_be_fetched(get_metadata: Any, site: Site) -> None:
    unreachable = EMPTY | {"isEmbeddingAllowed": False}
    # Private addresses are never asked, hence nothing can be learned of them.
    assert (await get_metadata(f"{site.url}/page")).json() == unreachable
    assert (await get_metadata(site.url.replace("127.0.0.1", "localhost"))).json() == unreachable
    assert site.asked == []


@pytest.mark.parametrize(
    ("charset", "page", "title"),
    [
        ("windows-1251", "<title>Урок</title>".encode("cp1251"), "Урок"),
        ("Shift_JIS", "<title>授業</title>".encode("shift_jis"), "授業"),
        ("unknown", "<title>é</title>".encode(), "é"),
        ("undefined", b"<title>a</title>", "a"),
        ("idna", b"<title>a</title>", "a"),
        ("unicode_escape", rb"<title>\ud800</title>", r"\ud800"),
        ("utf-7", b"<title>+2AA-</title>", "+2AA-"),
        ("punycode", b"<title>a-b</title>", "a-b"),
        ("zlib", b"<title>a</title>", "a"),
    ],
)
async def test_pages_are_read_in_the_encodings_of_browsers(
    get_metadata: Any, reachable: Site, charset: str, page: bytes, title: str
) -> None:
    reachable.page_answer = Response(page, headers={"Content-Type": f"text/html; charset={charset}"})
    answer = await get_metadata(f"{reachable.url}/any")
    assert (answer.status_code, answer.json()["title"]) == (200, title)


async def test_nothing_is_known_of_a_page_that_fills_memory(get_metadata: Any, reachable: Site) -> None:
    answer = await get_metadata(f"{reachable.url}/hostile")
    assert answer.json() == EMPTY | {"isEmbeddingAllowed": True}


async def test_an_error_page_describes_nothing_but_may_be_framed(get_metadata: Any, reachable: Site) -> None:
    answer = await get_metadata(f"{reachable.url}/failing")
    assert answer.json() == EMPTY | {"isEmbeddingAllowed": True}


@pytest.mark.parametrize(
    "link",
    [
        "ftp://example.org",
        "https://",
        "https://user@example.org",
        "https://example.notatld",
        "https://single",
        "javascript:alert(1)",
        "https://exa mple.org",
        "https://example.org:99999",
        "https://[::1",
        "file:///etc/passwd",
        "https://-..org",
        f"https://example.org/{'a' * 8192}",
    ],
)
async def test_invalid_links(get_metadata: Any, link: str) -> None:
    answer = await get_metadata(link)
    assert answer.status_code == 400
    body = answer.json()
    assert (body["code"], body["message"]) == ("GPIELERR002", "The URL is not valid.")
    assert body["origin"] == "graasp-plugin-item-embedded-link"


@pytest.mark.parametrize(
    "link", ["graasp.invalid.example.org", "HTTPS://münchen.example.org/a", "http://[2606:4700::1111]/x"]
)
async def test_valid_links_even_without_a_scheme(get_metadata: Any, link: str, app: FastAPI) -> None:
    app.state.platform.web.is_allowed = lambda _: False
    assert (await get_metadata(link)).status_code == 200


async def test_who_may_ask(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, app: FastAPI
) -> None:
    app.state.platform.web.is_allowed = lambda _: False
    url = "/api/items/embedded-links/metadata"
    assert (await client.get(f"{url}?link=example.org")).status_code == 401
    guest = await factory.guest((await factory.item())["path"])
    assert (await client.get(f"{url}?link=example.org", headers=cookie_for(guest["id"]))).status_code == 200
    assert (await client.get(url, headers=cookie_for(guest["id"]))).status_code == 400


@pytest.fixture
def settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    """With the metadata service of the site, for tests that are marked so."""
    if "with_service" not in request.fixturenames:
        return make_settings()
    site: Site = request.getfixturevalue("site")
    return make_settings(embedded_link_item_iframely_href_origin=site.url)


@pytest.fixture
def with_service() -> None:
    """The server has a metadata service."""


async def test_the_metadata_service_is_asked_when_there_is_one(
    with_service: None, get_metadata: Any, reachable: Site
) -> None:
    reachable.service_answer = JSONResponse(
        {
            "meta": {"title": " A\ttitle\n ", "description": " about "},
            "html": "<iframe></iframe>",
            "links": [
                {"rel": ["thumbnail", "ssl"], "href": "https://a.test/t.png"},
                {"rel": ["icon"], "href": "https://a.test/i.png"},
                {"rel": ["player"], "href": "https://a.test/p"},
            ],
        }
    )
    answer = await get_metadata(f"{reachable.url}/page?a=1&b=2")
    assert answer.json() == {
        "title": "A title",
        "description": "about",
        "html": "<iframe></iframe>",
        "thumbnails": ["https://a.test/t.png"],
        "icons": ["https://a.test/i.png"],
        "isEmbeddingAllowed": True,
    }
    assert f"{reachable.url}/page?a=1&b=2" in reachable.asked


async def test_what_the_metadata_service_tells_can_be_stored(
    with_service: None, client: httpx.AsyncClient, anna: Any, cookie_for: Cookie, reachable: Site
) -> None:
    told = b'{"meta": {"title": "a\\u0000b", "description": "\\u0000\\ud800"}, "html": "<p>\\u0000</p>", "links": [{"rel": ["icon"], "href": "\\u0000"}]}'
    reachable.service_answer = Response(told, media_type="application/json")
    body = {"name": "a", "url": f"{reachable.url}/page"}
    answer = await client.post("/api/items/embedded-links", json=body, headers=cookie_for(anna["id"]))
    assert answer.status_code == 200, answer.text
    stored = {"title": "ab", "description": "?", "html": "<p></p>", "icons": [""]}
    assert answer.json()["extra"]["embeddedLink"] == EMPTY | stored | {"url": body["url"]}


@pytest.mark.parametrize(
    "failure",
    [
        Response(status_code=418),
        Response("no json"),
        JSONResponse([]),
        JSONResponse({"links": [{}], "meta": 3}),
    ],
)
async def test_a_metadata_service_that_fails_is_no_error(
    with_service: None, get_metadata: Any, reachable: Site, failure: Response
) -> None:
    reachable.service_answer = failure
    answer = await get_metadata(f"{reachable.url}/page")
    assert answer.json() == EMPTY | {"isEmbeddingAllowed": True}


async def test_a_link_is_made_with_its_metadata(
    client: httpx.AsyncClient, anna: Any, cookie_for: Cookie, reachable: Site
) -> None:
    headers = cookie_for(anna["id"])
    body = {
        "name": "a page",
        "url": f"{reachable.url}/page",
        "settings": {"isPinned": True, "showLinkIframe": False, "showLinkButton": False},
        "showLinkIframe": True,
    }
    answer = await client.post("/api/items/embedded-links", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    link = answer.json()
    assert link["extra"]["embeddedLink"] == EMPTY | {
        "url": f"{reachable.url}/page",
        "title": "Shared title & more",
        "description": "What it is about",
        "thumbnails": [f"{reachable.url}/picture.png"],
        "icons": [f"{reachable.url}/favicon.ico"],
    }
    assert link["settings"] == {
        "hasThumbnail": False,
        "isPinned": True,
        "showLinkIframe": True,
        "showLinkButton": False,
    }
    plain = {"name": "b", "url": f"{reachable.url}/other"}
    link = (await client.post("/api/items/embedded-links/", json=plain, headers=headers)).json()
    assert link["settings"] == {"hasThumbnail": False, "showLinkIframe": False, "showLinkButton": True}
    general = {
        "name": "c",
        "type": "embeddedLink",
        "settings": {},
        "extra": {"embeddedLink": {"url": plain["url"]}},
    }
    link = (await client.post("/api/items", json=general, headers=headers)).json()
    assert link["extra"]["embeddedLink"]["title"] == "Shared title & more"
    assert link["settings"] == {"hasThumbnail": False, "showLinkIframe": False, "showLinkButton": True}


async def test_only_absolute_valid_addresses_become_links(
    client: httpx.AsyncClient, anna: Any, cookie_for: Cookie
) -> None:
    for url, code in (
        ("example.org", "FST_ERR_VALIDATION"),
        ("javascript:alert(1)", "GPIELERR002"),
        ("https://nowhere.notatld", "GPIELERR002"),
    ):
        answer = await client.post(
            "/api/items/embedded-links", json={"name": "x", "url": url}, headers=cookie_for(anna["id"])
        )
        assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.fixture
async def link(factory: Factory, anna: Any, reachable: Site) -> Any:
    extra = {"url": f"{reachable.url}/page", "title": "old", "html": "old"}
    settings = {"hasThumbnail": False, "showLinkIframe": True, "showLinkButton": False}
    return await factory.owned_item(
        anna,
        type="embeddedLink",
        name="link",
        description="d",
        extra={"embeddedLink": extra},
        settings=settings,
    )


async def test_changing_a_link(
    client: httpx.AsyncClient, anna: Any, cookie_for: Cookie, link: Any, reachable: Site
) -> None:
    url, headers = f"/api/items/embedded-links/{link['id']}", cookie_for(anna["id"])
    same = {"url": f"{reachable.url}/page", "description": None, "settings": {"isPinned": True}}
    changed = (await client.patch(url, json=same, headers=headers)).json()
    assert reachable.asked == []
    assert changed["extra"] == link["extra"]
    assert changed["description"] is None
    # What is not said stays, the two display settings included.
    assert changed["settings"] == link["settings"] | {"isPinned": True}
    other = {"url": f"{reachable.url}/other", "showLinkIframe": False}
    changed = (await client.patch(url, json=other, headers=headers)).json()
    assert changed["extra"]["embeddedLink"]["url"] == f"{reachable.url}/other"
    assert changed["extra"]["embeddedLink"]["title"] == "Shared title & more"
    assert changed["settings"]["showLinkIframe"] is False
    assert changed["settings"]["showLinkButton"] is False
    general = {"extra": {"embeddedLink": {"url": "not a link"}}}
    refused = await client.patch(f"/api/items/{link['id']}", json=general, headers=headers)
    assert refused.json()["code"] == "GPIELERR002"
    assert (await client.patch(url, json={}, headers=headers)).status_code == 400
    assert (await client.patch(url, json={"unknown": 1}, headers=headers)).status_code == 400


async def test_who_may_not_write_makes_nobody_fetch(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, link: Any, reachable: Site
) -> None:
    await factory.visibility(link["path"], "public")
    reader = await factory.member()
    await factory.membership(link["path"], reader["id"], "read")
    stranger = await factory.member()
    for account, code in ((reader, "GERR003"), (stranger, "GERR016")):
        headers = cookie_for(account["id"])
        for url, body in (
            (f"/api/items/embedded-links/{link['id']}", {"url": f"{reachable.url}/other"}),
            (f"/api/items/{link['id']}", {"extra": {"embeddedLink": {"url": f"{reachable.url}/other"}}}),
        ):
            answer = await client.patch(url, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert reachable.asked == []


async def test_other_items_are_no_links(
    client: httpx.AsyncClient, factory: Factory, anna: Any, cookie_for: Cookie
) -> None:
    folder = await factory.owned_item(anna)
    for body in ({"name": "x"}, {"url": "https://example.org"}):
        answer = await client.patch(
            f"/api/items/embedded-links/{folder['id']}", json=body, headers=cookie_for(anna["id"])
        )
        assert answer.json()["message"] == "Item does not have the correct type folder"


@pytest.mark.parametrize("stored", [["nonsense"], {"embeddedLink": "nonsense"}, {}])
async def test_a_malformed_stored_extra_does_not_break_a_change(
    client: httpx.AsyncClient, factory: Factory, anna: Any, cookie_for: Cookie, reachable: Site, stored: Any
) -> None:
    url = f"{reachable.url}/page"
    for path, body in (("embedded-links/", {"url": url}), ("", {"extra": {"embeddedLink": {"url": url}}})):
        row = await factory.owned_item(anna, type="embeddedLink", extra=stored)
        answer = await client.patch(
            f"/api/items/{path}{row['id']}", json=body, headers=cookie_for(anna["id"])
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["extra"]["embeddedLink"]["url"] == url
