"""What makes this server work hard, or ask others, is counted per account whatever the route, and refused at once."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from limits import RateLimitItem

from graasp.items.tables import item
from graasp.jobs.tables import job
from graasp.rate_limits import EXPORT_BY_ACCOUNT, EXPORT_BY_ADDRESS, FETCHES_BY_ACCOUNT, IMPORT_BY_ACCOUNT
from graasp.settings import Settings
from tests.factories import Factory, Row
from tests.people import Cookie

# Nobody is asked: this server reads no addresses of its own network.
URL, OTHER_URL = "https://127.0.0.1/one", "https://127.0.0.1/other"

UseUp = Callable[[str, RateLimitItem, object], Awaitable[None]]


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(rate_limits=True, trusted_proxies=1)


@pytest.fixture
def use_up(app: FastAPI) -> UseUp:
    """All tries of somebody."""

    async def make(purpose: str, limit: RateLimitItem, key: object) -> None:
        for _ in range(limit.amount):
            await app.state.rate_limits.require(purpose, (limit, str(key)))

    return make


@pytest.fixture
async def anna(factory: Factory) -> Row:
    return await factory.member()


def _link(url: str) -> dict[str, Any]:
    return {"name": "link", "type": "embeddedLink", "extra": {"embeddedLink": {"url": url}}, "settings": {}}


async def test_pages_behind_links_are_read_so_often_whatever_the_route(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, use_up: UseUp, anna: Row
) -> None:
    headers = cookie_for(anna["id"])
    link = (await client.post("/api/items", json=_link(URL), headers=headers)).json()
    await use_up("links", FETCHES_BY_ACCOUNT, "somebody else")

    def requests(url: str) -> list[tuple[str, str, Any]]:
        return [
            ("GET", f"/api/items/embedded-links/metadata?link={url}", None),
            ("POST", "/api/items/embedded-links", {"name": "link", "url": url}),
            ("POST", "/api/items", _link(url)),
            ("PATCH", f"/api/items/embedded-links/{link['id']}", {"url": url}),
            ("PATCH", f"/api/items/{link['id']}", {"extra": {"embeddedLink": {"url": url}}}),
        ]

    for method, path, body in requests(URL):
        answer = await client.request(method, path, json=body, headers=headers)
        assert answer.status_code == 200, (path, answer.text)
    # Four were read: the changes changed nothing.
    for _ in range(FETCHES_BY_ACCOUNT.amount - 4):
        await client.get(f"/api/items/embedded-links/metadata?link={URL}", headers=headers)

    for method, path, body in requests(OTHER_URL):
        answer = await client.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (429, "GERR429"), path
    same = await client.patch(
        f"/api/items/{link['id']}", json={"extra": {"embeddedLink": {"url": URL}}}, headers=headers
    )
    assert same.status_code == 200
    form = {"name": "x", "type": "embeddedLink", "extra": '{"embeddedLink": {"url": "https://127.0.0.1"}}'}
    answer = await client.post(
        "/api/items/with-thumbnail",
        data=form | {"settings": "{}"},
        files={"file": ("a.png", b"x", "image/png")},
        headers=headers,
    )
    assert answer.status_code == 429
    assert await factory.count(item) == 3


@pytest.mark.parametrize("route", ["zip-import", "h5p-import"])
async def test_imports(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    use_up: UseUp,
    anna: Row,
    route: str,
) -> None:
    async def send(member: Row) -> httpx.Response:
        files = {"file": ("a.zip", b"no archive", "application/zip")}
        return await client.post(f"/api/items/{route}", files=files, headers=cookie_for(member["id"]))

    await use_up("import", IMPORT_BY_ACCOUNT, anna["id"])
    refused = await send(anna)
    assert (refused.status_code, refused.json()["code"]) == (429, "GERR429")
    assert "retry-after" in refused.headers
    assert (await send(await factory.member())).status_code != 429


@pytest.mark.parametrize("route", ["export", "graasp-export"])
async def test_exports(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    use_up: UseUp,
    anna: Row,
    route: str,
) -> None:
    folder = await factory.owned_item(anna)
    url, headers = f"/api/items/{folder['id']}/{route}", cookie_for(anna["id"])
    assert (await client.post(url, headers=headers)).status_code in (200, 202)
    await use_up("export", EXPORT_BY_ACCOUNT, (other := await factory.member())["id"])
    refused = await client.post(url, headers=cookie_for(other["id"]))
    assert (refused.status_code, refused.json()["code"]) == (429, "GERR429")
    assert (await client.post(url, headers=headers)).status_code in (200, 202)
    assert await factory.count(job) == (1 if route == "export" else 0)


async def test_archives_are_streamed_to_an_address_so_often(
    client: httpx.AsyncClient, factory: Factory, use_up: UseUp
) -> None:
    folder = await factory.item()
    await factory.visibility(folder["path"], "public")
    await use_up("export", EXPORT_BY_ADDRESS, "192.0.2.1")
    url = f"/api/items/{folder['id']}/graasp-export"
    assert (await client.post(url, headers={"X-Forwarded-For": "192.0.2.1"})).status_code == 429
    assert (await client.post(url, headers={"X-Forwarded-For": "192.0.2.2"})).status_code == 200
