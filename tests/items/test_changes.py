"""Creating and changing items: what is kept, what is dropped, what is refused."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.items.tables import item
from graasp.platform import Platform
from tests.factories import Factory
from tests.pages_to_parse import unclosed

Cookie = Callable[[UUID], dict[str, str]]

FILE = {"name": "a.png", "path": "files/1/2/3", "mimetype": "image/png", "size": 3}
KINDS: dict[str, dict[str, Any]] = {
    "folder": {"isCapsule": True},
    "app": {"url": "https://app.test"},
    "file": FILE,
    "document": {"content": "<p>old</p>", "flavor": "info"},
    "embeddedLink": {"url": "https://a.test", "title": "old"},
}


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member()


@pytest.fixture
def post(client: httpx.AsyncClient, anna: Any, cookie_for: Cookie) -> Any:
    async def send(path: str, body: Any) -> httpx.Response:
        return await client.post(f"/api/items{path}", json=body, headers=cookie_for(anna["id"]))

    return send


@pytest.fixture
def patch(client: httpx.AsyncClient, anna: Any, cookie_for: Cookie) -> Any:
    async def send(path: str, body: Any) -> httpx.Response:
        return await client.patch(f"/api/items{path}", json=body, headers=cookie_for(anna["id"]))

    return send


def _owned(factory: Factory, anna: Any, kind: str, **columns: Any) -> Any:
    return factory.owned_item(anna, type=kind, extra={kind: KINDS[kind]}, **columns)


async def _row(platform: Platform, row: Any) -> Any:
    return await platform.reads.first(select(item).where(item.c.id == row["id"]))


# --- creating ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "kind", "extra"),
    [
        ("/folders", {"extra": {"folder": {"isCapsule": True}}}, "folder", {"folder": {}}),
        ("/capsules", {}, "folder", {"folder": {"isCapsule": True}}),
        (
            "/documents",
            {"content": "<p>a</p>", "flavor": "error", "isRaw": True},
            "document",
            {"document": {"content": "<p>a</p>", "flavor": "error", "isRaw": True}},
        ),
        ("/documents/", {"content": "a & b"}, "document", {"document": {"content": "a &amp; b"}}),
        ("/apps", {"url": "https://app.test/x?a=1"}, "app", {"app": {"url": "https://app.test/x?a=1"}}),
        ("", {"type": "folder"}, "folder", {"folder": {}}),
        ("/", {"type": "folder", "extra": {"folder": {"isCapsule": True}}}, "folder", {"folder": {}}),
        (
            "",
            {"type": "app", "extra": {"app": {"url": "https://app.test", "settings": {"a": 1}}}},
            "app",
            {"app": {"url": "https://app.test", "settings": {"a": 1}}},
        ),
        (
            "",
            {"type": "document", "extra": {"document": {"content": "<i>a</i><script>x()</script>"}}},
            "document",
            {"document": {"content": "<i>a</i>"}},
        ),
    ],
)
async def test_what_each_kind_is_made_of(
    post: Any, platform: Platform, path: str, body: Any, kind: str, extra: Any
) -> None:
    settings = {"isPinned": "true", "maxWidth": "md", "unknown": 1}
    hostile = {"path": "x", "creatorId": str(uuid4()), "id": str(uuid4()), "order": 1}
    answer = await post(path, {"name": 12, "description": "<b>d</b>", "settings": settings} | hostile | body)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["name"], made["description"], made["type"]) == ("12", "<b>d</b>", kind)
    assert made["extra"] == extra
    assert made["settings"] == {"hasThumbnail": False, "isPinned": True, "maxWidth": "md"}
    assert set(made) == {
        *("id", "name", "type", "description", "path", "lang", "settings", "extra", "createdAt", "updatedAt")
    }
    assert made["createdAt"].endswith("Z")
    (recorded,) = await platform.reads.all(select(action))
    assert (recorded["type"], recorded["extra"]) == ("create", {"itemId": made["id"]})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/folders", {}),
        ("/folders", {"name": "x" * 501}),
        ("/folders", {"name": "x", "description": "x" * 5001}),
        # Longer once it is safe.
        ("/folders", {"name": "x", "description": "&" * 4000}),
        ("/folders", {"name": "x", "settings": None}),
        ("/folders", {"name": "x", "settings": {"maxWidth": "huge"}}),
        ("/folders", {"name": "x", "settings": {"ccLicenseAdaption": "MIT"}}),
        ("/folders", {"name": "nul\0"}),
        ("/documents", {"name": "x"}),
        ("/documents", {"name": "x", "content": ""}),
        ("/documents", {"name": "x", "content": "a", "flavor": "loud"}),
        ("/apps", {"name": "x", "url": "app.test"}),
        ("", {"name": "x"}),
        ("", {"name": "x", "type": "app"}),
        ("", {"name": "x", "type": "app", "extra": {}}),
        ("", {"name": "x", "type": "document", "extra": {"document": {}}}),
        ("", {"name": "x", "type": "document", "extra": {"document": {"content": unclosed(60)}}}),
        ("/folders", {"name": "x", "lang": "x" * 101}),
        ("/documents", {"name": "x", "content": unclosed(60)}),
        ("/documents", {"name": "x", "content": unclosed(400)}),
        ("", {"name": "x", "type": "embeddedLink", "extra": {"embeddedLink": {}}}),
        ("", {"name": "x", "type": "shortcut", "extra": {"shortcut": {}}}),
        ("", {"name": "x", "type": "file", "extra": {"file": FILE}}),
        ("", {"name": "x", "type": "h5p", "extra": {"h5p": {"contentId": str(uuid4())}}}),
        ("", {"name": "x", "type": "etherpad", "extra": {"etherpad": {"padID": "a", "groupID": "b"}}}),
        ("", {"name": "x", "type": "page", "extra": {}}),
        ("", {"name": "x", "type": "unknown"}),
    ],
)
async def test_what_no_item_is_made_of(post: Any, platform: Platform, path: str, body: Any) -> None:
    answer = await post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION"), answer.text
    assert await platform.reads.all(select(item)) == []


@pytest.mark.parametrize(
    ("sent", "parent_lang", "caller_lang", "lang"),
    [
        (None, None, "de", "de"),
        ("fr", None, "de", "fr"),
        ("", "it", "de", "it"),
        (None, "it", "de", "it"),
        ("anything", "it", "de", "anything"),
    ],
)
async def test_the_language_of_a_new_item(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    sent: str | None,
    parent_lang: str | None,
    caller_lang: str,
    lang: str,
) -> None:
    member = await factory.member(extra={"lang": caller_lang})
    query = ""
    if parent_lang:
        query = f"?parentId={(await factory.owned_item(member, lang=parent_lang))['id']}"
    body = {"name": "x"} | ({} if sent is None else {"lang": sent})
    answer = await client.post(f"/api/items/folders{query}", json=body, headers=cookie_for(member["id"]))
    assert answer.json()["lang"] == lang


@pytest.mark.parametrize(("inherited", "own_rows"), [("admin", 0), ("write", 1)])
async def test_the_creator_becomes_admin_unless_it_is_one_already(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, inherited: str, own_rows: int
) -> None:
    folder, member = await factory.item(), await factory.member()
    await factory.membership(folder["path"], member["id"], inherited)
    headers = cookie_for(member["id"])
    made = await client.post(
        f"/api/items/folders?parentId={folder['id']}", json={"name": "x"}, headers=headers
    )
    answer = await client.get(f"/api/items/{made.json()['id']}/memberships", headers=headers)
    own = [row for row in answer.json() if row["item"]["id"] == made.json()["id"]]
    assert len(own) == own_rows
    assert all(row["permission"] == "admin" for row in own)


# --- changing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sent", "stored"),
    [
        ("folder", {"isCapsule": False, "childrenOrder": []}, KINDS["folder"]),
        ("app", {"url": "https://evil.test"}, KINDS["app"]),
        ("file", {"altText": "alt", "path": "files/secret", "size": 0}, FILE | {"altText": "alt"}),
        (
            "document",
            {"content": "<p onclick=x()>new</p>", "flavor": "none", "hacked": 1},
            {"content": "<p>new</p>", "flavor": "none"},
        ),
        # Whoever edits a document may empty it.
        ("document", {"content": ""}, {"content": "", "flavor": "info"}),
        ("embeddedLink", {"url": "https://a.test", "title": "hacked"}, KINDS["embeddedLink"]),
    ],
)
async def test_only_the_known_parts_of_an_items_own_extra_change(
    patch: Any, factory: Factory, anna: Any, platform: Platform, kind: str, sent: Any, stored: Any
) -> None:
    row = await _owned(factory, anna, kind)
    answer = await patch(f"/{row['id']}", {"extra": {kind: sent}, "id": str(row["id"])})
    assert answer.status_code == 200, answer.text
    assert (await _row(platform, row))["extra"] == {kind: stored}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"h5p": {}},
        {"etherpad": {"padID": "x"}},
        "text",
        3,
        {"folder": {}},
        {"app": {"url": "https://b.test"}},
    ],
)
async def test_the_extra_of_another_kind_is_refused(
    patch: Any, factory: Factory, anna: Any, platform: Platform, kind: str, extra: Any
) -> None:
    if isinstance(extra, dict) and kind in extra:
        extra = {"shortcut": {"target": str(uuid4())}}
    row = await _owned(factory, anna, kind)
    answer = await patch(f"/{row['id']}", {"extra": extra, "name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")
    kept = await _row(platform, row)
    assert (kept["extra"], kept["name"]) == (row["extra"], row["name"])


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("file", {}),
        ("file", {"altText": []}),
        ("document", {}),
        ("document", {"content": "a", "flavor": "x"}),
        ("embeddedLink", {}),
    ],
)
async def test_incomplete_extras_are_refused(
    patch: Any, factory: Factory, anna: Any, kind: str, sent: Any
) -> None:
    row = await _owned(factory, anna, kind)
    answer = await patch(f"/{row['id']}", {"extra": {kind: sent}})
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")
    assert answer.json()["message"].startswith(f"body/extra/{kind}")


async def test_nothing_to_change(patch: Any, factory: Factory, anna: Any) -> None:
    row = await _owned(factory, anna, "folder", description="d")
    for nothing in ({}, {"unknown": 1}, {"id": str(row["id"])}):
        answer = await patch(f"/{row['id']}", nothing)
        assert (answer.status_code, answer.json()["code"]) == (400, "GERR036")
    for bad in ({"name": ""}, {"name": None}, {"settings": None}, {"description": "x" * 5001}):
        answer = await patch(f"/{row['id']}", bad)
        assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION"), bad
    for cleared in (None, ""):
        answer = await patch(f"/{row['id']}", {"description": cleared})
        assert (answer.status_code, answer.json()["description"]) == (200, cleared)


async def test_settings_change_key_by_key(patch: Any, factory: Factory, anna: Any) -> None:
    row = await _owned(
        factory, anna, "folder", settings={"hasThumbnail": False, "ccLicenseAdaption": "CC BY", "old": 1}
    )
    for settings in ({"isPinned": True}, {"ccLicenseAdaption": None}, {"isCollapsible": 1, "unknown": 2}):
        answer = await patch(f"/{row['id']}", {"settings": settings})
    assert answer.json()["settings"] == {
        "hasThumbnail": False,
        "ccLicenseAdaption": None,
        "isPinned": True,
        "isCollapsible": True,
    }


async def test_changes_made_at_the_same_time_are_all_kept(
    patch: Any, factory: Factory, anna: Any, platform: Platform
) -> None:
    row = await _owned(factory, anna, "file")
    names = ("isPinned", "showChatbox", "isResizable", "displayCoEditors", "isCollapsible")
    changes = [{"settings": {name: True}} for name in names]
    changes += [{"name": "new"}, {"extra": {"file": {"altText": "alt"}}}]
    answers = await asyncio.gather(*[patch(f"/{row['id']}", change) for change in changes])
    assert {answer.status_code for answer in answers} == {200}
    kept = await _row(platform, row)
    assert kept["settings"] == {"hasThumbnail": False} | dict.fromkeys(names, True)
    assert (kept["name"], kept["extra"]["file"]["altText"]) == ("new", "alt")


@pytest.mark.parametrize(
    ("path", "kind"), [("folders", "folder"), ("apps", "app"), ("documents", "document"), ("files", "file")]
)
async def test_the_operations_of_one_kind(
    patch: Any, factory: Factory, anna: Any, platform: Platform, path: str, kind: str
) -> None:
    row = await _owned(factory, anna, kind, description="d")
    hostile = {"path": "x", "type": "folder", "deletedAt": "2026-01-01", "order": 3, "extra": {kind: {}}}
    answer = await patch(f"/{path}/{row['id']}", {"name": "new", "lang": "fr", "description": None} | hostile)
    assert answer.status_code == (204 if kind == "file" else 200)
    kept = await _row(platform, row)
    assert (kept["name"], kept["lang"], kept["description"]) == ("new", "fr", None)
    for column in ("path", "type", "deleted_at", "order", "extra", "creator_id"):
        assert kept[column] == row[column]
    empty = await patch(f"/{path}/{row['id']}", {})
    assert (empty.status_code, empty.json()["code"]) == (400, "FST_ERR_VALIDATION")
    other = await _owned(factory, anna, "app" if kind == "folder" else "folder")
    wrong = await patch(f"/{path}/{other['id']}", {"name": "x"})
    assert wrong.json()["message"] == f"Item does not have the correct type {other['type']}"


async def test_a_document_changes_part_by_part(patch: Any, factory: Factory, anna: Any) -> None:
    row = await _owned(factory, anna, "document")
    await patch(f"/documents/{row['id']}", {"isRaw": True, "settings": {"isPinned": True}})
    answer = await patch(f"/documents/{row['id']}", {"content": "<p>new</p><iframe></iframe>"})
    assert answer.json()["extra"]["document"] == {"content": "<p>new</p>", "flavor": "info", "isRaw": True}
    assert answer.json()["settings"]["isPinned"] is True


async def test_what_is_recorded_of_a_change(
    patch: Any, factory: Factory, anna: Any, platform: Platform
) -> None:
    row = await _owned(factory, anna, "folder", settings={"hasThumbnail": False})
    await patch(f"/{row['id']}", {"name": "new", "settings": {"isPinned": True}, "unknown": 1})
    (recorded,) = await platform.reads.all(select(action))
    assert (recorded["type"], recorded["item_id"]) == ("update", row["id"])
    assert recorded["extra"] == {
        "itemId": str(row["id"]),
        "body": {"name": "new", "settings": {"hasThumbnail": False, "isPinned": True}},
    }
    await patch(f"/{row['id']}", {"settings": {"enableSaveActions": False}})
    assert len(await platform.reads.all(select(action))) == 1
    document = await _owned(factory, anna, "document", settings={"hasThumbnail": False})
    await patch(f"/documents/{document['id']}", {"settings": {"isPinned": True}, "content": "new"})
    (_, recorded) = await platform.reads.all(select(action).order_by(action.c.created_at))
    assert recorded["extra"]["body"] == {"settings": {"isPinned": True}, "content": "new"}


async def test_folders_and_capsules_turn_into_each_other(
    post: Any, factory: Factory, anna: Any, platform: Platform
) -> None:
    folder = await factory.owned_item(anna, extra={"folder": {"childrenOrder": []}})
    for _ in range(2):
        answer = await post(f"/folders/{folder['id']}/convert", {})
        assert answer.json()["extra"]["folder"]["isCapsule"] is True
    answer = await post(f"/capsules/{folder['id']}/convert", {})
    assert answer.json()["extra"]["folder"] == {"childrenOrder": [], "isCapsule": False}
    assert await platform.reads.all(select(action)) == []
    # A non-folder is told to an outsider too.
    document = await factory.item(type="document", extra={"document": {"content": "x"}})
    for path in ("folders", "capsules"):
        answer = await post(f"/{path}/{document['id']}/convert", {})
        assert (answer.status_code, answer.json()["code"]) == (400, "GERR029")


async def test_a_malformed_stored_extra_does_not_break_a_change(
    patch: Any, factory: Factory, anna: Any
) -> None:
    row = await factory.owned_item(anna, type="document", extra=["nonsense"])
    answer = await patch(f"/{row['id']}", {"extra": {"document": {"content": "a"}}})
    assert (answer.status_code, answer.json()["extra"]) == (200, {"document": {"content": "a"}})
