"""Likes: one per member and item, taken back, counted, and listed to their owner as far as it still sees the items."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.platform import Platform
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
Count = Callable[[], AbstractContextManager[list[str]]]
World = dict[str, Any]


@pytest.fixture
async def world(factory: Factory, cookie_for: Cookie) -> World:
    """Anna, who reads an item of somebody else's."""
    anna = await factory.member()
    item = await factory.item(name="liked")
    await factory.membership(item["path"], anna["id"], "read")
    return {"anna": anna, "headers": cookie_for(anna["id"]), "item": item}


async def _like(client: httpx.AsyncClient, world: World, item: Any) -> dict[str, Any]:
    answer = await client.post(f"/api/items/{item['id']}/like", headers=world["headers"])
    assert answer.status_code == 200
    like: dict[str, Any] = answer.json()
    return like


async def _liked(client: httpx.AsyncClient, world: World) -> list[str]:
    answer = await client.get("/api/items/liked", headers=world["headers"])
    assert answer.status_code == 200
    return [like["item"]["name"] for like in answer.json()]


async def test_liking_again_is_the_same_like_now(client: httpx.AsyncClient, world: World) -> None:
    first = await _like(client, world, world["item"])
    again = await _like(client, world, world["item"])
    assert set(first) == {"id", "itemId", "creatorId", "createdAt"}
    assert (first["itemId"], first["creatorId"]) == (str(world["item"]["id"]), str(world["anna"]["id"]))
    assert (again["id"], again["createdAt"] > first["createdAt"]) == (first["id"], True)


async def test_a_like_is_taken_back_once(client: httpx.AsyncClient, world: World) -> None:
    like = await _like(client, world, world["item"])
    url = f"/api/items/{world['item']['id']}/like"
    answer = await client.delete(url, headers=world["headers"])
    assert (answer.status_code, answer.text) == (200, like["id"])
    answer = await client.delete(url, headers=world["headers"])
    assert (answer.status_code, answer.json()["code"]) == (404, "GPILERR001")


async def test_both_are_actions_of_the_item(
    client: httpx.AsyncClient, world: World, platform: Platform
) -> None:
    await _like(client, world, world["item"])
    await client.delete(f"/api/items/{world['item']['id']}/like", headers=world["headers"])
    rows = await platform.reads.all(select(action).order_by(action.c.created_at))
    assert [(row["type"], row["item_id"]) for row in rows] == [
        ("item-like", world["item"]["id"]),
        ("item-unlike", world["item"]["id"]),
    ]


async def test_whoever_reads_the_item_sees_how_many_like_it_and_not_who(
    client: httpx.AsyncClient, world: World, factory: Factory
) -> None:
    like = await _like(client, world, world["item"])
    await factory.visibility(world["item"]["path"], "public")
    answer = await client.get(f"/api/items/{world['item']['id']}/likes")
    [told] = answer.json()
    assert set(told) == {"id", "item"}
    assert (told["id"], told["item"]["id"]) == (like["id"], str(world["item"]["id"]))


async def test_the_own_list_has_what_is_still_seen_the_latest_first(
    client: httpx.AsyncClient, world: World, factory: Factory, count_statements: Count
) -> None:
    others = {}
    for name in ("lost", "hidden", "recycled", "public"):
        others[name] = await factory.item(name=name)
        await factory.visibility(others[name]["path"], "public")
        await _like(client, world, others[name])
    await _like(client, world, world["item"])
    await factory.recycle(others["recycled"])
    await factory.visibility(others["hidden"]["path"], "hidden")
    with count_statements() as statements:
        assert await _liked(client, world) == ["liked", "public", "lost"]
    assert len(statements) == 2
