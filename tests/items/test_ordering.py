"""Where items go among their siblings."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from graasp.auth.gates import Caller
from graasp.items import service
from graasp.items.service import NewItem
from graasp.items.tables import item
from graasp.platform import Platform
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]

GAP = Decimal("0.1")


async def _orders(platform: Platform, folder: Any) -> dict[str, Decimal | None]:
    rows = await platform.reads.all(
        select(item.c.name, item.c.order)
        .where(item.c.path.op("<@")(folder["path"]), item.c.id != folder["id"])
        .order_by(item.c.order.nulls_last(), item.c.created_at)
    )
    return {row["name"]: row["order"] for row in rows}


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member()


async def _create(
    client: httpx.AsyncClient, headers: Any, name: str, folder: Any, previous: Any = None
) -> str:
    query = f"?parentId={folder['id']}" + (f"&previousItemId={previous}" if previous else "")
    answer = await client.post(f"/api/items/folders{query}", json={"name": name}, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def test_the_values_of_the_contract(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, platform: Platform, anna: Any
) -> None:
    headers = cookie_for(anna["id"])
    folder = await factory.owned_item(anna)
    first = await _create(client, headers, "A", folder)
    last = await _create(client, headers, "B", folder, first)
    assert await _orders(platform, folder) == {"A": 20, "B": 40}
    await _create(client, headers, "first", folder)
    await _create(client, headers, "after A", folder, first)
    await _create(client, headers, "after B", folder, last)
    await _create(client, headers, "last", folder, uuid4())
    assert await _orders(platform, folder) == {
        "first": 10,
        "A": 20,
        "after A": 30,
        "B": 40,
        "after B": 60,
        "last": 80,
    }
    root = await client.post("/api/items/folders", json={"name": "root"}, headers=headers)
    row = await platform.reads.first(select(item.c.order).where(item.c.id == UUID(root.json()["id"])))
    assert row is not None
    assert row["order"] is None


@pytest.mark.parametrize("order", [None, 0])
async def test_a_sibling_without_order_is_as_good_as_none(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, platform: Platform, anna: Any, order: Any
) -> None:
    folder = await factory.owned_item(anna)
    lost = await factory.item(folder, name="lost", order=order)
    await factory.item(folder, name="kept", order=20)
    await _create(client, cookie_for(anna["id"]), "new", folder, lost["id"])
    # Last; and then all of them are numbered anew.
    orders = await _orders(platform, folder)
    assert sorted(orders.values(), key=lambda value: value or 0) == [20, 40, 60]
    assert list(orders)[-1] == ("new" if order == 0 else "lost")


async def test_only_the_direct_children_count(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, platform: Platform, anna: Any
) -> None:
    folder = await factory.owned_item(anna)
    child = await factory.item(folder, name="child", order=40)
    below = await factory.item(child, name="below", order=2)
    recycled = await factory.item(folder, name="recycled", order=4)
    await factory.recycle(recycled)
    headers = cookie_for(anna["id"])
    await _create(client, headers, "new", folder)
    await _create(client, headers, "last", folder, below["id"])
    orders = await _orders(platform, folder)
    assert (orders["new"], orders["last"], orders["below"]) == (20, 60, 2)


async def test_reordering(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, platform: Platform, anna: Any
) -> None:
    folder = await factory.owned_item(anna)
    a, b, c = [await factory.item(folder, name=name, order=20 * n) for n, name in enumerate("abc", 1)]
    elsewhere = await factory.owned_item(anna)
    headers = cookie_for(anna["id"])

    async def reorder(moved: Any, previous: Any = None) -> list[str]:
        body = {"previousItemId": str(previous["id"])} if previous else {}
        answer = await client.patch(f"/api/items/{moved['id']}/reorder", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["id"] == str(moved["id"])
        return list(await _orders(platform, folder))

    assert await reorder(c) == ["c", "a", "b"]
    assert await reorder(c, b) == ["a", "b", "c"]
    assert await reorder(a, b) == ["b", "a", "c"]
    assert await reorder(a, a) == ["b", "a", "c"]
    assert await reorder(b, elsewhere) == ["a", "c", "b"]
    root = await client.patch(f"/api/items/{folder['id']}/reorder", json={}, headers=headers)
    assert (root.status_code, root.json()["code"]) == (400, "GERR034")
    bad = await client.patch(f"/api/items/{a['id']}/reorder", json={"previousItemId": "x"}, headers=headers)
    assert bad.status_code == 400


async def test_numbering_anew_is_no_change_of_the_siblings(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, platform: Platform, anna: Any
) -> None:
    folder = await factory.owned_item(anna)
    a = await factory.item(folder, name="a", order=Decimal("1"))
    b = await factory.item(folder, name="b", order=Decimal("1.15"))
    await _create(client, cookie_for(anna["id"]), "between", folder, a["id"])
    assert await _orders(platform, folder) == {"a": 20, "between": 40, "b": 60}
    rows = await platform.reads.all(
        select(item.c.id, item.c.updated_at).where(item.c.id.in_([a["id"], b["id"]]))
    )
    assert {row["updated_at"] for row in rows} == {a["updated_at"], b["updated_at"]}


async def test_creations_at_the_same_time_have_orders_of_their_own(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, platform: Platform, anna: Any
) -> None:
    folder = await factory.owned_item(anna)
    headers = cookie_for(anna["id"])
    await asyncio.gather(*[_create(client, headers, str(n), folder) for n in range(12)])
    orders = list((await _orders(platform, folder)).values())
    assert len(set(orders)) == len(orders) == 12


_STEP = st.tuples(
    st.sampled_from(["insert", "insert", "reorder"]),
    st.integers(0, 30),
    st.one_of(st.none(), st.integers(0, 30), st.just("unknown")),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEP, min_size=1, max_size=25))
async def test_whatever_is_inserted_and_moved_the_order_is_the_one_that_was_asked_for(
    platform: Platform, factory: Factory, steps: list[Any]
) -> None:
    anna = await factory.member(email=f"{uuid4()}@example.org")
    caller = Caller(anna["id"], "Anna", "individual", is_validated=True, lang="en", saves_actions=True)
    folder = await factory.owned_item(anna)
    expected: list[UUID] = []
    for kind, which, where in steps:
        previous = expected[where % len(expected)] if isinstance(where, int) and expected else None
        asked = uuid4() if where == "unknown" else previous
        async with platform.unit_of_work() as uow:
            if kind == "insert" or not expected:
                row = await service.create_item(
                    uow, caller, NewItem("folder", "x"), parent_id=folder["id"], previous_item_id=asked
                )
                moved = row["id"]
            else:
                moved = expected[which % len(expected)]
                await service.reorder(uow, caller, moved, asked)
                if asked == moved:
                    continue
                expected.remove(moved)
        if asked is None:
            expected.insert(0, moved)
        elif previous in expected:
            expected.insert(expected.index(previous) + 1, moved)
        else:
            expected.append(moved)
    rows = await platform.reads.all(
        select(item.c.id, item.c.order)
        .where(item.c.path.op("<@")(folder["path"]), item.c.id != folder["id"])
        .order_by(item.c.order.nulls_last(), item.c.created_at)
    )
    assert [row["id"] for row in rows] == expected
    orders = [row["order"] for row in rows]
    assert all(order > 0 for order in orders)
    assert all(after - before >= GAP for before, after in pairwise(orders))
