"""What becomes of memberships when a tree moves."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select, text

from graasp.memberships.moving import lock_memberships, move_memberships
from graasp.memberships.service import add_all
from graasp.memberships.tables import item_membership
from graasp.platform import Platform
from tests.factories import Factory
from tests.statements import counted

Levels = dict[str, str]

_MOVE_TREE = text(
    """
    update item set path = case when path = cast(:path as ltree) then cast(:new_path as ltree)
        else cast(:new_path as ltree) || subpath(path, nlevel(cast(:path as ltree))) end
    where path <@ cast(:path as ltree)
    """
)


async def _move(platform: Platform, mover: Any, items: Sequence[Any], folder: Any | None) -> list[str]:
    """Move items as the item domain does; the statements it took for the memberships."""
    async with platform.unit_of_work() as uow:
        paths = [item["path"] for item in items]
        await lock_memberships(uow, [*paths, *([folder["path"]] if folder else [])])
        with counted(platform.database) as statements:
            await move_memberships(uow, paths, folder["path"] if folder else None, mover_id=mover["id"])
        for path in paths:
            label = path.rpartition(".")[2]
            new_path = f"{folder['path']}.{label}" if folder else label
            await uow.execute(_MOVE_TREE, path=path, new_path=new_path)
    return statements


async def _held(platform: Platform, names: dict[UUID, str], account: Any) -> dict[str, str]:
    """`{item name: permission}` of the account's rows, wherever the items are now."""
    rows = await platform.reads.all(
        text(
            "select i.id, m.permission::text as permission from item_membership m"
            " join item i on i.path = m.item_path where m.account_id = cast(:account_id as uuid)"
        ),
        account_id=account["id"],
    )
    return {names[row["id"]]: row["permission"] for row in rows}


@pytest.mark.parametrize(
    ("held", "after"),
    [
        pytest.param({}, {}, id="a stranger stays one"),
        pytest.param({"X": "write"}, {"X": "write"}, id="own access is kept where the folder knows nobody"),
        pytest.param({"P": "admin"}, {"P": "admin"}, id="inherited access is lost there"),
        pytest.param({"D": "admin", "X": "write"}, {"D": "admin"}, id="own access below the folder's goes"),
        pytest.param(
            {"D": "write", "X": "write"}, {"D": "write"}, id="own access equal to the folder's goes"
        ),
        pytest.param(
            {"D": "read", "X": "write"}, {"D": "read", "X": "write"}, id="own access above the folder's stays"
        ),
        pytest.param(
            {"P": "write", "D": "read"},
            {"P": "write", "D": "read", "X": "write"},
            id="inherited access above the folder's becomes a row",
        ),
        pytest.param({"P": "read", "D": "read"}, {"P": "read", "D": "read"}, id="equal: no row"),
        pytest.param({"P": "read", "D": "write"}, {"P": "read", "D": "write"}, id="lower: no row"),
        pytest.param(
            {"D": "write", "X": "read", "Y": "write"}, {"D": "write"}, id="rows below the item go as well"
        ),
        pytest.param(
            {"D": "read", "Y": "write", "X": "read"}, {"D": "read", "Y": "write"}, id="higher ones below stay"
        ),
        pytest.param(
            {"P": "admin", "X": "read", "D": "write"},
            {"P": "admin", "X": "admin", "D": "write"},
            id="an inconsistent row on the item is raised",
        ),
        pytest.param(
            {"P": "admin", "Y": "write", "D": "read"},
            {"P": "admin", "X": "admin", "D": "read"},
            id="an inconsistent row below the item goes",
        ),
    ],
)
async def test_moving_under_a_folder(
    platform: Platform, factory: Factory, held: Levels, after: Levels
) -> None:
    mover, account = await factory.member(), await factory.member()
    tree = await _tree(factory)
    for name, level in held.items():
        await factory.membership(tree[name]["path"], account["id"], level)
    await _move(platform, mover, [tree["X"]], tree["D"])
    assert await _held(platform, _names(tree), account) == after
    creators = select(item_membership.c.creator_id).where(item_membership.c.creator_id.is_not(None))
    created = [row["creator_id"] for row in await platform.reads.all(creators)]
    assert created == ([account["id"]] if "X" in after and "X" not in held else [])


@pytest.mark.parametrize(
    ("held", "after"),
    [
        ({}, {}),
        ({"P": "read"}, {"P": "read", "X": "read"}),
        ({"P": "read", "X": "write"}, {"P": "read", "X": "write"}),
        ({"P": "write", "X": "read"}, {"P": "write", "X": "write"}),
        ({"P": "read", "Y": "write"}, {"P": "read", "X": "read", "Y": "write"}),
        ({"Y": "write"}, {"Y": "write"}),
    ],
)
async def test_moving_to_the_root_takes_access_from_nobody(
    platform: Platform, factory: Factory, held: Levels, after: Levels
) -> None:
    mover, account = await factory.member(), await factory.member()
    tree = await _tree(factory)
    for name, level in held.items():
        await factory.membership(tree[name]["path"], account["id"], level)
    await _move(platform, mover, [tree["X"]], None)
    assert await _held(platform, _names(tree), account) == after
    creators = select(item_membership.c.creator_id).where(item_membership.c.creator_id.is_not(None))
    created = [row["creator_id"] for row in await platform.reads.all(creators)]
    assert created == ([mover["id"]] if "X" in after and "X" not in held else [])


async def test_the_example_of_three_members(platform: Platform, factory: Factory) -> None:
    anna, bob, cedric = [await factory.member() for _ in range(3)]
    tree = await _tree(factory)
    for name, member, level in (
        ("P", anna, "admin"),
        ("P", bob, "read"),
        ("P", cedric, "write"),
        ("X", bob, "write"),
        ("D", anna, "write"),
        ("D", bob, "admin"),
    ):
        await factory.membership(tree[name]["path"], member["id"], level)
    await _move(platform, anna, [tree["X"]], tree["D"])
    names = _names(tree)
    assert await _held(platform, names, anna) == {"P": "admin", "D": "write", "X": "admin"}
    assert await _held(platform, names, bob) == {"P": "read", "D": "admin"}
    assert await _held(platform, names, cedric) == {"P": "write"}


async def test_many_items_and_accounts_take_as_many_statements_as_one(
    platform: Platform, factory: Factory
) -> None:
    mover = await factory.member()
    tree = await _tree(factory)
    items = [tree["X"], *[await factory.item(tree["P"]) for _ in range(5)]]
    for _ in range(4):
        member = await factory.member()
        await factory.membership(tree["P"]["path"], member["id"], "write")
        await factory.membership(tree["D"]["path"], member["id"], "read")
    statements = await _move(platform, mover, items, tree["D"])
    assert len(statements) == 2
    kept = await platform.reads.all(
        select(item_membership.c.id).where(item_membership.c.permission == "write")
    )
    assert len(kept) == 4 + 4 * len(items)


async def test_nobody_gets_a_membership_in_a_tree_while_it_moves(
    platform: Platform, factory: Factory
) -> None:
    tree = await _tree(factory)

    async def add_elsewhere(item: Any) -> None:
        async with platform.unit_of_work() as other:
            await other.execute(text("set local lock_timeout = '20ms'"))
            await add_all(other, item, {}, creator_id=None)

    async with platform.unit_of_work() as uow:
        await lock_memberships(uow, [tree["X"]["path"], tree["D"]["path"]])
        for item in tree.values():
            with pytest.raises(asyncpg.LockNotAvailableError):
                await add_elsewhere(item)
        await add_elsewhere(await factory.item())


async def _tree(factory: Factory) -> dict[str, Any]:
    """P > X > Y, and a folder D beside it; nobody has any access."""
    p, d = await factory.item(name="P"), await factory.item(name="D")
    x = await factory.item(p, name="X")
    return {"P": p, "X": x, "Y": await factory.item(x, name="Y"), "D": d}


def _names(tree: dict[str, Any]) -> dict[UUID, str]:
    return {item["id"]: name for name, item in tree.items()}
