"""What is told of what a job has done."""

from typing import Any

import pytest

from tests.factories import Factory
from tests.items.trees.operations import Operations, operations

__all__ = ["operations"]


@pytest.mark.parametrize(("documents", "is_whole"), [(3, True), (5, False)])
async def test_more_than_can_be_sent_is_told_without_its_contents(
    operations: Operations, factory: Factory, documents: int, is_whole: bool
) -> None:
    anna = await factory.member()
    folder = await factory.owned_item(anna, name="folder")
    content = {"document": {"content": "x" * 1024 * 1024}}
    for _ in range(documents):
        await factory.item(folder, type="document", extra=content)
    recycled: list[Any] = await operations.result(anna, "recycle", [folder])
    assert (recycled[0]["name"], recycled[0]["path"]) == ("folder", folder["path"])
    assert [row["extra"] for row in recycled[1:]] == [content if is_whole else {}] * documents
