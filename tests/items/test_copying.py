"""Copies of item trees: what comes along, what stays, where the copy goes and what it is called."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from graasp.apps.tables import app_data, app_setting
from graasp.auth.gates import Caller
from graasp.db.database import Row
from graasp.geolocation.tables import item_geolocation
from graasp.http.errors import DomainError, FormattedError
from graasp.invitations.tables import invitation
from graasp.items.copying import copy_trees, free_name, read_tree
from graasp.items.tables import item, item_view
from graasp.memberships.authorization import Permission, authorize
from graasp.memberships.tables import item_membership
from graasp.pages.tables import page_update
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from graasp.storage import StoredFileNotFound
from graasp.visibility.tables import item_visibility
from tests.factories import Factory
from tests.statements import counted


def caller_of(member: Any) -> Caller:
    return Caller(
        id=member["id"],
        name=member["name"],
        type="individual",
        is_validated=True,
        lang="en",
        saves_actions=True,
    )


async def copy(
    platform: Platform, member: Any, source: Any, destination: Any = None, **options: Any
) -> list[Row]:
    reads = platform.reads
    folder = (
        await authorize(reads, member["id"], destination["id"], Permission.WRITE) if destination else None
    )
    tree = await read_tree(reads, member["id"], source["id"])
    async with platform.unit_of_work() as uow:
        trees = [tree] * len(options.get("names", [""]))
        return await copy_trees(uow, caller_of(member), trees, folder, **options)


async def below(platform: Platform, root: Any) -> dict[str, Row]:
    """`{name: row}` of a tree, in its order."""
    rows = await platform.reads.all(
        select(item_view)
        .where(item_view.c.path.op("<@")(root["path"]))
        .order_by(item_view.c.path, item_view.c.order)
    )
    return {row["name"]: row for row in rows}


async def store(platform: Platform, key: str, content: bytes) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    await platform.storage.put(key, chunks(), content_type="text/plain", metadata={})


async def stored(platform: Platform, key: str) -> bytes:
    return b"".join([chunk async for chunk in platform.storage.open(key)])


async def everything_stored(platform: Platform) -> set[str]:
    folders = ("files", "thumbnails", "apps")
    return {key for folder in folders async for key in platform.storage.list(folder)}


async def test_rows_are_copied_with_new_ids_and_the_same_content(
    platform: Platform, factory: Factory
) -> None:
    owner, author = await factory.member(), await factory.member()
    home = await factory.owned_item(owner)
    existing = await factory.item(home)
    root = await factory.item(creator=author, name="Course", description="<b>d</b>", lang="fr")
    await factory.membership(root["path"], owner["id"], "read")
    await factory.membership(root["path"], author["id"], "admin")
    content = {"document": {"content": "<p>text</p>"}}
    page = await factory.item(root, name="doc", type="document", extra=content, settings={"isPinned": True})
    folder = await factory.item(root, name="folder")
    shortcut = {"shortcut": {"target": str(page["id"])}}
    await factory.item(folder, name="link", type="shortcut", extra=shortcut)
    await factory.recycle(await factory.item(root, name="recycled"))
    await factory.insert(invitation, item_path=root["path"], email="a@example.org")
    await factory.visibility(root["path"], "public")

    (copied,) = await copy(platform, owner, root, home)
    assert copied["path"].startswith(f"{home['path']}.")
    assert copied["order"] > existing["order"]
    rows = await below(platform, copied)
    assert set(rows) == {"Course", "doc", "folder", "link"}
    assert {row["creator_id"] for row in rows.values()} == {owner["id"]}
    assert not {row["id"] for row in rows.values()} & {root["id"], page["id"], folder["id"]}
    assert (rows["Course"]["description"], rows["Course"]["lang"]) == ("<b>d</b>", "fr")
    assert (rows["doc"]["extra"], rows["doc"]["settings"]) == (content, {"isPinned": True})
    assert rows["link"]["extra"] == shortcut
    assert rows["link"]["path"].startswith(rows["folder"]["path"])
    assert rows["doc"]["order"] < rows["folder"]["order"]
    for table in (item_membership, item_visibility, invitation):
        there = await platform.reads.all(
            select(table.c.item_path).where(table.c.item_path.op("<@")(copied["path"]))
        )
        assert there == []


@pytest.mark.parametrize(("permission", "own"), [("write", ["admin"]), ("admin", []), (None, ["admin"])])
async def test_whoever_copies_administers_the_copy(
    platform: Platform, factory: Factory, permission: str | None, own: list[str]
) -> None:
    member = await factory.member()
    source = await factory.owned_item(member)
    home = None
    if permission:
        home = await factory.item()
        await factory.membership(home["path"], member["id"], permission)
    (copied,) = await copy(platform, member, source, home)
    rows = await platform.reads.all(
        select(item_membership).where(item_membership.c.item_path == copied["path"])
    )
    assert [row["permission"] for row in rows] == own
    assert all(row["account_id"] == row["creator_id"] == member["id"] for row in rows)


async def test_readers_copy_only_what_they_see_and_hidden_stays_hidden(
    platform: Platform, factory: Factory
) -> None:
    owner, reader = await factory.member(), await factory.member()
    above = await factory.owned_item(owner)
    root = await factory.item(above, name="root")
    shown = await factory.item(root, name="shown")
    hidden = await factory.item(root, name="hidden")
    inside = await factory.item(hidden, name="inside")
    await factory.item(inside, name="deep inside")
    for path in (hidden["path"], inside["path"]):
        await factory.visibility(path, "hidden")
    await factory.membership(root["path"], reader["id"], "read")
    await factory.membership(inside["path"], reader["id"], "write")

    (for_reader,) = await copy(platform, reader, root)
    assert set(await below(platform, for_reader)) == {"root (2)", "shown"}
    (for_owner,) = await copy(platform, owner, root)
    copies = await below(platform, for_owner)
    assert set(copies) == {"root", "shown", "hidden", "inside", "deep inside"}

    async def hidden_below(path: str) -> list[str]:
        rows = await platform.reads.all(
            select(item_visibility).where(item_visibility.c.item_path.op("<@")(path))
        )
        assert all((row["type"], row["creator_id"]) == ("hidden", None) for row in rows)
        return [row["item_path"] for row in rows]

    assert await hidden_below(for_owner["path"]) == [copies["hidden"]["path"]]
    assert await hidden_below(for_reader["path"]) == []
    await factory.visibility(above["path"], "hidden")
    (inherited,) = await copy(platform, owner, shown)
    assert await hidden_below(inherited["path"]) == [inherited["path"]]


async def test_every_copy_is_where_its_original_is(platform: Platform, factory: Factory) -> None:
    owner = await factory.member()
    above = await factory.owned_item(owner)
    root = await factory.item(above, name="root")
    child = await factory.item(root, name="child")
    for path, lat in ((above["path"], 1.0), (child["path"], 2.0)):
        place = {"country": "CH", "addressLabel": f"at {lat}", "helperLabel": None}
        await factory.insert(item_geolocation, item_path=path, lat=lat, lng=7.0, **place)
    (copied,) = await copy(platform, owner, root)
    rows = await platform.reads.all(
        select(item_geolocation).where(item_geolocation.c.item_path.op("<@")(copied["path"]))
    )
    copies = await below(platform, copied)
    assert {row["item_path"]: (row["lat"], row["country"], row["addressLabel"]) for row in rows} == {
        copies["root"]["path"]: (1.0, "CH", "at 1.0"),
        copies["child"]["path"]: (2.0, "CH", "at 2.0"),
    }


async def test_files_thumbnails_settings_and_pages_are_the_copies_own(
    platform: Platform, factory: Factory
) -> None:
    owner, author = await factory.member(), await factory.member()
    root = await factory.owned_item(owner, settings={"hasThumbnail": True})
    file = {"name": "a.TXT", "path": "files/0/1/a.txt", "mimetype": "text/plain", "size": 4, "altText": "alt"}
    await factory.item(root, name="file", type="file", extra={"file": file})
    app = await factory.item(root, name="app", type="app", extra={"app": {"url": "https://app.test"}})
    page = await factory.item(root, name="page", type="page", extra={})
    await factory.insert(page_update, item_id=page["id"], update=b"\0\0", clock=7)
    plain = await factory.insert(
        app_setting, item_id=app["id"], name="plain", data={"a": 1}, creator_id=author["id"]
    )
    forged = {"file": {"path": "files/of/somebody/else", "name": "n", "mimetype": "m"}}
    await factory.insert(app_setting, item_id=app["id"], name="forged", data=forged)
    setting_id, shared_id = uuid4(), uuid4()
    own_path, shared_path = (
        f"apps/app-setting/{app['id']}/{setting_id}",
        f"apps/app-setting/{uuid4()}/{uuid4()}",
    )
    own = {"file": {"path": own_path, "name": "n", "mimetype": "m"}}
    await factory.insert(app_setting, id=setting_id, item_id=app["id"], name="file", data=own)
    # A copy that another server made.
    shared = {"file": {"path": shared_path, "name": "n", "mimetype": "m"}}
    await factory.insert(app_setting, id=shared_id, item_id=app["id"], name="shared", data=shared)
    await factory.insert(
        app_data, item_id=app["id"], account_id=owner["id"], type="t", visibility="item", data={}
    )
    objects = {
        "files/0/1/a.txt": b"text",
        f"thumbnails/{root['id']}/small": b"small",
        f"thumbnails/{root['id']}/original": b"original",
        own_path: b"setting",
        shared_path: b"shared",
        "files/of/somebody/else": b"secret",
    }
    for key, content in objects.items():
        await store(platform, key, content)

    copied, _ = await copy(platform, owner, root, names=["one", "two"])
    copies = await below(platform, copied)
    copied_file = copies["file"]["extra"]["file"]
    assert copied_file["path"] not in objects
    assert copied_file["path"].startswith("files/")
    assert copied_file["path"].endswith(".TXT")
    assert {**copied_file, "path": file["path"]} == file
    assert await stored(platform, copied_file["path"]) == b"text"
    assert await stored(platform, f"thumbnails/{copied['id']}/small") == b"small"
    assert await stored(platform, f"thumbnails/{copied['id']}/original") == b"original"

    settings = await platform.reads.all(
        select(app_setting).where(app_setting.c.item_id == copies["app"]["id"]).order_by(app_setting.c.name)
    )
    made = {row["name"]: row for row in settings}
    assert {name: row["creator_id"] for name, row in made.items()} == {
        "file": None,
        "forged": None,
        "plain": author["id"],
        "shared": None,
    }
    for name, content in (("file", b"setting"), ("shared", b"shared")):
        key = f"apps/app-setting/{copies['app']['id']}/{made[name]['id']}"
        assert made[name]["data"] == {"file": {"path": key, "name": "n", "mimetype": "m"}}
        assert await stored(platform, key) == content
    assert made["forged"]["data"] == forged
    assert made["plain"]["data"] == plain["data"]
    pages = await platform.reads.all(select(page_update).where(page_update.c.item_id == copies["page"]["id"]))
    assert [(row["update"], row["clock"]) for row in pages] == [(b"\0\0", 0)]
    data = await platform.reads.all(select(app_data.c.item_id))
    assert [row["item_id"] for row in data] == [app["id"]]
    assert len(await everything_stored(platform)) == len(objects) + 2 * 5


async def test_texts_are_copied_without_being_read(platform: Platform, factory: Factory) -> None:
    owner = await factory.member()
    root = await factory.owned_item(owner)
    file = {
        "name": "a.pdf",
        "path": "files/0/1/a.pdf",
        "mimetype": "application/pdf",
        "size": 4,
        "content": "text",
    }
    contents = {"file": file, "document": {"content": "text"}, "app": {"url": "https://text.test"}}
    for kind, content in contents.items():
        await factory.item(root, name=kind, type=kind, description="text", extra={kind: content})
    tree = await read_tree(platform.reads, owner["id"], root["id"])
    assert "text" not in str([dict(row) for row in tree.rows[1:]])
    (copied,) = await copy(platform, owner, root)
    copies = await below(platform, copied)
    path = copies["file"]["extra"]["file"]["path"]
    assert {kind: copies[kind]["extra"] for kind in contents} == {
        kind: {kind: content | ({"path": path} if kind == "file" else {})}
        for kind, content in contents.items()
    }
    assert path != file["path"]


@pytest.mark.parametrize(
    ("options", "code"), [({"max_storage_bytes": 150}, "GPFERR009"), ({"max_children": 1}, "GERR010")]
)
async def test_a_copy_that_fails_leaves_nothing_behind(
    platform: Platform,
    factory: Factory,
    make_settings: Callable[..., Settings],
    options: dict[str, int],
    code: str,
) -> None:
    owner = await factory.member()
    home = await factory.owned_item(owner)
    root = await factory.owned_item(owner)
    file = {"name": "a", "path": "files/0/1/a", "mimetype": "text/plain", "size": 60}
    await factory.item(root, name="file", type="file", extra={"file": file}, creator=owner)
    await store(platform, "files/0/1/a", b"x" * 60)
    async with open_platform(make_settings(**options)) as limited:
        with pytest.raises((DomainError, FormattedError)) as refused:
            await copy(limited, owner, root, home, names=["one", "two"])
    assert refused.value.code == code
    assert await everything_stored(platform) == {"files/0/1/a"}
    assert len(await platform.reads.all(select(item.c.id))) == 3


async def test_what_storage_has_lost_does_not_stop_a_copy(platform: Platform, factory: Factory) -> None:
    owner = await factory.member()
    lost = {"name": "a", "path": "files/0/1/lost", "mimetype": "text/plain", "size": 4}
    for extra in ({"file": lost}, {"file": lost | {"path": "../../etc/passwd"}}, {"file": "nonsense"}, {}):
        source = await factory.owned_item(owner, type="file", extra=extra, settings={"hasThumbnail": True})
        (copied,) = await copy(platform, owner, source)
        if isinstance(extra.get("file"), dict):
            assert copied["extra"]["file"]["path"] not in ("files/0/1/lost", "../../etc/passwd")
            with pytest.raises(StoredFileNotFound):
                await stored(platform, copied["extra"]["file"]["path"])
        else:
            assert copied["extra"] == extra


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"max_tree_levels": 3}, "GERR009"),
        ({"max_children": 2}, "GERR010"),
        ({"max_copied_items": 5}, "GERR011"),
    ],
)
async def test_limits_hold_for_all_copies_together(
    platform: Platform,
    factory: Factory,
    make_settings: Callable[..., Settings],
    options: dict[str, int],
    code: str,
) -> None:
    owner = await factory.member()
    source = await factory.owned_item(owner)
    await factory.item(await factory.item(source))
    home = await factory.owned_item(owner)
    await factory.item(home)
    async with open_platform(make_settings(**options)) as limited:
        with pytest.raises(DomainError) as refused:
            await copy(limited, owner, source, home, names=["one", "two"])
    assert refused.value.code == code
    assert len(await below(platform, home)) == 2


async def test_only_folders_take_copies_and_only_what_can_be_read_is_copied(
    platform: Platform, factory: Factory
) -> None:
    owner = await factory.member()
    source = await factory.owned_item(owner)
    document = await factory.owned_item(owner, type="document")
    with pytest.raises(DomainError) as no_folder:
        await copy(platform, owner, source, document)
    assert no_folder.value.code == "GERR029"
    with pytest.raises(DomainError) as secret:
        await copy(platform, owner, await factory.item())
    assert secret.value.code == "GERR016"
    await factory.recycle(source)
    with pytest.raises(FormattedError) as gone:
        await copy(platform, owner, source)
    assert gone.value.code == "GERR001"


async def test_siblings_without_a_proper_order_get_one_in_the_copy_alone(
    platform: Platform, factory: Factory
) -> None:
    owner = await factory.member()
    root = await factory.owned_item(owner)
    children = [
        await factory.item(root, name=name, order=order)
        for name, order in (("a", 20), ("b", 20), ("c", None))
    ]
    (copied,) = await copy(platform, owner, root)
    copies = await below(platform, copied)
    assert [int(copies[name]["order"]) for name in "abc"] == [20, 40, 60]
    rows = await platform.reads.all(select(item).where(item.c.id.in_([c["id"] for c in children])))
    assert {row["name"]: row["order"] for row in rows} == {"a": 20, "b": 20, "c": None}


async def test_a_name_that_is_taken_beside_the_copy_is_numbered(platform: Platform, factory: Factory) -> None:
    owner = await factory.member()
    home = await factory.owned_item(owner, name="A")
    source = await factory.item(home, name="A")
    await factory.item(home, name="A (2)")
    assert [row["name"] for row in await copy(platform, owner, source, home)] == ["A (3)"]
    assert [row["name"] for row in await copy(platform, owner, source)] == ["A (2)"]
    async with platform.database.transaction() as transaction:
        await transaction.execute(update(item).values(name="B").where(item.c.id == home["id"]))
    assert [row["name"] for row in await copy(platform, owner, source)] == ["A"]
    # A number that is not at the end is part of the name.
    chapter = await factory.item(home, name="A (2) b")
    assert [row["name"] for row in await copy(platform, owner, chapter, home)] == ["A (2) b (2)"]


@pytest.mark.parametrize(
    ("name", "taken", "free"),
    [
        ("A", set(), "A"),
        ("A", {"a"}, "A"),
        ("A", {"A"}, "A (2)"),
        ("A", {"A", "A (2)"}, "A (3)"),
        ("A (2)", {"A (2)"}, "A (3)"),
        ("A (9)", {"A (9)"}, "A (10)"),
        ("A(2)", {"A(2)"}, "A(2) (2)"),
        ("x" * 500, {"x" * 500}, "x" * 496 + " (2)"),
    ],
)
def test_how_names_are_numbered(name: str, taken: set[str], free: str) -> None:
    assert free_name(name, taken) == free


@given(
    st.text(min_size=1, max_size=3).flatmap(
        lambda base: st.tuples(st.just(base), st.sets(st.integers(1, 12)), st.integers(1, 200))
    )
)
def test_a_numbered_name_is_free_and_fits(case: tuple[str, set[int], int]) -> None:
    base, numbers, repeat = case
    name = (base * repeat)[:500]
    taken = {name} | {f"{name[:490]} ({number})" for number in numbers}
    found = free_name(name, taken)
    assert found not in taken
    assert 0 < len(found) <= 500


@pytest.mark.parametrize(("items", "copies"), [(3, 1), (40, 3)])
async def test_the_number_of_statements_depends_neither_on_the_tree_nor_on_the_copies(
    platform: Platform, factory: Factory, items: int, copies: int
) -> None:
    owner = await factory.member()
    home = await factory.owned_item(owner)
    source = await factory.owned_item(owner)
    for kind in ("app", "page", "document"):
        for _ in range(items):
            made = await factory.item(source, type=kind)
            if kind == "app":
                await factory.insert(app_setting, item_id=made["id"], name="s", data={})
    with counted(platform.database) as statements:
        roots = await copy(platform, owner, source, home, names=[f"copy {n}" for n in range(copies)])
    assert [root["name"] for root in roots] == [f"copy {n}" for n in range(copies)]
    assert len(await platform.reads.all(select(item.c.id))) == 2 + 3 * items + copies * (1 + 3 * items)
    assert len(statements) == 16


async def test_copies_made_at_once_do_not_get_in_each_others_way(
    platform: Platform, factory: Factory
) -> None:
    owner = await factory.member()
    home, source = await factory.owned_item(owner), await factory.owned_item(owner, name="A")
    await asyncio.gather(*(copy(platform, owner, source, home) for _ in range(4)))
    rows = await platform.reads.all(select(item).where(item.c.path.op("~")(f"{home['path']}.*{{1}}")))
    assert sorted(row["name"] for row in rows) == ["A", "A (2)", "A (3)", "A (4)"]
    assert len({row["order"] for row in rows}) == 4
