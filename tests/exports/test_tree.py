"""The Graasp archive of an item."""

import io
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from fastapi import FastAPI

from graasp.apps.tables import app_setting
from graasp.platform import Platform
from tests.factories import Factory
from tests.pictures import picture, size_of

Cookie = Callable[[UUID], dict[str, str]]
HeadersAs = Callable[[Any, str], Awaitable[dict[str, str]]]


async def _export(
    client: httpx.AsyncClient, item: Any, headers: dict[str, str]
) -> tuple[list[Any], dict[str, bytes]]:
    answer = await client.post(f"/api/items/{item['id']}/graasp-export", headers=headers)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[-1] == "graasp-manifest.json"
        entries = {name: archive.read(name) for name in archive.namelist()}
    return orjson.loads(entries.pop("graasp-manifest.json")), entries


async def test_the_manifest_tells_the_tree_and_the_entries_hold_its_bytes(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    headers = cookie_for(owner["id"])
    root = await factory.owned_item(
        owner, name="Straße / 1", description="<p>d</p>", settings={"isPinned": True}
    )
    await client.post(
        f"/api/items/upload?id={root['id']}", files={"f": ("é.png", picture(), "image/png")}, headers=headers
    )
    inner = await factory.item(root, name="inner")
    await factory.item(
        inner, name="deep", type="document", extra={"document": {"content": "<p>x</p>", "flavor": "info"}}
    )
    link = {"url": "https://l.example.org", "title": "t"}
    await factory.item(root, name="link", type="embeddedLink", extra={"embeddedLink": link})
    app = await factory.item(root, name="app", type="app", extra={"app": {"url": "https://a.example.org"}})
    await factory.insert(app_setting, item_id=app["id"], creator_id=owner["id"], name="s", data={"x": [1]})
    await factory.insert(
        app_setting, item_id=app["id"], creator_id=owner["id"], name="f", data={"file": {"path": "k"}}
    )
    await factory.item(root, name="page", type="page")
    await factory.item(root, name="short", type="shortcut", extra={"shortcut": {"target": str(root["id"])}})
    await factory.item(
        root, name="lost", type="file", extra={"file": {"path": "files/lost", "mimetype": "text/plain"}}
    )

    (top,), entries = await _export(client, root, headers)
    assert (top["name"], top["type"], top["description"]) == ("Straße / 1", "folder", "<p>d</p>")
    assert top["settings"] == {"isPinned": True}
    assert top["extra"] == {"folder": {}}
    children = {child["name"]: child for child in top["children"]}
    # In their order: the upload went first.
    assert list(children) == ["é.png", "inner", "link", "app"]
    file = children["é.png"]
    assert entries[file["id"]] == picture()
    assert (file["mimetype"], file["extra"]["file"]["size"]) == ("image/png", len(picture()))
    assert set(file["extra"]["file"]) == {"name", "mimetype", "size", "content"}, "no storage key"
    assert file["thumbnailFilename"] == f"{file['id']}-thumbnail"
    assert size_of(entries[file["thumbnailFilename"]]) == (300, 200)
    (deep,) = children["inner"]["children"]
    assert deep["extra"] == {"document": {"content": "<p>x</p>", "flavor": "info"}}
    assert entries[deep["id"]] == b"<p>x</p>"
    assert children["link"]["extra"] == {"embeddedLink": link}
    (setting,) = children["app"]["appSettings"]
    assert set(setting) == {"name", "data", "createdAt", "updatedAt", "itemId"}, "nothing of its creator"
    assert (setting["name"], setting["data"]) == ("s", {"x": [1]})
    everything = orjson.dumps(top).decode()
    assert str(root["id"]) not in everything
    assert owner["email"] not in everything
    assert "mimetype" not in top
    assert set(entries) == {c["id"] for c in (file, deep, children["link"], children["app"])} | {
        file["thumbnailFilename"]
    }


async def test_the_download_is_named_after_the_item(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    for name, header in (
        ("a b: é?", 'filename="a%20b_%20%C3%A9_.zip"'),
        ("con", 'filename="_.zip"'),
        ("../..", 'filename="..__.zip"'),
    ):
        item = await factory.owned_item(owner, name=name)
        answer = await client.post(f"/api/items/{item['id']}/graasp-export", headers=cookie_for(owner["id"]))
        assert answer.headers["content-disposition"] == header
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["access-control-expose-headers"] == "Content-Disposition"


@pytest.mark.parametrize(
    ("kind", "extra", "in_manifest"),
    [
        ("document", {"document": {"content": "x"}}, True),
        ("document", {}, True),
        ("folder", {"folder": {"isCapsule": True}}, True),
        ("app", {}, True),
        ("page", {}, False),
        ("shortcut", {"shortcut": {"target": str(uuid4())}}, False),
        ("etherpad", {}, False),
        ("file", {"file": "odd"}, False),
    ],
)
async def test_an_item_of_any_type_is_exported_alone(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    kind: str,
    extra: Any,
    in_manifest: bool,
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner, type=kind, extra=extra)
    manifest, _ = await _export(client, item, cookie_for(owner["id"]))
    assert [element["type"] for element in manifest] == ([kind] if in_manifest else [])


@pytest.mark.parametrize(
    ("who", "visibility", "status"),
    [
        ("nobody", None, 403),
        ("nobody", "public", 200),
        ("guest", None, 200),
        ("unvalidated", None, 200),
        ("stranger", None, 403),
        ("read", None, 200),
        ("read", "hidden", 403),
        ("write", "hidden", 200),
    ],
)
async def test_who_may_export(
    client: httpx.AsyncClient,
    factory: Factory,
    headers_as: HeadersAs,
    who: str,
    visibility: str | None,
    status: int,
) -> None:
    item = await factory.item()
    if visibility:
        await factory.visibility(item["path"], visibility)
    answer = await client.post(f"/api/items/{item['id']}/graasp-export", headers=await headers_as(item, who))
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "GERR016"


async def test_what_is_not_there_is_not_exported(client: httpx.AsyncClient, factory: Factory) -> None:
    recycled = await factory.item()
    await factory.visibility(recycled["path"], "public")
    await factory.recycle(recycled)
    for item_id, status in ((recycled["id"], 404), (uuid4(), 404), ("x", 400)):
        answer = await client.post(f"/api/items/{item_id}/graasp-export")
        assert answer.status_code == status


async def test_hidden_items_are_left_out_with_what_lies_below_unless_one_may_write(
    client: httpx.AsyncClient, factory: Factory, headers_as: HeadersAs, cookie_for: Cookie
) -> None:
    root = await factory.item(name="F")
    hidden = await factory.item(root, name="hidden")
    below = await factory.item(hidden, name="below")
    await factory.item(root, name="shown")
    await factory.visibility(hidden["path"], "hidden")
    (seen,), _ = await _export(client, root, await headers_as(root, "read"))
    assert [child["name"] for child in seen["children"]] == ["shown"]
    (seen,), _ = await _export(client, root, await headers_as(root, "write"))
    assert [child["name"] for child in seen["children"]] == ["hidden", "shown"]
    # Write access below something hidden opens nothing above it.
    writer = await factory.member()
    await factory.membership(root["path"], writer["id"], "read")
    await factory.membership(below["path"], writer["id"], "write")
    (seen,), _ = await _export(client, root, cookie_for(writer["id"]))
    assert [child["name"] for child in seen["children"]] == ["shown"]


async def test_statements_depend_on_hundreds_of_items_not_on_items(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, count_statements: Any
) -> None:
    owner = await factory.member()
    root = await factory.owned_item(owner)
    counts = []
    for _ in range(2):
        for number in range(15):
            await factory.item(root, name=f"{number}", type="app", extra={"app": {"url": "https://a.test"}})
        with count_statements() as statements:
            await _export(client, root, cookie_for(owner["id"]))
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_a_storage_that_fails_at_once_is_told_instead_of_an_archive(
    app: FastAPI,
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner = await factory.member()
    file = {"name": "f", "path": "files/a", "mimetype": "text/plain", "size": 1}
    item = await factory.owned_item(owner, type="file", extra={"file": file})

    async def fail(_: str) -> None:
        raise ConnectionError("storage is away")

    monkeypatch.setattr(app.state.platform.storage, "size", fail)
    answer = await client.post(f"/api/items/{item['id']}/graasp-export", headers=cookie_for(owner["id"]))
    assert answer.status_code == 500
    assert answer.json() == {
        "name": "UNEXPECTED_EXPORT_ERROR",
        "code": "GPIZERR003",
        "message": "UNEXPECTED_EXPORT_ERROR",
        "statusCode": 500,
        "origin": "graasp-plugin-item-zip",
    }
