"""Deletion for good: the rows, what they leave in storage, and who may."""

from collections.abc import AsyncIterator, Callable
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.items.tables import item
from graasp.memberships.tables import item_membership
from graasp.platform import Platform
from graasp.settings import Settings
from tests.factories import Factory
from tests.items.trees.operations import Operations, Stored

Tree = dict[str, Any]


@pytest.fixture
async def tree(factory: Factory) -> Tree:
    """A folder with a file that has a thumbnail and an app, and another folder, administered by anna."""
    anna = await factory.member(name="anna")
    folder = await factory.owned_item(anna, name="folder")
    file = await factory.item(
        folder,
        name="file",
        type="file",
        extra={"file": {"name": "a.txt", "path": "files/1/2/3-a.txt", "mimetype": "text/plain", "size": 1}},
        settings={"hasThumbnail": True},
    )
    app = await factory.item(folder, name="app", type="app", extra={"app": {"url": "https://app.test"}})
    other = await factory.owned_item(anna, name="other")
    return {"anna": anna, "folder": folder, "file": file, "app": app, "other": other}


async def _store(platform: Platform, *keys: str) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"x"

    for key in keys:
        await platform.storage.put(key, content(), content_type="text/plain", metadata={})


async def _everything_stored(platform: Platform) -> set[str]:
    folders = ("files", "thumbnails", "apps")
    return {key for folder in folders async for key in platform.storage.list(folder)}


async def test_the_whole_tree_goes_and_what_it_left_in_storage(
    tree: Tree, operations: Operations, stored: Stored, platform: Platform
) -> None:
    thumbnail = f"thumbnails/{tree['file']['id']}/small"
    data = f"apps/app-data/{tree['app']['id']}/{uuid4()}"
    kept = f"thumbnails/{tree['other']['id']}/small"
    await _store(platform, "files/1/2/3-a.txt", "files/1/2/4-other.txt", thumbnail, data, kept)
    result = await operations.result(tree["anna"], "delete", [tree["folder"]])
    names = {row["name"] for row in result.values()}
    assert names == {"folder", "file", "app"}
    assert {row["id"] for row in result.values()} == set(result)
    assert set(await stored()) == {"other"}
    assert await _everything_stored(platform) == {"files/1/2/4-other.txt", kept}


async def test_more_than_fits_in_memory_goes_with_what_it_left_and_comes_back_without_its_contents(
    tree: Tree, operations: Operations, factory: Factory, platform: Platform
) -> None:
    for _ in range(5):
        text = {"document": {"content": token_urlsafe(1024 * 1024)}}
        await factory.item(tree["folder"], type="document", extra=text, settings={"enableSaveActions": False})
    await _store(platform, "files/1/2/3-a.txt", f"thumbnails/{tree['file']['id']}/small")
    result = await operations.result(tree["anna"], "delete", [tree["folder"]])
    assert [row["extra"] for row in result.values() if row["type"] == "document"] == [{}] * 5
    assert await _everything_stored(platform) == set()
    assert len(await platform.reads.all(select(action))) == 3


async def test_what_another_item_has_too_stays(
    tree: Tree, operations: Operations, factory: Factory, platform: Platform
) -> None:
    await _store(platform, "files/1/2/3-a.txt", "files/old")
    await factory.item(tree["other"], type="file", extra=tree["file"]["extra"])
    await factory.item(tree["folder"], type="file", extra={"file": {"path": "files/old"}})
    old = await factory.item(tree["other"], type="file", extra={"file": {"key": "files/old"}})
    await operations.result(tree["anna"], "delete", [tree["folder"]])
    assert await _everything_stored(platform) == {"files/1/2/3-a.txt", "files/old"}
    await factory.recycle(old)
    await operations.result(tree["anna"], "delete", [tree["other"]])
    assert await _everything_stored(platform) == {"files/old"}


async def test_recycled_items_go_too_asked_for_or_below(
    tree: Tree, operations: Operations, stored: Stored, factory: Factory
) -> None:
    await factory.recycle(tree["file"])
    await factory.recycle(tree["other"])
    result = await operations.result(tree["anna"], "delete", [tree["other"], tree["folder"]])
    assert {row["name"] for row in result.values()} == {"folder", "file", "app", "other"}
    assert await stored() == {}


async def test_actions_stay_without_their_item_and_each_deleted_row_is_one(
    tree: Tree, operations: Operations, factory: Factory, platform: Platform
) -> None:
    await factory.insert(action, type="item-view", view="player", item_id=tree["file"]["id"])
    await operations.result(tree["anna"], "delete", [tree["folder"]])
    rows = await platform.reads.all(select(action))
    assert {row["item_id"] for row in rows} == {None}
    deleted = {row["extra"]["itemId"] for row in rows if row["type"] == "delete"}
    assert deleted == {str(tree[name]["id"]) for name in ("folder", "file", "app")}


async def test_of_items_that_save_no_actions_none_is_recorded(
    tree: Tree, operations: Operations, factory: Factory, platform: Platform
) -> None:
    await factory.item(tree["other"], settings={"enableSaveActions": False})
    await operations.result(tree["anna"], "delete", [tree["other"]])
    rows = await platform.reads.all(select(action))
    assert [row["extra"] for row in rows] == [{"itemId": str(tree["other"]["id"])}]


async def test_only_admins_delete_and_unknown_items_are_no_different(
    tree: Tree, operations: Operations, stored: Stored, factory: Factory, platform: Platform
) -> None:
    writer = await factory.member()
    await factory.membership(tree["folder"]["path"], writer["id"], "write")
    await factory.membership(tree["other"]["path"], writer["id"], "admin")
    before = await stored()
    for items in ([tree["other"], tree["folder"]], [tree["other"], {"id": uuid4()}]):
        assert await operations.refusal(writer, "delete", items) == "USER_CANNOT_ADMIN_ITEM"
    assert await stored() == before
    assert await platform.reads.all(
        select(item_membership).where(item_membership.c.account_id == writer["id"])
    )


async def test_a_key_that_is_none_of_a_file_is_not_deleted(
    tree: Tree, operations: Operations, factory: Factory, platform: Platform
) -> None:
    await _store(platform, f"apps/app-data/{uuid4()}/x", "files/1/2/3-a.txt")
    before = await _everything_stored(platform)
    [foreign] = [key for key in before if key.startswith("apps/")]
    hostile = await factory.owned_item(tree["anna"], type="file", extra={"file": {"path": foreign}})
    await operations.result(tree["anna"], "delete", [hostile])
    assert await _everything_stored(platform) == before


class TestLimits:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(max_deleted_items=3)

    async def test_items_are_counted_once(
        self, tree: Tree, operations: Operations, platform: Platform
    ) -> None:
        anna = tree["anna"]
        items = [tree["folder"], tree["other"]]
        assert await operations.refusal(anna, "delete", items) == "TOO_MANY_DESCENDANTS"
        await operations.result(anna, "delete", [tree["folder"], tree["file"]])
        assert [row["name"] for row in await platform.reads.all(select(item))] == ["other"]
