"""Recording actions, their statistics, and one's own."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.platform import Platform
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]

CLIENT = {"Origin": "http://client.test"}
LIBRARY = {"Origin": "http://library.test"}


async def _actions(platform: Platform) -> list[Any]:
    return list(await platform.reads.all(select(action).order_by(action.c.created_at)))


async def test_a_posted_action_keeps_who_where_and_what(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    item = await factory.owned_item(member)
    headers = cookie_for(member["id"]) | LIBRARY | {"X-Forwarded-For": "8.8.8.8, 10.0.0.1"}
    body = {"type": "collection-view", "extra": {"a": {"b": 1}}}
    answer = await client.post(f"/api/items/{item['id']}/actions", json=body, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    (row,) = await _actions(platform)
    assert (row["type"], row["view"], row["account_id"], row["item_id"]) == (
        "collection-view",
        "library",
        member["id"],
        item["id"],
    )
    assert row["extra"] == {"a": {"b": 1}}
    assert row["geolocation"]["country"] == "US"
    assert set(row["geolocation"]) == {
        "range",
        "country",
        "region",
        "eu",
        "timezone",
        "city",
        "ll",
        "metro",
        "area",
    }


@pytest.mark.parametrize(
    ("referer", "view"),
    [
        ("http://client.test/player/1/2", "player"),
        ("http://client.test/builder", "builder"),
        ("http://client.test/buildersomething", "unknown"),
        ("http://evil.test/player", "unknown"),
        (None, "unknown"),
    ],
)
async def test_the_view_is_the_part_of_the_client_the_page_belongs_to(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, referer: str | None, view: str
) -> None:
    item = await factory.item()
    await factory.visibility(item["path"], "public")
    headers = CLIENT | ({"Referer": referer} if referer else {})
    answer = await client.post(
        f"/api/items/{item['id']}/actions", json={"type": "item-view"}, headers=headers
    )
    assert answer.status_code == 204
    (row,) = await _actions(platform)
    assert (row["view"], row["account_id"], row["geolocation"]) == (view, None, None)


async def test_what_is_refused_and_what_is_silently_not_kept(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie
) -> None:
    private = await factory.member(enable_save_actions=False)
    member = await factory.member()
    item = await factory.owned_item(private)
    await factory.membership(item["path"], member["id"], "read")
    quiet = await factory.owned_item(member, settings={"enableSaveActions": False})
    url = f"/api/items/{item['id']}/actions"
    body = {"type": "item-view"}
    without = await client.post(url, json=body, headers=cookie_for(member["id"]))
    assert (without.status_code, without.json()["code"]) == (403, "GIAERR003")
    assert "data" not in without.json()
    foreign = await client.post(url, json=body, headers={"Origin": "http://client.test/"})
    assert foreign.json()["data"] == "http://client.test/"
    denied = await client.post(url, json=body, headers=CLIENT)
    assert (denied.status_code, denied.json()["code"]) == (403, "GERR016")
    nul = await client.post(url, json={"type": "a", "extra": {"a": "\0"}}, headers=CLIENT)
    assert nul.status_code == 400
    for account, where in ((private, item), (member, quiet)):
        headers = cookie_for(account["id"]) | CLIENT
        kept = await client.post(f"/api/items/{where['id']}/actions", json=body, headers=headers)
        assert kept.status_code == 204
    assert await _actions(platform) == []


async def test_statistics_count_everybody_and_oneself_by_type(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    a, b = await factory.member(), await factory.member()
    folder = await factory.owned_item(a)
    child = await factory.item(folder)
    await factory.recycle(child)
    await factory.visibility(folder["path"], "public")

    async def act(who: Any, kind: str, hour: int, where: Any = child) -> None:
        moment = datetime(2024, 3, 31, hour, 30, tzinfo=UTC)
        account_id = who["id"] if who else None
        await factory.insert(
            action, type=kind, created_at=moment, account_id=account_id, item_id=where["id"], view="player"
        )

    for who, kind, hour in (
        (a, "create", 13),
        (a, "item-view", 13),
        (a, "item-view", 13),
        (b, "item-view", 13),
        (None, "all", 14),
    ):
        await act(who, kind, hour)
    query = "startDate=2024-03-31T00:00:00Z&endDate=2024-03-31T23:59:59%2B00:00"
    url = f"/api/items/{folder['id']}/actions/actions-by"
    by_hour = (await client.get(f"{url}-hour?{query}", headers=cookie_for(a["id"]))).json()
    assert by_hour == {
        "13": {
            "hour": "13",
            "count": {"all": 4, "create": 1, "item-view": 3},
            "personal": {"all": 3, "create": 1, "item-view": 2},
        },
        "14": {"hour": "14", "count": {"all": 1}, "personal": {}},
    }
    by_day = (await client.get(f"{url}-day?{query}")).json()
    assert list(by_day) == ["2024/03/31"]
    assert by_day["2024/03/31"]["personal"] == {}
    by_weekday = (await client.get(f"{url}-weekday?{query}")).json()
    assert by_weekday["0"]["weekday"] == "0"
    assert (
        await client.get(f"{url}-day?startDate=2024-04-01T00:00:00Z&endDate=2024-03-01T00:00:00Z")
    ).json() == {}
    wrong = await client.get(f"{url}-day?startDate=2024-04-01")
    assert wrong.json()["message"] == 'querystring/startDate must match format "date-time"'


async def test_own_actions_are_those_on_items_one_can_still_read(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    mine = await factory.owned_item(member, name="mine")
    foreign = await factory.item(name="foreign")
    for kind, item in (("update", mine), ("update", foreign), ("item-like", foreign), ("delete", None)):
        await factory.insert(
            action,
            type=kind,
            account_id=member["id"],
            item_id=item["id"] if item else None,
            extra='{"old": 1}',
        )
    headers = cookie_for(member["id"])
    answer = await client.get("/api/members/actions", headers=headers)
    assert answer.status_code == 200, answer.text
    assert [(row["type"], row["item"]["name"]) for row in answer.json()] == [
        ("item-like", "foreign"),
        ("update", "mine"),
    ]
    assert answer.json()[0]["extra"] == {"old": 1}
    other = await factory.member()
    refused = await client.delete(f"/api/members/members/{other['id']}/delete", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "GERR014")
    gone = await client.delete(f"/api/members/members/{member['id']}/delete", headers=headers)
    assert (gone.status_code, gone.content) == (200, b"")
    assert (await client.get("/api/members/actions", headers=headers)).json() == []


@pytest.mark.parametrize(("caller", "status"), [("nobody", 401), ("guest", 403), ("unvalidated", 403)])
async def test_who_may_not_even_ask_for_an_export(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, caller: str, status: int
) -> None:
    item = await factory.item()
    headers: dict[str, str] = {}
    if caller == "guest":
        headers = cookie_for((await factory.guest(item["path"]))["id"])
    if caller == "unvalidated":
        headers = cookie_for((await factory.member(is_validated=False))["id"])
    answer = await client.post(f"/api/items/{item['id']}/actions/export", headers=headers)
    assert answer.status_code == status
    wrong = await client.post(f"/api/items/{item['id']}/actions/export?format=xml", headers=headers)
    assert wrong.status_code == 400
