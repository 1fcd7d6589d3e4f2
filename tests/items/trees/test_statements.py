"""Whatever is done to a tree, the number of statements does not depend on what is in it."""

from typing import Any

import pytest

from graasp.geolocation.tables import item_geolocation
from graasp.platform import Platform
from tests.factories import Factory
from tests.items.trees.operations import Operations
from tests.statements import counted


async def _tree(factory: Factory, owner: Any, of_each: int) -> Any:
    """Items of several kinds, each with what may belong to one."""
    root = await factory.owned_item(owner)
    others = [await factory.member() for _ in range(of_each)]
    for number in range(of_each):
        file = {"name": "n", "path": f"files/{number}", "mimetype": "text/plain", "size": 1}
        folder = await factory.item(root)
        await factory.item(folder, type="file", extra={"file": file})
        await factory.item(folder, type="app", extra={"app": {"url": "https://example.org"}})
        await factory.item(folder, type="document", extra={"document": {"content": "x"}})
        await factory.visibility(folder["path"], "hidden")
        await factory.membership(folder["path"], others[number]["id"], "write")
        await factory.insert(item_geolocation, item_path=folder["path"], lat=1, lng=1)
    return root


@pytest.mark.parametrize("operation", ["move", "copy", "recycle", "restore", "delete"])
async def test_the_statements_do_not_depend_on_the_size(
    operation: str, operations: Operations, factory: Factory, platform: Platform
) -> None:
    anna = await factory.member()

    async def statements(of_each: int) -> int:
        tree = await _tree(factory, anna, of_each)
        into = await factory.owned_item(anna) if operation in ("move", "copy") else None
        if operation == "restore":
            await operations.result(anna, "recycle", [tree])
        with counted(platform.database) as caused:
            await operations.result(anna, operation, [tree], into=into)
        return len(caused)

    assert await statements(2) == await statements(20)
