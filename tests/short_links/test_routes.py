"""Short links: where they lead, who makes them, which aliases there can be."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from graasp.short_links.tables import short_link
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
HeadersAs = Callable[[Any, str], Awaitable[dict[str, str]]]
Counter = Callable[[], AbstractContextManager[list[str]]]
BASE = "/api/items/short-links"


async def _link(factory: Factory, item: Any, alias: str, platform: str = "builder") -> None:
    await factory.insert(short_link, alias=alias, platform=platform, item_id=item["id"])


@pytest.mark.parametrize(
    ("kind", "location"),
    [
        ("builder", "http://client.test/builder/items/{id}"),
        ("player", "http://client.test/player/{id}/{id}"),
        ("library", "http://library.test/collections/{id}"),
    ],
)
@pytest.mark.parametrize("path", [BASE, "/items/short-links", "/short-links"])
async def test_an_alias_leads_to_its_page_whoever_follows_it(
    client: httpx.AsyncClient,
    factory: Factory,
    count_statements: Counter,
    path: str,
    kind: str,
    location: str,
) -> None:
    item = await factory.item()
    await _link(factory, item, "My-Alias", kind)
    await factory.recycle(item)
    with count_statements() as statements:
        answer = await client.get(f"{path}/My-Alias")
    assert (answer.status_code, answer.content) == (302, b"")
    assert answer.headers["location"] == location.format(id=item["id"])
    assert len(statements) == 1
    other_case = await client.get(f"{path}/my-alias")
    assert other_case.status_code == 404
    assert other_case.json() == {
        "name": "SHORT_LINK_NOT_FOUND",
        "code": "GERR1009",
        "message": "SHORT_LINK_NOT_FOUND",
        "statusCode": 404,
        "data": "my-alias",
        "origin": "shortLink",
    }


@pytest.mark.parametrize(
    "alias",
    ["short", "a" * 256, "under_score", "dot.dot", "sp%20ace", "%0d%0aSet-Cookie:x", "ünïcode", "a%00bcdef"],
)
async def test_an_alias_that_cannot_be_is_refused_everywhere(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, alias: str
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    await _link(factory, item, "good-alias")
    headers = cookie_for(owner["id"])
    written = httpx.URL(f"http://x/{alias}").path[1:]
    new = {"alias": written, "itemId": str(item["id"]), "platform": "player"}
    answers = [
        await client.get(f"{BASE}/{alias}"),
        await client.get(f"{BASE}/available/{alias}"),
        await client.post(f"{BASE}/", json=new, headers=headers),
        await client.patch(f"{BASE}/good-alias", json={"alias": written}, headers=headers),
        await client.delete(f"{BASE}/{alias}", headers=headers),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (400, "FST_ERR_VALIDATION")
    ] * 5


async def test_availability_follows_the_life_of_an_alias(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    headers = cookie_for(owner["id"])

    async def available(alias: str) -> bool:
        return bool((await client.get(f"{BASE}/available/{alias}")).json()["available"])

    assert await available("my-lesson")
    link = {"itemId": str(item["id"]), "alias": "my-lesson", "platform": "builder"}
    created = await client.post(BASE, json=link, headers=headers)
    assert (created.status_code, created.json()) == (200, link)
    assert not await available("my-lesson")
    change = {"alias": "My-Lesson", "platform": "player", "itemId": str(uuid4())}
    changed = await client.patch(f"{BASE}/my-lesson", json=change, headers=headers)
    assert (changed.status_code, changed.json()) == (200, link | {"alias": "My-Lesson"})
    assert await available("my-lesson")
    same = await client.patch(f"{BASE}/My-Lesson", json={"alias": "My-Lesson"}, headers=headers)
    assert same.status_code == 200
    deleted = await client.delete(f"{BASE}/My-Lesson", headers=headers)
    assert (deleted.status_code, deleted.json()) == (200, link | {"alias": "My-Lesson"})
    assert await available("My-Lesson")
    for gone in (
        await client.delete(f"{BASE}/My-Lesson", headers=headers),
        await client.patch(f"{BASE}/My-Lesson", json={"alias": "my-lesson"}, headers=headers),
    ):
        assert (gone.status_code, gone.json()["code"]) == (404, "GERR1009")


async def test_the_list_has_the_links_of_the_very_item_by_platform(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, count_statements: Counter
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    child = await factory.item(item)
    guest = await factory.guest(item["path"])
    for platform in ("builder", "player"):
        await _link(factory, item, f"alias-{platform}", platform)
    assert (await client.get(f"{BASE}/list/{item['id']}")).status_code == 401
    with count_statements() as statements:
        answer = await client.get(f"{BASE}/list/{item['id']}", headers=cookie_for(guest["id"]))
    assert answer.json() == {
        platform: {
            "alias": f"alias-{platform}",
            "url": f"http://localhost:3000/short-links/alias-{platform}",
        }
        for platform in ("builder", "player")
    }
    assert len(statements) == 3
    below = await client.get(f"{BASE}/list/{child['id']}", headers=cookie_for(owner["id"]))
    assert below.json() == {}
    stranger = cookie_for((await factory.member())["id"])
    refused = await client.get(f"{BASE}/list/{item['id']}", headers=stranger)
    assert (refused.status_code, refused.json()["code"]) == (403, "GERR016")


async def test_an_alias_and_a_platform_are_each_taken_once(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    item, other = await factory.owned_item(owner), await factory.owned_item(owner)
    headers = cookie_for(owner["id"])
    await _link(factory, item, "taken-alias")

    async def create(target: Any, alias: str, platform: str) -> tuple[int, Any, Any]:
        body = {"itemId": str(target["id"]), "alias": alias, "platform": platform}
        answer = await client.post(f"{BASE}/", json=body, headers=headers)
        return answer.status_code, answer.json().get("code"), answer.json().get("data")

    same_platform = {"itemId": str(item["id"]), "platform": "builder"}
    assert await create(item, "taken-alias", "builder") == (409, "GERR1011", same_platform)
    assert await create(item, "other-alias", "builder") == (409, "GERR1011", same_platform)
    assert await create(other, "taken-alias", "builder") == (409, "GERR1010", "taken-alias")
    await _link(factory, other, "second-alias")
    moved = await client.patch(f"{BASE}/second-alias", json={"alias": "taken-alias"}, headers=headers)
    assert (moved.status_code, moved.json()["code"]) == (409, "GERR1010")
    assert moved.json()["data"] == "taken-alias"
    both = await asyncio.gather(*(create(target, "race-alias", "player") for target in (item, other)))
    assert sorted(status for status, *_ in both) == [200, 409]


@pytest.mark.parametrize(
    ("caller", "status", "code"),
    [
        ("nobody", 401, None),
        ("guest", 403, "GMERR002"),
        ("unvalidated", 403, "GMERR002"),
        ("stranger", 403, "GERR016"),
        ("read", 403, "GERR004"),
        ("write", 403, "GERR004"),
        ("admin", 200, None),
    ],
)
async def test_links_are_made_by_admins(
    client: httpx.AsyncClient,
    factory: Factory,
    headers_as: HeadersAs,
    caller: str,
    status: int,
    code: str | None,
) -> None:
    item = await factory.item()
    await _link(factory, item, "the-alias")
    headers = await headers_as(item, caller)
    new = {"itemId": str(item["id"]), "alias": "new-alias", "platform": "player"}
    for answer in (
        await client.post(f"{BASE}/", json=new, headers=headers),
        await client.patch(f"{BASE}/the-alias", json={"alias": "an-alias"}, headers=headers),
        await client.delete(f"{BASE}/{'an-alias' if status == 200 else 'the-alias'}", headers=headers),
    ):
        assert answer.status_code == status
        if code:
            assert answer.json()["code"] == code


async def test_the_library_shows_only_what_is_public(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner, stranger = await factory.member(), await factory.member()
    item = await factory.owned_item(owner)

    async def create(account: Any, item_id: UUID) -> tuple[int, Any]:
        body = {"itemId": str(item_id), "alias": "in-library", "platform": "library"}
        answer = await client.post(f"{BASE}/", json=body, headers=cookie_for(account["id"]))
        return answer.status_code, answer.json().get("message")

    unknown = uuid4()
    assert await create(owner, unknown) == (404, f"Published Item Entry not found {unknown}")
    refused = (404, f"Published Item Entry not found {item['id']}")
    assert await create(owner, item["id"]) == refused
    assert await create(stranger, item["id"]) == refused
    await factory.visibility(item["path"], "public")
    assert await create(stranger, item["id"]) == (403, "MEMBER_CANNOT_ACCESS")
    assert await create(owner, item["id"]) == (200, None)


async def test_a_recycled_item_keeps_its_links_but_nobody_changes_them(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    await _link(factory, item, "the-alias")
    await factory.recycle(item)
    headers = cookie_for(owner["id"])
    for answer in (
        await client.get(f"{BASE}/list/{item['id']}", headers=headers),
        await client.patch(f"{BASE}/the-alias", json={"alias": "an-alias"}, headers=headers),
        await client.delete(f"{BASE}/the-alias", headers=headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "GERR001")
    assert (await client.get(f"{BASE}/the-alias")).status_code == 302
