"""The pictures that stand for items."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.geolocation.tables import item_geolocation
from graasp.items.tables import item
from graasp.platform import Platform
from graasp.settings import Settings
from tests.factories import Factory
from tests.pictures import picture

Cookie = Callable[[UUID], dict[str, str]]

PICTURE = ("photo.png", picture(), "image/png")
SIZES = ("small", "medium", "large", "original")


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member()


@pytest.fixture
async def folder(factory: Factory, anna: Any) -> Any:
    return await factory.owned_item(anna, name="folder")


async def _keys(platform: Platform) -> list[str]:
    return [key async for key in platform.storage.list("thumbnails")]


async def _items(platform: Platform) -> list[Any]:
    return list(await platform.reads.all(select(item).order_by(item.c.created_at)))


async def test_a_thumbnail_comes_and_goes(
    client: httpx.AsyncClient, cookie_for: Cookie, platform: Platform, anna: Any, folder: Any
) -> None:
    url, headers = f"/api/items/{folder['id']}/thumbnails", cookie_for(anna["id"])
    none = await client.get(f"{url}/small", headers=headers)
    assert (none.status_code, none.json()) == (200, None)
    posted = await client.post(url, files={"any": PICTURE}, headers=headers)
    assert (posted.status_code, posted.content) == (204, b"")
    assert set(await _keys(platform)) == {f"thumbnails/{folder['id']}/{size}" for size in SIZES}
    for size in SIZES:
        link = await client.get(f"{url}/{size}", headers=headers)
        assert link.headers["content-type"] == "text/plain; charset=utf-8"
        served = await client.get(httpx.URL(link.text).raw_path.decode())
        assert (served.status_code, served.headers["content-type"]) == (200, "image/webp")
    packed = (await client.get(f"/api/items/{folder['id']}", headers=headers)).json()
    assert set(packed["thumbnails"]) == {"small", "medium"}
    assert packed["settings"]["hasThumbnail"] is True
    for _ in range(2):
        assert (await client.delete(url, headers=headers)).status_code == 204
    assert await _keys(platform) == []
    packed = (await client.get(f"/api/items/{folder['id']}", headers=headers)).json()
    assert "thumbnails" not in packed
    assert (await client.get(f"{url}/huge", headers=headers)).status_code == 400
    assert await platform.reads.all(select(action)) == []


async def test_errors_have_the_form_that_is_declared(
    client: httpx.AsyncClient, cookie_for: Cookie, app: FastAPI, anna: Any, folder: Any
) -> None:
    headers = cookie_for(anna["id"])
    unknown = uuid4()
    missing = await client.delete(f"/api/items/{unknown}/thumbnails", headers=headers)
    assert (missing.status_code, missing.json()) == (
        404,
        {"statusCode": 404, "code": "GERR001", "error": "Not Found", "message": f"ITEM_NOT_FOUND {unknown}"},
    )
    invalid = await client.delete("/api/items/x/thumbnails", headers=headers)
    assert (invalid.status_code, invalid.json()["error"]) == (400, "Bad Request")

    async def fail(*_: Any, **__: Any) -> None:
        raise OSError("no space left at /var/files")

    app.state.platform.storage.put = fail
    broken = await client.post(
        f"/api/items/{folder['id']}/thumbnails", files={"any": PICTURE}, headers=headers
    )
    assert broken.status_code == 500
    assert broken.json() == {
        "message": f"UPLOAD_FILE_UNEXPECTED_ERROR {{ memberId: '{anna['id']}' }}",
        "name": "FastifyError",
        "code": "GPFERR010",
        "statusCode": 500,
    }


async def test_a_missing_picture_is_told(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, anna: Any
) -> None:
    lost = await factory.owned_item(anna, settings={"hasThumbnail": True})
    answer = await client.get(f"/api/items/{lost['id']}/thumbnails/small", headers=cookie_for(anna["id"]))
    assert answer.status_code == 404
    assert (answer.json()["code"], answer.json()["data"]) == (
        "GPFERR006",
        {"filepath": f"thumbnails/{lost['id']}/small"},
    )


@pytest.mark.parametrize(
    "file",
    [
        None,
        ("notes.txt", b"text", "text/plain"),
        ("broken.png", b"\x89PNG\r\n\x1a\n broken", "image/png"),
        ("empty.png", b"", "image/png"),
    ],
)
async def test_what_is_no_picture(
    client: httpx.AsyncClient, cookie_for: Cookie, platform: Platform, anna: Any, folder: Any, file: Any
) -> None:
    files = {"file": file} if file else {"field": (None, "text")}
    answer = await client.post(
        f"/api/items/{folder['id']}/thumbnails", files=files, headers=cookie_for(anna["id"])
    )
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "FILE_IS_NOT_IMAGE",
        "name": "FastifyError",
        "code": "GPTERR001",
        "statusCode": 400,
    }
    assert await _keys(platform) == []
    assert (await _items(platform))[0]["settings"] == {"hasThumbnail": False}


async def test_the_type_is_asked_before_the_permission_and_the_permission_before_the_picture(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, folder: Any, platform: Platform
) -> None:
    headers = cookie_for((await factory.member())["id"])
    url = f"/api/items/{folder['id']}/thumbnails"
    text = await client.post(url, files={"f": ("a.txt", b"x", "text/plain")}, headers=headers)
    assert text.json()["code"] == "GPTERR001"
    broken = await client.post(url, files={"f": ("a.png", b"x", "image/png")}, headers=headers)
    assert broken.json()["code"] == "GERR016"
    not_a_form = await client.post(url, json={}, headers=headers)
    assert (not_a_form.status_code, not_a_form.json()["code"]) == (406, "FST_INVALID_MULTIPART_CONTENT_TYPE")
    large = await client.post(
        url, files={"f": ("a.png", b"x" * (10 * 1024 * 1024 + 1), "image/png")}, headers=headers
    )
    assert (large.status_code, large.json()["code"]) == (413, "FST_REQ_FILE_TOO_LARGE")


async def test_an_item_is_made_with_its_picture(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    platform: Platform,
    anna: Any,
    folder: Any,
) -> None:
    first = await factory.item(folder)
    form = {
        "name": "document",
        "type": "document",
        "description": "<p onclick='x()'>d</p>",
        "settings": orjson.dumps({"isPinned": True}).decode(),
        "geolocation": orjson.dumps({"lat": 46.52, "lng": 6.63}).decode(),
        "extra": orjson.dumps({"document": {"content": "<b>x</b><script>y()</script>"}}).decode(),
    }
    answer = await client.post(
        f"/api/items/with-thumbnail?parentId={folder['id']}&previousItemId={first['id']}",
        data=form,
        files={"photo": PICTURE},
        headers=cookie_for(anna["id"]),
    )
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["name"], made["type"], made["description"]) == ("document", "document", "<p>d</p>")
    assert made["settings"] == {"hasThumbnail": True, "isPinned": True}
    assert made["extra"] == {"document": {"content": "<b>x</b>"}}
    assert len(await _keys(platform)) == 4
    assert [row["country"] for row in await platform.reads.all(select(item_geolocation))] == ["CH"]
    assert [row["type"] for row in await platform.reads.all(select(action))] == ["create"]
    children = (
        await client.get(f"/api/items/{folder['id']}/children", headers=cookie_for(anna["id"]))
    ).json()
    assert [child["id"] for child in children] == [str(first["id"]), made["id"]]


async def test_fields_may_come_after_the_file(
    client: httpx.AsyncClient, cookie_for: Cookie, anna: Any
) -> None:
    files = [("photo", PICTURE), ("type", (None, "folder")), ("name", (None, "late"))]
    answer = await client.post("/api/items/with-thumbnail", files=files, headers=cookie_for(anna["id"]))
    assert (answer.status_code, answer.json()["name"]) == (200, "late")


@pytest.mark.parametrize("kind", ["folder", "document", "h5p", "file", "page"])
async def test_folders_with_pictures_are_folders(
    client: httpx.AsyncClient, cookie_for: Cookie, anna: Any, kind: str
) -> None:
    form = {"name": "new", "type": kind, "extra": '{"folder": {"isCapsule": true}}'}
    answer = await client.post(
        "/api/items/folders-with-thumbnail",
        data=form,
        files={"photo": PICTURE},
        headers=cookie_for(anna["id"]),
    )
    assert (answer.json()["type"], answer.json()["extra"]) == ("folder", {"folder": {}})


@pytest.mark.parametrize(
    ("form", "file", "code"),
    [
        ({}, PICTURE, "FST_ERR_VALIDATION"),
        ({"name": "x"}, PICTURE, "FST_ERR_VALIDATION"),
        ({"name": "", "type": "folder"}, PICTURE, "FST_ERR_VALIDATION"),
        ({"name": "x" * 501, "type": "folder"}, PICTURE, "FST_ERR_VALIDATION"),
        ({"name": "x", "type": "unknown"}, PICTURE, "FST_ERR_VALIDATION"),
        ({"name": "x", "type": "folder", "settings": "{"}, PICTURE, "FST_ERR_VALIDATION"),
        ({"name": "x", "type": "folder", "settings": '{"maxWidth": 3}'}, PICTURE, "FST_ERR_VALIDATION"),
        ({"name": "x", "type": "folder", "settings": '{"unknown": 3}'}, PICTURE, "FST_ERR_VALIDATION"),
        (
            {"name": "x", "type": "folder", "geolocation": '{"lat": 1, "lng": 1, "country": "CH"}'},
            PICTURE,
            "FST_ERR_VALIDATION",
        ),
        ({"name": "x", "type": "folder", "geolocation": "[]"}, PICTURE, "FST_ERR_VALIDATION"),
        ({"name": "x", "type": "folder", "geolocation": '{"lat": 1}'}, PICTURE, "GIGEOERR002"),
        ({"name": "x", "type": "app", "extra": "{}"}, PICTURE, "FST_ERR_VALIDATION"),
        # Storage keys never come from a client.
        (
            {"name": "x", "type": "file", "extra": '{"file": {"name": "x", "path": "files/a"}}'},
            PICTURE,
            "FST_ERR_VALIDATION",
        ),
        ({"name": "x", "type": "folder"}, None, "GERR033"),
        ({"name": "x", "type": "folder"}, ("a.png", b"broken", "image/png"), "GPTERR001"),
        ({"name": "x", "type": "folder"}, ("a.txt", b"text", "text/plain"), "GPTERR001"),
    ],
)
async def test_refused_with_nothing_left(
    client: httpx.AsyncClient,
    cookie_for: Cookie,
    platform: Platform,
    anna: Any,
    form: dict[str, str],
    file: Any,
    code: str,
) -> None:
    files = {"photo": file} if file else {"nothing": (None, "")}
    for url in ("/api/items/with-thumbnail", "/api/items/folders-with-thumbnail"):
        if "folders" in url and form.get("type") in ("app", "file"):
            continue
        answer = await client.post(url, data=form, files=files, headers=cookie_for(anna["id"]))
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert (await _items(platform), await _keys(platform)) == ([], [])


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"type": "folder"}, "body must have required property 'name'"),
        ({"name": "x"}, "body must have required property 'type'"),
        ({"name": "x", "type": "unknown"}, "body/type must be equal to one of the allowed values"),
        ({"name": "", "type": "folder"}, "body/name must NOT have fewer than 1 characters"),
        (
            {"name": "x", "type": "app", "extra": {"app": {"url": "x"}}},
            'body/extra/app/url must match format "uri"',
        ),
        ({"name": "x", "type": "app", "extra": {}}, "body/extra must have required property 'app'"),
    ],
)
async def test_what_is_wrong_is_told_in_the_same_words_whatever_the_form(
    client: httpx.AsyncClient, cookie_for: Cookie, anna: Any, form: dict[str, Any], message: str
) -> None:
    headers = cookie_for(anna["id"])
    sent = await client.post("/api/items", json=form, headers=headers)
    fields = {name: value if isinstance(value, str) else orjson.dumps(value) for name, value in form.items()}
    described = await client.post(
        "/api/items/with-thumbnail", data=fields, files={"photo": PICTURE}, headers=headers
    )
    assert (sent.json()["message"], described.json()["message"]) == (message, message)


async def test_the_declared_type_of_the_picture_does_not_matter_here(
    client: httpx.AsyncClient, cookie_for: Cookie, anna: Any
) -> None:
    answer = await client.post(
        "/api/items/with-thumbnail",
        data={"name": "x", "type": "folder"},
        files={"photo": ("x", picture(suffix=".webp"), "application/octet-stream")},
        headers=cookie_for(anna["id"]),
    )
    assert answer.status_code == 200


async def test_a_full_folder_leaves_no_picture(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    platform: Platform,
    anna: Any,
    folder: Any,
    settings: Settings,
) -> None:
    for _ in range(settings.max_children):
        await factory.item(folder)
    answer = await client.post(
        f"/api/items/with-thumbnail?parentId={folder['id']}",
        data={"name": "x", "type": "folder"},
        files={"photo": PICTURE},
        headers=cookie_for(anna["id"]),
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "GERR010")
    assert await _keys(platform) == []
