"""One item as a file."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.exports.download import download_header
from graasp.platform import Platform
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _file(factory: Factory, owner: Any, name: str, mimetype: str | None, **columns: Any) -> Any:
    file = {"name": "original.bin", "path": f"files/{uuid4()}", "size": 5}
    if mimetype:
        file["mimetype"] = mimetype
    return await factory.owned_item(owner, type="file", name=name, extra={"file": file}, **columns)


@pytest.mark.parametrize(
    ("kind", "extra", "content_type", "name", "content"),
    [
        ("document", {"content": "<p>x</p>"}, "text/html", "my item.html", "<p>x</p>"),
        (
            "embeddedLink",
            {"url": "https://a.test"},
            "text/plain",
            "my item.url",
            "[InternetShortcut]\nURL=https://a.test\n",
        ),
        (
            "app",
            {"url": "https://a.test"},
            "text/plain",
            "my item.app",
            "[InternetShortcut]\nURL=https://a.test\nAppURL=1\n",
        ),
    ],
)
async def test_items_in_their_plain_form(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    anna: Any,
    kind: str,
    extra: Any,
    content_type: str,
    name: str,
    content: str,
) -> None:
    row = await factory.owned_item(anna, type=kind, name="my item", extra={kind: extra})
    answer = await client.get(f"/api/items/{row['id']}/download-file", headers=cookie_for(anna["id"]))
    assert answer.status_code == 200
    assert answer.text == content
    assert answer.headers["content-type"] == content_type
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["access-control-expose-headers"] == "Content-Disposition"
    quoted = name.replace(" ", "%20")
    assert answer.headers["content-disposition"] == f'attachment; filename="{quoted}"'


async def test_a_file_comes_with_its_bytes_and_its_type(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, platform: Platform, anna: Any
) -> None:
    row = await _file(factory, anna, "photo", "image/jpeg")
    content = b"\xff\xd8" + b"x" * 100_000
    await platform.storage.put(
        row["extra"]["file"]["path"], _once(content), content_type="image/jpeg", metadata={}
    )
    answer = await client.get(f"/api/items/{row['id']}/download-file", headers=cookie_for(anna["id"]))
    assert (answer.content, answer.headers["content-type"]) == (content, "image/jpeg")
    assert answer.headers["content-disposition"] == 'attachment; filename="photo.jpeg"'


@pytest.mark.parametrize("mimetype", ["text/plain…", "text/plain\r\nX: y", "text/\x7f", "", 5, None])
async def test_a_type_that_no_header_can_tell_is_not_told(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    platform: Platform,
    anna: Any,
    mimetype: Any,
) -> None:
    row = await _file(factory, anna, "old", mimetype)
    await platform.storage.put(row["extra"]["file"]["path"], _once(b"x"), content_type="a/b", metadata={})
    answer = await client.get(f"/api/items/{row['id']}/download-file", headers=cookie_for(anna["id"]))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    assert answer.content == b"x"


@pytest.mark.parametrize(
    ("name", "extension", "header"),
    [
        ("report.html", "html", "report.html"),
        ("report.HTML", "html", "report.HTML.html"),
        ("a/b", "html", "b.html"),
        ("dir/", "html", "dir.html"),
        ("plain", "", "plain_"),
        ("été 😀", "txt", "%C3%A9t%C3%A9%20%F0%9F%98%80.txt"),
        ('quo"te\\back|pipe', "txt", "quo_te_back_pipe.txt"),
        ("new\r\nline", "txt", "new__line.txt"),
        ("con", "txt", "_"),
        ("..", "txt", "...txt"),
        ("50% off; now=1", "txt", "50%25%20off;%20now=1.txt"),
    ],
)
def test_names_of_downloads(name: str, extension: str, header: str) -> None:
    assert download_header({"name": name}, extension) == f'attachment; filename="{header}"'


def test_long_names_of_downloads_are_cut() -> None:
    header = download_header({"name": "é" * 300}, "txt")
    assert header.count("%C3%A9") == 127


async def test_what_has_no_plain_form(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, anna: Any
) -> None:
    headers = cookie_for(anna["id"])
    for kind in ("folder", "shortcut", "page"):
        row = await factory.owned_item(anna, type=kind)
        answer = await client.get(f"/api/items/{row['id']}/download-file", headers=headers)
        assert answer.status_code == 400
        assert answer.json()["message"] == f"Item does not have the correct type {kind}"
    lost = await _file(factory, anna, "lost", "image/png")
    answer = await client.get(f"/api/items/{lost['id']}/download-file", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "GPFERR006")
    assert answer.json()["data"] == {"filepath": lost["extra"]["file"]["path"]}


async def test_a_download_is_recorded_before_it_begins(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, platform: Platform, anna: Any
) -> None:
    content = {"document": {"content": "x"}}
    row = await factory.owned_item(anna, type="document", extra=content)
    await factory.visibility(row["path"], "public")
    quiet = await factory.owned_item(
        anna, type="document", extra=content, settings={"enableSaveActions": False}
    )
    silent = await factory.member(enable_save_actions=False)
    url = f"/api/items/{row['id']}/download-file"
    await client.get(url)
    await client.get(url, headers=cookie_for(anna["id"]))
    client.cookies.clear()
    await client.head(url)
    await client.get(url, headers=cookie_for(silent["id"]))
    await client.get(f"/api/items/{quiet['id']}/download-file", headers=cookie_for(anna["id"]))
    recorded = await platform.reads.all(select(action).order_by(action.c.created_at))
    assert [(a["type"], a["view"], a["item_id"], a["account_id"]) for a in recorded] == [
        ("item-download", "builder", row["id"], None),
        ("item-download", "builder", row["id"], anna["id"]),
    ]
