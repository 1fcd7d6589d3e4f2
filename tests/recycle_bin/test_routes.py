"""The recycle bin: what goes in, what comes out and where, what is listed, and when it is gone for good."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from graasp.auth.gates import find_account
from graasp.items.tables import GRAVE, item
from graasp.platform import Platform
from graasp.recycle_bin.jobs import PURGE, Purge
from graasp.recycle_bin.service import recycle, restore
from graasp.recycle_bin.tables import recycled_item_data
from tests.conftest import RunJobs
from tests.factories import Factory
from tests.items.trees.operations import Operations, Stored, permissions

Cookie = Callable[[UUID], dict[str, str]]
Tree = dict[str, Any]


@pytest.fixture
async def tree(factory: Factory) -> Tree:
    """A > B > C, administered by anna; bob reads A."""
    anna, bob = await factory.member(name="anna"), await factory.member(name="bob")
    a = await factory.owned_item(anna, name="A")
    b = await factory.item(a, name="B")
    c = await factory.item(b, name="C")
    await factory.membership(a["path"], bob["id"], "read")
    return {"anna": anna, "bob": bob, "A": a, "B": b, "C": c}


async def _live(stored: Stored) -> set[str]:
    return {name for name, row in (await stored()).items() if row["deleted_at"] is None}


async def _in_bin(platform: Platform) -> set[str]:
    rows = await platform.reads.all(
        select(item.c.name).join(recycled_item_data, recycled_item_data.c.item_path == item.c.path)
    )
    return {row["name"] for row in rows}


async def _listed(client: httpx.AsyncClient, headers: dict[str, str], query: str = "") -> list[str]:
    answer = await client.get(f"/api/items/recycled{query}", headers=headers)
    assert answer.status_code == 200
    return [row["name"] for row in answer.json()["data"]]


async def test_what_is_recycled_is_gone_for_everybody_with_all_below(
    tree: Tree,
    operations: Operations,
    stored: Stored,
    client: httpx.AsyncClient,
    cookie_for: Cookie,
    platform: Platform,
) -> None:
    result = await operations.result(tree["anna"], "recycle", [tree["C"], tree["B"]])
    assert [row["name"] for row in result] == ["C", "B"]
    assert all(row["deletedAt"] for row in result)
    assert await _live(stored) == {"A"}
    # What lies in another one comes back with it, and is not listed beside it.
    assert await _in_bin(platform) == {"B"}
    answer = await client.get(f"/api/items/{tree['C']['id']}", headers=cookie_for(tree["anna"]["id"]))
    assert (answer.status_code, answer.json()["code"]) == (404, "GERR001")


async def test_what_is_restored_is_where_it_was(
    tree: Tree, operations: Operations, stored: Stored, platform: Platform
) -> None:
    await operations.result(tree["anna"], "recycle", [tree["C"]])
    await operations.result(tree["anna"], "recycle", [tree["B"]])
    assert await _in_bin(platform) == {"B", "C"}
    result = await operations.result(tree["anna"], "restore", [tree["B"]])
    assert {row["name"] for row in result.values()} == {"B", "C"}
    assert await _live(stored) == {"A", "B", "C"}
    assert (await stored())["C"]["path"] == tree["C"]["path"]
    # No row outlasts what it stands for: C can be recycled again.
    assert await _in_bin(platform) == set()
    await operations.result(tree["anna"], "recycle", [tree["C"]])
    assert await _in_bin(platform) == {"C"}


async def test_what_lies_below_something_recycled_is_restored_at_the_root_with_its_memberships(
    tree: Tree, operations: Operations, stored: Stored, platform: Platform
) -> None:
    await operations.result(tree["anna"], "recycle", [tree["A"]])
    result = await operations.result(tree["anna"], "restore", [tree["B"]])
    b, c = (await stored())["B"], (await stored())["C"]
    assert (b["path"].count("."), b["order"], c["path"].count(".")) == (0, None, 1)
    assert result[str(b["id"])]["path"] == b["path"]
    assert await permissions(platform, b["path"]) == {tree["anna"]["id"]: "admin", tree["bob"]["id"]: "read"}
    assert await _live(stored) == {"B", "C"}


async def test_more_than_fits_in_memory_comes_back_without_its_contents(
    platform: Platform, factory: Factory
) -> None:
    anna = await factory.member()
    caller = await find_account(platform.reads, anna["id"])
    assert caller is not None
    folder = await factory.owned_item(anna)
    for _ in range(5):
        content = {"document": {"content": token_urlsafe(1024 * 1024)}}
        await factory.item(folder, type="document", extra=content)
    for change in (recycle, restore):
        async with platform.unit_of_work() as uow:
            rows = await change(uow, caller, [folder["id"]])
        assert [row["extra"] for row in rows] == [{}] * 6
    rows = await platform.reads.all(select(item.c.extra).where(item.c.type == "document"))
    assert all(len(row["extra"]["document"]["content"]) > 1024 * 1024 for row in rows)


@pytest.mark.parametrize("operation", ["recycle", "restore"])
async def test_only_admins_may_and_all_or_none(
    operation: str, tree: Tree, operations: Operations, stored: Stored, factory: Factory
) -> None:
    own = await factory.owned_item(tree["bob"], name="own")
    if operation == "restore":
        await operations.result(tree["anna"], "recycle", [tree["A"]])
        await operations.result(tree["bob"], "recycle", [own])
    before = await stored()
    assert await operations.refusal(tree["bob"], operation, [own, tree["A"]]) == "USER_CANNOT_ADMIN_ITEM"
    assert await stored() == before


async def test_what_is_not_recycled_is_not_restored_and_what_is_is_not_recycled_again(
    tree: Tree, operations: Operations, platform: Platform
) -> None:
    assert await operations.refusal(tree["anna"], "restore", [tree["B"]]) == "ITEM_NOT_FOUND"
    # It is told before who may, and of an item that there is not in the same way.
    assert await operations.refusal(tree["bob"], "restore", [tree["B"]]) == "ITEM_NOT_FOUND"
    assert await operations.refusal(tree["anna"], "restore", [{"id": uuid4()}]) == "ITEM_NOT_FOUND"
    async with platform.database.transaction() as transaction:
        left = {"path": f"{GRAVE}.{tree['C']['path'].rpartition('.')[2]}", "deleted_at": func.now()}
        await transaction.execute(update(item).where(item.c.id == tree["C"]["id"]).values(left))
    assert await operations.refusal(tree["anna"], "restore", [tree["C"]]) == "ITEM_NOT_FOUND"
    await operations.result(tree["anna"], "recycle", [tree["B"]])
    assert (
        await operations.refusal(tree["anna"], "recycle", [tree["B"]]) == f"ITEM_NOT_FOUND {tree['B']['id']}"
    )


async def test_the_bin_shows_what_the_caller_may_restore_the_latest_first_for_three_months(
    tree: Tree,
    operations: Operations,
    client: httpx.AsyncClient,
    cookie_for: Cookie,
    factory: Factory,
    platform: Platform,
) -> None:
    anna = cookie_for(tree["anna"]["id"])
    await factory.membership(tree["B"]["path"], tree["anna"]["id"], "admin")
    other = await factory.owned_item(tree["anna"], name="other")
    await operations.result(tree["anna"], "recycle", [tree["B"]])
    await operations.result(tree["anna"], "recycle", [other])
    assert await _listed(client, anna) == ["other", "B"]
    assert await _listed(client, anna, "?page=2&pageSize=1") == ["B"]
    assert await _listed(client, anna, "?page=0&pageSize=1") == ["other"]
    assert await _listed(client, cookie_for(tree["bob"]["id"])) == []
    await _age(platform, "other", timedelta(days=93))
    assert await _listed(client, anna) == ["B"]


@pytest.mark.parametrize("query", ["?pageSize=0", "?page=-1", "?page=x"])
async def test_pages_that_are_none(
    query: str, tree: Tree, client: httpx.AsyncClient, cookie_for: Cookie
) -> None:
    answer = await client.get(f"/api/items/recycled{query}", headers=cookie_for(tree["anna"]["id"]))
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")


async def test_the_purge_takes_what_nobody_is_shown_any_more(
    tree: Tree,
    operations: Operations,
    stored: Stored,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
) -> None:
    old = await factory.owned_item(tree["anna"], name="old")
    await factory.item(old, name="below", type="file", extra={"file": {"path": "files/1/2/3"}})
    young = await factory.owned_item(tree["anna"], name="young")
    await operations.result(tree["anna"], "recycle", [old, young, tree["C"]])
    await operations.result(tree["anna"], "recycle", [tree["B"]])
    await _age(platform, "old", timedelta(days=94))
    await _age(platform, "young", timedelta(days=89))
    # B was recycled later than C below it: both go when B does, C alone before.
    await _age(platform, "C", timedelta(days=94))
    async with platform.unit_of_work() as uow:
        await uow.enqueue(PURGE, Purge())
    await run_jobs()
    assert set(await stored()) == {"A", "B", "young"}
    assert await _in_bin(platform) == {"B", "young"}


async def _age(platform: Platform, name: str, age: timedelta) -> None:
    path = select(item.c.path).where(item.c.name == name).scalar_subquery()
    async with platform.unit_of_work() as uow:
        await uow.execute(
            update(recycled_item_data)
            .where(recycled_item_data.c.item_path == path)
            .values(created_at=datetime.now(UTC) - age)
        )
