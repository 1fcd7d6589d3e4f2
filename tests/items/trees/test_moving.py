"""Moves: where trees go, in what order, who keeps access, and what is refused as a whole."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from graasp.visibility.tables import item_visibility
from tests.factories import Factory
from tests.items.trees.operations import Operations, Stored, permissions
from tests.statements import counted

Tree = dict[str, Any]


@pytest.fixture
async def tree(factory: Factory) -> Tree:
    """P > X > Y > Z and D, administered by anna; E is in D."""
    anna = await factory.member(name="anna")
    p = await factory.owned_item(anna, name="P")
    x = await factory.item(p, name="X")
    y = await factory.item(x, name="Y")
    z = await factory.item(y, name="Z", type="document", extra={"document": {"content": "z"}})
    d = await factory.owned_item(anna, name="D")
    e = await factory.item(d, name="E", order=20)
    return {"anna": anna, "P": p, "X": x, "Y": y, "Z": z, "D": d, "E": e}


async def test_a_tree_moves_last_into_a_folder_with_all_below_it(
    tree: Tree, operations: Operations, stored: Stored, factory: Factory
) -> None:
    gone = await factory.item(tree["Y"], name="gone")
    await factory.recycle(gone)
    result = await operations.result(tree["anna"], "move", [tree["X"]], into=tree["D"])
    after = await stored()
    assert [row["path"] for row in result["items"]] == [tree["X"]["path"]]
    assert [row["path"] for row in result["moved"]] == [after["X"]["path"]]
    assert after["X"]["path"] == f"{tree['D']['path']}.{tree['X']['path'].rpartition('.')[2]}"
    for name, parent in (("Y", "X"), ("Z", "Y"), ("gone", "Y")):
        assert after[name]["path"].rpartition(".")[0] == after[parent]["path"]
    assert after["X"]["order"] == 40
    # What lies below keeps its place among its siblings.
    assert after["Y"]["order"] == tree["Y"]["order"]
    assert after["gone"]["deleted_at"] is not None


async def test_several_items_go_in_the_order_of_their_ids(
    tree: Tree, operations: Operations, stored: Stored, factory: Factory
) -> None:
    b, a = [await factory.item(tree["P"], name=name) for name in "BA"]
    result = await operations.result(tree["anna"], "move", [a, tree["X"], b], into=tree["D"])
    assert [row["name"] for row in result["moved"]] == ["A", "X", "B"]
    after = await stored()
    assert [after[name]["order"] for name in ("E", "A", "X", "B")] == [20, 40, 60, 80]


async def test_at_the_root_items_have_no_order(tree: Tree, operations: Operations, stored: Stored) -> None:
    await operations.result(tree["anna"], "move", [tree["Y"]])
    after = await stored()
    assert after["Y"]["order"] is None
    assert "." not in after["Y"]["path"]
    assert after["Z"]["path"] == f"{after['Y']['path']}.{tree['Z']['path'].rpartition('.')[2]}"


async def test_items_of_one_another_are_moved_out_of_each_other(
    tree: Tree, operations: Operations, stored: Stored
) -> None:
    result = await operations.result(tree["anna"], "move", [tree["Y"], tree["X"]], into=tree["D"])
    assert [row["name"] for row in result["moved"]] == ["Y", "X"]
    after = await stored()
    assert {after[name]["path"].rpartition(".")[0] for name in "XY"} == {tree["D"]["path"]}


async def test_who_had_more_at_the_old_place_keeps_it_if_the_new_one_knows_the_account(
    tree: Tree, operations: Operations, stored: Stored, factory: Factory, platform: Platform
) -> None:
    """The contract's example: P(anna admin, bob read, cedric write) > X(bob write), D(anna write, bob admin)."""
    anna, bob, cedric, david = tree["anna"], *[await factory.member() for _ in range(3)]
    d = await factory.item(name="D2")
    for row, account, level in (
        (tree["P"], bob, "read"),
        (tree["P"], cedric, "write"),
        (tree["X"], bob, "write"),
        (tree["X"], david, "read"),
        (d, anna, "write"),
        (d, bob, "admin"),
    ):
        await factory.membership(row["path"], account["id"], level)
    await operations.result(anna, "move", [tree["X"]], into=d)
    x = (await stored())["X"]
    assert await permissions(platform, x["path"]) == {anna["id"]: "admin", david["id"]: "read"}
    await operations.result(anna, "move", [x])
    x = (await stored())["X"]
    assert await permissions(platform, x["path"]) == {
        anna["id"]: "admin",
        bob["id"]: "admin",
        david["id"]: "read",
    }


async def test_what_belongs_to_the_items_comes_along(
    tree: Tree, operations: Operations, stored: Stored, factory: Factory, platform: Platform
) -> None:
    hidden = await factory.visibility(tree["Y"]["path"], "hidden")
    await operations.result(tree["anna"], "move", [tree["X"]], into=tree["D"])
    table = (await stored())["Y"]["path"]
    [row] = await platform.reads.all(select(item_visibility))
    assert (row["id"], row["item_path"]) == (hidden["id"], table)


async def test_each_moved_root_is_an_action(tree: Tree, operations: Operations, platform: Platform) -> None:
    await operations.result(tree["anna"], "move", [tree["X"]], into=tree["D"])
    [row] = await platform.reads.all(select(action))
    assert (row["type"], row["item_id"], row["account_id"]) == ("move", tree["X"]["id"], tree["anna"]["id"])
    assert row["extra"] == {
        "itemId": str(tree["X"]["id"]),
        "body": {"parentId": str(tree["D"]["id"])},
    }


async def test_the_address_of_whoever_asked_is_not_kept_with_the_job(
    tree: Tree, operations: Operations, platform: Platform
) -> None:
    await operations.result(tree["anna"], "move", [tree["X"]], into=tree["D"])
    [row] = await platform.reads.all(select(job).where(job.c.name == "move-items"))
    assert (row["state"], row["payload"]) == ("succeeded", None)


@pytest.mark.parametrize(
    ("moved", "into", "reason"),
    [
        ("X", "Z", "Item is not a folder"),
        ("X", "Y", "INVALID_MOVE_TARGET"),
        ("X", "X", "INVALID_MOVE_TARGET"),
        ("X", "P", "INVALID_MOVE_TARGET"),
        ("P", None, "INVALID_MOVE_TARGET"),
    ],
)
async def test_targets_that_are_none(
    moved: str, into: str | None, reason: str, tree: Tree, operations: Operations, stored: Stored
) -> None:
    before = await stored()
    target = tree[into] if into else None
    assert await operations.refusal(tree["anna"], "move", [tree[moved]], into=target) == reason
    assert await stored() == before


async def test_all_or_none(tree: Tree, operations: Operations, stored: Stored, factory: Factory) -> None:
    foreign = await factory.item(name="foreign")
    before = await stored()
    refused = await operations.refusal(tree["anna"], "move", [tree["X"], foreign], into=tree["D"])
    assert refused == "MEMBER_CANNOT_ACCESS"
    unknown = {"id": uuid4()}
    assert await operations.refusal(tree["anna"], "move", [tree["X"], unknown], into=tree["D"]) == (
        f"ITEM_NOT_FOUND {unknown['id']}"
    )
    assert await stored() == before


@pytest.mark.parametrize(
    ("on_item", "on_target", "reason"),
    [
        ("write", "admin", "USER_CANNOT_ADMIN_ITEM"),
        ("admin", "read", "USER_CANNOT_WRITE_ITEM"),
        (None, "admin", "MEMBER_CANNOT_ACCESS"),
        ("admin", None, "MEMBER_CANNOT_ACCESS"),
    ],
)
async def test_what_a_mover_needs(
    on_item: str | None,
    on_target: str | None,
    reason: str,
    tree: Tree,
    operations: Operations,
    factory: Factory,
) -> None:
    mover = await factory.member()
    for row, level in ((tree["X"], on_item), (tree["D"], on_target)):
        if level:
            await factory.membership(row["path"], mover["id"], level)
    assert await operations.refusal(mover, "move", [tree["X"]], into=tree["D"]) == reason


async def test_depth_counts_the_levels_of_the_tree_itself(
    tree: Tree, operations: Operations, stored: Stored, factory: Factory
) -> None:
    deep = tree["D"]
    for level in range(2, 13):
        deep = await factory.item(deep, name=f"level {level}")
    await operations.result(tree["anna"], "move", [tree["X"]], into=deep)
    assert (await stored())["Z"]["path"].count(".") == 14
    leaf = await factory.item(tree["P"], name="leaf")
    deepest = (await stored())["Y"]
    await operations.result(tree["anna"], "move", [leaf], into=deepest)
    y = await factory.item(tree["P"], name="Y2")
    await factory.item(y, name="child")
    assert await operations.refusal(tree["anna"], "move", [y], into=deepest) == "HIERARCHY_TOO_DEEP"


class TestLimits:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(max_children=2, max_moved_items=3)

    async def test_children_and_sizes(self, tree: Tree, operations: Operations, factory: Factory) -> None:
        anna = tree["anna"]
        a, b = [await factory.item(tree["P"]) for _ in range(2)]
        assert await operations.refusal(anna, "move", [a, b], into=tree["D"]) == "TOO_MANY_CHILDREN"
        await operations.result(anna, "move", [tree["X"]], into=tree["D"])
        await factory.item(tree["D"], name="one more")
        e = await factory.owned_item(anna)
        assert await operations.refusal(anna, "move", [tree["D"]], into=e) == "TOO_MANY_DESCENDANTS"


@pytest.mark.parametrize("query", ["", "?id=x", "?" + "&".join(f"id={UUID(int=n)}" for n in range(21))])
@pytest.mark.parametrize("path", ["move", "copy", "recycle", "restore", "delete"])
async def test_ids_are_one_to_twenty_different_ones(
    query: str, path: str, tree: Tree, operations: Operations
) -> None:
    row = tree["X"]
    answer = await operations.ask(tree["anna"], path, [row, row])
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")
    method = "DELETE" if path == "delete" else "POST"
    url = f"/api/items{'' if path == 'delete' else '/' + path}{query}"
    answer = await operations._client.request(method, url, json={} if method == "POST" else None)
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")


async def test_the_statements_do_not_depend_on_the_size(
    tree: Tree,
    operations: Operations,
    factory: Factory,
    platform: Platform,
) -> None:
    async def statements(row: Any, into: Any) -> int:
        with counted(platform.database) as caused:
            await operations.result(tree["anna"], "move", [row], into=into)
        return len(caused)

    large = await factory.item(tree["P"], name="large")
    for _ in range(30):
        await factory.item(large)
    small = await factory.item(tree["P"], name="small")
    assert await statements(small, tree["D"]) == await statements(large, tree["E"])
