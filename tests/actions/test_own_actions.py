"""One's own actions: seen and deleted."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.apps.tables import app_action
from graasp.platform import Platform
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
Counting = Callable[[], AbstractContextManager[list[str]]]

FREE = (
    "collection-view",
    "item-like",
    "item-unlike",
    "item-download",
    "item-embed",
    "item-search",
    "member-login",
)


async def _types(client: httpx.AsyncClient, headers: dict[str, str], query: str = "") -> list[str]:
    answer = await client.get(f"/api/members/actions?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [row["type"] for row in answer.json()]


async def test_actions_that_need_no_right_come_first_both_newest_first(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    item = await factory.owned_item(member)
    now = datetime.now(UTC)
    types = [*FREE, "update", "move", "chat_create"]
    for minutes, kind in enumerate(types, start=1):
        await factory.insert(
            action,
            type=kind,
            account_id=member["id"],
            item_id=None if kind in FREE else item["id"],
            created_at=now - timedelta(minutes=minutes),
        )
    assert await _types(client, cookie_for(member["id"])) == types


@pytest.mark.parametrize(
    ("permission", "visibilities", "recycled", "seen"),
    [
        (None, (), False, False),
        ("read", (), False, True),
        (None, ("public",), False, True),
        ("read", ("hidden",), False, False),
        ("write", ("hidden",), False, True),
        (None, ("public", "hidden"), False, False),
        ("admin", (), True, False),
        ("admin", ("public",), True, True),
        ("admin", ("public", "hidden"), True, False),
    ],
)
async def test_other_actions_need_the_right_to_read_their_item_now(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    permission: str | None,
    visibilities: tuple[str, ...],
    recycled: bool,
    seen: bool,
) -> None:
    member = await factory.member()
    folder = await factory.item()
    item = await factory.item(folder)
    if permission:
        await factory.membership(folder["path"], member["id"], permission)
    for kind in visibilities:
        await factory.visibility(folder["path"], kind)
    for kind in ("update", "item-like"):
        await factory.insert(action, type=kind, account_id=member["id"], item_id=item["id"])
    if recycled:
        await factory.recycle(item)
    expected = ["item-like", "update"] if seen else ["item-like"]
    assert await _types(client, cookie_for(member["id"])) == expected


async def test_each_carries_its_item_as_it_is_stored(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member, other = await factory.member(), await factory.member()
    item = await factory.owned_item(member, name="Ü", extra={"folder": {"unknown": 1}})
    place = {"country": "CH", "ll": [46.5, 6.6]}
    for account, kind in ((member, "item-like"), (member, "update"), (other, "update")):
        await factory.insert(
            action, type=kind, account_id=account["id"], item_id=item["id"], geolocation=place, view="builder"
        )
    await factory.recycle(item)
    headers = cookie_for(member["id"])
    (row,) = (await client.get("/api/members/actions", headers=headers)).json()
    assert set(row) == {
        "id",
        "view",
        "type",
        "extra",
        "geolocation",
        "createdAt",
        "accountId",
        "itemId",
        "item",
    }
    assert (row["view"], row["geolocation"], row["accountId"]) == ("builder", place, str(member["id"]))
    assert row["createdAt"].endswith("Z")
    assert set(row["item"]) == {
        "id",
        "name",
        "type",
        "description",
        "path",
        "creatorId",
        "extra",
        "settings",
        "createdAt",
        "updatedAt",
        "deletedAt",
        "lang",
        "order",
    }
    assert (row["item"]["name"], row["item"]["extra"]) == ("Ü", {"folder": {"unknown": 1}})
    assert row["item"]["deletedAt"].endswith("Z")


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"itemId": "x"}', {"itemId": "x"}),
        ('"{}"', "{}"),
        ("no JSON {", "no JSON {"),
        ("{a: 1}", "{a: 1}"),
        ("", ""),
    ],
)
async def test_one_level_of_text_is_read_as_json(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, stored: Any, read: Any
) -> None:
    member = await factory.member()
    await factory.insert(action, type="item-search", account_id=member["id"], extra=stored)
    answer = await client.get("/api/members/actions", headers=cookie_for(member["id"]))
    assert [(row["extra"], row["item"]) for row in answer.json()] == [(read, None)]


async def test_the_range_is_the_last_month_unless_told_otherwise(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    now = datetime.now(UTC)
    for days in (0, 20, 40):
        moment = now - timedelta(days=days)
        await factory.insert(action, type="item-search", account_id=member["id"], created_at=moment)
    headers = cookie_for(member["id"])
    assert len(await _types(client, headers)) == 2
    assert len(await _types(client, headers, "startDate=2000-01-01T00:00:00Z")) == 3
    assert await _types(client, headers, "endDate=2000-01-01T00:00:00Z") == []
    wrong = await client.get("/api/members/actions?startDate=now", headers=headers)
    assert wrong.json()["message"] == 'querystring/startDate must match format "date-time"'


async def test_the_statements_do_not_grow_with_the_actions(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, count_statements: Counting
) -> None:
    member = await factory.member()
    counts = []
    for rows in (1, 40):
        for _ in range(rows):
            item = await factory.owned_item(member)
            await factory.insert(action, type="update", account_id=member["id"], item_id=item["id"])
        with count_statements() as statements:
            await client.get("/api/members/actions", headers=cookie_for(member["id"]))
        counts.append(len(statements))
    # The caller, the actions, the items.
    assert counts == [3, 3]


async def test_who_may_see_and_delete(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    item = await factory.item()
    unvalidated, guest = await factory.member(is_validated=False), await factory.guest(item["path"])
    url = f"/api/members/members/{unvalidated['id']}/delete"
    assert (await client.delete("/api/members/members/x/delete")).status_code == 400
    for answer in (await client.get("/api/members/actions"), await client.delete(url)):
        assert (answer.status_code, answer.text) == (401, "Unauthorized")
    for account in (unvalidated, guest):
        headers = cookie_for(account["id"])
        assert await _types(client, headers) == []
        url = f"/api/members/members/{account['id']}/delete"
        # Also when there is nothing to delete.
        answer = await client.delete(url, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
    refused = await client.delete(
        f"/api/members/members/{unvalidated['id']}/delete", headers=cookie_for(guest["id"])
    )
    assert refused.json() == {
        "name": "CANNOT_MODIFY_OTHER_MEMBERS",
        "code": "GERR014",
        "message": "CANNOT_MODIFY_OTHER_MEMBERS",
        "statusCode": 403,
        "data": str(unvalidated["id"]),
        "origin": "core",
    }


async def test_deleting_leaves_what_others_did_and_what_apps_recorded(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie
) -> None:
    member, other = await factory.member(), await factory.member()
    item = await factory.owned_item(member, type="app")
    for account_id in (member["id"], member["id"], other["id"], None):
        await factory.insert(action, type="a", account_id=account_id, item_id=item["id"])
    await factory.insert(app_action, account_id=member["id"], item_id=item["id"], type="a", data={})
    headers = cookie_for(member["id"])
    await client.delete(f"/api/members/members/{member['id']}/delete", headers=headers)
    left = await platform.reads.all(select(action.c.account_id))
    assert {row["account_id"] for row in left} == {other["id"], None}
    assert await factory.count(app_action) == 1
