"""`POST /api/items/{id}/actions`: who may, what is kept, and what is refused."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.platform import Platform
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
Counting = Callable[[], AbstractContextManager[list[str]]]

CLIENT = {"Origin": "http://client.test"}


@pytest.mark.parametrize(
    ("caller", "visibilities", "status"),
    [
        (None, (), 403),
        (None, ("public",), 204),
        (None, ("public", "hidden"), 403),
        ("guest", (), 204),
        ("guest", ("hidden",), 403),
        ("unvalidated", (), 403),
        ("unvalidated", ("public",), 204),
        ("read", (), 204),
        ("read", ("hidden",), 403),
        ("write", ("hidden",), 204),
        ("admin", ("hidden", "public"), 204),
    ],
)
async def test_whoever_may_read_may_post(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    caller: str | None,
    visibilities: tuple[str, ...],
    status: int,
) -> None:
    folder = await factory.item()
    item = await factory.item(folder)
    for kind in visibilities:
        await factory.visibility(folder["path"], kind)
    account = None
    if caller == "guest":
        account = await factory.guest(folder["path"])
    elif caller:
        account = await factory.member(is_validated=caller != "unvalidated")
        if caller != "unvalidated":
            await factory.membership(folder["path"], account["id"], caller)
    headers = CLIENT | (cookie_for(account["id"]) if account else {})
    answer = await client.post(f"/api/items/{item['id']}/actions", json={"type": "a"}, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert (answer.json()["code"], answer.json()["data"]) == ("GERR016", str(item["id"]))
    assert await factory.count(action) == (status == 204)


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, factory: Factory) -> None:
    recycled = await factory.item()
    await factory.visibility(recycled["path"], "public")
    await factory.recycle(recycled)
    for item_id in (recycled["id"], uuid4()):
        answer = await client.post(f"/api/items/{item_id}/actions", json={"type": "a"}, headers=CLIENT)
        assert answer.status_code == 404
        assert answer.json()["message"] == f"ITEM_NOT_FOUND {item_id}"


async def test_the_origin_is_asked_for_before_the_item_but_after_the_body(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    url = f"/api/items/{uuid4()}/actions"
    assert (await client.post(url, json={})).json()["code"] == "FST_ERR_VALIDATION"
    refused = await client.post(url, json={"type": "a"})
    assert refused.json() == {
        "name": "Cannot post action",
        "code": "GIAERR003",
        "message": "Cannot post action",
        "statusCode": 403,
        "origin": "graasp-plugin-item-actions",
    }
    for origin in ("http://evil.test", "http://client.test/", "http://client.test/player", "null", ""):
        answer = await client.post(url, json={"type": "a"}, headers={"Origin": origin})
        assert (answer.status_code, answer.json()["data"]) == (403, origin)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"type": "a"}, ("a", {})),
        ({"type": ""}, ("", {})),
        ({"type": 5, "extra": {"": {"'": None}}}, ("5", {"": {"'": None}})),
        ({"type": "t" * 100_000, "extra": {"k" * 1000: [1, {"x": "\u202e"}]}, "view": "home"}, None),
        ({"type": "a", "extra": {"id": "x", "item_id": 1, "created_at": "1970-01-01"}, "id": "x"}, None),
    ],
)
async def test_any_type_and_any_object_are_kept_as_they_are(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, body: dict[str, Any], kept: Any
) -> None:
    item = await factory.item()
    await factory.visibility(item["path"], "public")
    answer = await client.post(f"/api/items/{item['id']}/actions", json=body, headers=CLIENT)
    assert answer.status_code == 204
    (row,) = await platform.reads.all(select(action))
    assert (row["type"], row["extra"]) == (kept or (body["type"], body["extra"]))
    assert (row["view"], row["account_id"], row["item_id"]) == ("unknown", None, item["id"])


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"extra": {}},
        {"type": ["a", "b"]},
        {"type": {}},
        {"type": "a\0"},
        {"type": "a", "extra": "{}"},
        {"type": "a", "extra": []},
        {"type": "a", "extra": {"a": "\0"}},
        {"type": "a", "extra": {"\0": 1}},
        {"type": "a", "extra": _nested(250)},
    ],
)
async def test_what_is_no_action_is_refused(
    client: httpx.AsyncClient, factory: Factory, body: dict[str, Any]
) -> None:
    item = await factory.item()
    await factory.visibility(item["path"], "public")
    answer = await client.post(f"/api/items/{item['id']}/actions", json=body, headers=CLIENT)
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")
    assert await factory.count(action) == 0


async def test_a_deep_object_that_was_kept_can_be_read_again(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    item = await factory.owned_item(member)
    headers = CLIENT | cookie_for(member["id"])
    body = {"type": "a", "extra": _nested(150)}
    answer = await client.post(f"/api/items/{item['id']}/actions", json=body, headers=headers)
    assert answer.status_code == 204
    (own,) = (await client.get("/api/members/actions", headers=headers)).json()
    assert own["extra"] == _nested(150)


async def test_the_statements_of_a_post(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, count_statements: Counting
) -> None:
    member = await factory.member()
    item = await factory.owned_item(member)
    headers = CLIENT | cookie_for(member["id"])
    with count_statements() as statements:
        await client.post(f"/api/items/{item['id']}/actions", json={"type": "a"}, headers=headers)
    # The caller, the access, the row.
    assert len(statements) == 3
