"""Copies of several items at once, as their user asks for them; what a copy is made of is in `test_copying` above."""

from typing import Any

import pytest
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.platform import Platform
from tests.factories import Factory
from tests.items.trees.operations import Operations, Stored

Tree = dict[str, Any]


@pytest.fixture
async def tree(factory: Factory) -> Tree:
    """A and B (with C below), administered by anna, and the empty D."""
    anna = await factory.member(name="anna")
    a = await factory.owned_item(anna, name="A")
    b = await factory.owned_item(anna, name="B")
    c = await factory.item(b, name="C")
    d = await factory.owned_item(anna, name="D")
    return {"anna": anna, "A": a, "B": b, "C": c, "D": d}


async def test_copies_come_in_the_order_of_the_ids_behind_what_is_there(
    tree: Tree, operations: Operations, factory: Factory
) -> None:
    await factory.item(tree["D"], name="first", order=20)
    result = await operations.result(tree["anna"], "copy", [tree["B"], tree["A"]], into=tree["D"])
    assert [row["id"] for row in result["items"]] == [str(tree["B"]["id"]), str(tree["A"]["id"])]
    assert [(row["name"], row["order"]) for row in result["copies"]] == [("B", 40), ("A", 60)]


async def test_copies_of_the_same_name_are_numbered_among_themselves(
    tree: Tree, operations: Operations, stored: Stored, factory: Factory
) -> None:
    twin = await factory.owned_item(tree["anna"], name="A")
    result = await operations.result(tree["anna"], "copy", [tree["A"], twin], into=tree["D"])
    assert [row["name"] for row in result["copies"]] == ["A", "A (2)"]
    result = await operations.result(tree["anna"], "copy", [tree["A"]])
    assert [row["name"] for row in result["copies"]] == ["A (2)"]
    assert result["copies"][0]["order"] is None


async def test_each_copy_is_an_action(tree: Tree, operations: Operations, platform: Platform) -> None:
    result = await operations.result(tree["anna"], "copy", [tree["A"], tree["B"]], into=tree["D"])
    rows = await platform.reads.all(select(action))
    assert {(row["type"], str(row["item_id"])) for row in rows} == {
        ("copy", copy["id"]) for copy in result["copies"]
    }


async def test_all_or_none(tree: Tree, operations: Operations, stored: Stored, factory: Factory) -> None:
    foreign = await factory.item(name="foreign")
    refused = await operations.refusal(tree["anna"], "copy", [tree["A"], foreign], into=tree["D"])
    assert refused == "MEMBER_CANNOT_ACCESS"
    assert not [row for row in (await stored()).values() if row["path"].startswith(f"{tree['D']['path']}.")]


async def test_reading_is_enough_for_the_original_and_writing_for_the_folder(
    tree: Tree, operations: Operations, factory: Factory
) -> None:
    reader = await factory.member()
    await factory.visibility(tree["B"]["path"], "public")
    assert len((await operations.result(reader, "copy", [tree["B"]]))["copies"]) == 1
    refused = await operations.refusal(reader, "copy", [tree["B"]], into=tree["D"])
    assert refused == "MEMBER_CANNOT_ACCESS"
    await factory.membership(tree["D"]["path"], reader["id"], "read")
    refused = await operations.refusal(reader, "copy", [tree["B"]], into=tree["D"])
    assert refused == "USER_CANNOT_WRITE_ITEM"
