"""Uploading files, and what becomes of them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from graasp.decoding.process import Bounds
from graasp.items.tables import item
from graasp.platform import Platform
from graasp.settings import Settings
from tests.conftest import RunJobs
from tests.factories import Factory
from tests.pages_to_parse import unclosed
from tests.pictures import pdf, picture, svg, video
from worker.execution import Outcome

Cookie = Callable[[UUID], dict[str, str]]
FilePart = tuple[str, tuple[str, bytes, str]]

MIB = 1024 * 1024


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(max_storage_bytes=30 * MIB, max_upload_file_bytes=15 * MIB, max_upload_files=3)


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member()


@pytest.fixture
def upload(client: httpx.AsyncClient, anna: Any, cookie_for: Cookie) -> Callable[..., Any]:
    async def post(*files: FilePart, query: str = "", **options: Any) -> httpx.Response:
        headers = options.pop("headers", None) or cookie_for(anna["id"])
        return await client.post(f"/api/items/upload{query}", files=list(files), headers=headers, **options)

    return post


def part(name: str = "a.txt", content: bytes = b"text", content_type: str = "text/plain") -> FilePart:
    return ("files", (name, content, content_type))


async def _items(platform: Platform) -> list[Any]:
    return list(await platform.reads.all(select(item).order_by(item.c.created_at)))


async def _keys(platform: Platform, prefix: str = "files") -> list[str]:
    return [key async for key in platform.storage.list(prefix)]


async def _bytes(platform: Platform, row: Any) -> bytes:
    return b"".join([chunk async for chunk in platform.storage.open(row["extra"]["file"]["path"])])


async def test_a_file_becomes_an_item_of_its_sender(
    upload: Any, platform: Platform, anna: Any, client: httpx.AsyncClient, cookie_for: Cookie
) -> None:
    answer = await upload(part("notes.tar.gz", b"some text"))
    assert (answer.status_code, answer.content) == (204, b"")
    (row,) = await _items(platform)
    file = row["extra"]["file"]
    assert (row["name"], row["type"], row["creator_id"]) == ("notes.tar.gz", "file", anna["id"])
    assert row["settings"] == {"hasThumbnail": False}
    assert (row["description"], row["lang"], row["order"]) == (None, "en", None)
    assert {name: file[name] for name in ("name", "mimetype", "size", "content")} == {
        "name": "notes.tar.gz",
        "mimetype": "text/plain",
        "size": 9,
        "content": "",
    }
    assert set(file) == {"name", "path", "mimetype", "size", "content"}
    first, second, third = file["path"].removeprefix("files/").split("/")
    assert (len(first), len(second), third[4], third[-3:]) == (4, 4, "-", ".gz")
    assert await _bytes(platform, row) == b"some text"
    read = await client.get(f"/api/items/{row['id']}", headers=cookie_for(anna["id"]))
    assert read.json()["permission"] == "admin"


@pytest.mark.parametrize(
    ("caller", "status", "code"),
    [
        ("nobody", 401, None),
        ("guest", 403, "GMERR002"),
        ("unvalidated", 403, "GMERR002"),
        ("stranger", 403, "GERR016"),
        ("reader", 403, "GERR003"),
        ("hidden reader", 403, "GERR016"),
        ("public", 403, "GERR016"),
        ("writer", 204, None),
        ("admin", 204, None),
    ],
)
async def test_who_may_upload_into_a_folder(
    upload: Any,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    caller: str,
    status: int,
    code: str | None,
) -> None:
    folder = await factory.owned_item(await factory.member())
    headers = {"X-Nobody": "1"}
    if caller == "guest":
        headers = cookie_for((await factory.guest(folder["path"]))["id"])
    elif caller != "nobody":
        member = await factory.member(is_validated=caller != "unvalidated")
        permission = {
            "reader": "read",
            "hidden reader": "read",
            "writer": "write",
            "admin": "admin",
            "unvalidated": "admin",
        }
        if caller in permission:
            await factory.membership(folder["path"], member["id"], permission[caller])
        headers = cookie_for(member["id"])
    for kind in ("hidden", "public"):
        if caller.startswith(kind):
            await factory.visibility(folder["path"], kind)
    answer = await upload(part(), query=f"?id={folder['id']}", headers=headers)
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
    assert len(await _items(platform)) == (2 if status == 204 else 1)
    assert len(await _keys(platform)) == (1 if status == 204 else 0)


async def test_where_uploads_go_among_their_siblings(
    upload: Any, platform: Platform, factory: Factory, anna: Any
) -> None:
    folder = await factory.owned_item(anna, lang="fr")
    first = await factory.item(folder, name="first")
    await factory.item(folder, name="last")
    files = [part(name) for name in "abc"]
    assert (await upload(*files, query=f"?id={folder['id']}")).status_code == 204
    assert await _names(platform, folder) == ["c", "b", "a", "first", "last"]
    await upload(part("d"), part("e"), query=f"?id={folder['id']}&previousItemId={first['id']}")
    assert await _names(platform, folder) == ["c", "b", "a", "first", "e", "d", "last"]
    await upload(part("x"), part("y"), query=f"?id={folder['id']}&previousItemId={uuid4()}")
    assert (await _names(platform, folder))[-3:] == ["last", "x", "y"]
    assert {row["lang"] for row in await _items(platform) if row["type"] == "file"} == {"fr"}


async def _names(platform: Platform, folder: Any) -> list[str]:
    rows = [row for row in await _items(platform) if row["path"] != folder["path"]]
    return [row["name"] for row in sorted(rows, key=lambda row: row["order"])]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.jpg", "photo.jpg"),
        ("..", "file"),
        ("name.", "name."),
        ("  spaces  .txt", "  spaces  .txt"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("évènement 😀.txt", "évènement 😀.txt"),
        ("‮gpj.exe", "‮gpj.exe"),
        ("a" * 600 + ".txt", ("a" * 600)[:500]),
        ("con.txt", "con.txt"),
        ("a." + "x" * 100, "a." + "x" * 100),
        ("a.js\r\nX-Evil: 1", None),
    ],
)
async def test_hostile_names_are_only_names(
    upload: Any, platform: Platform, name: str, kept: str | None
) -> None:
    assert (await upload(part(name))).status_code == 204
    (row,) = await _items(platform)
    if kept is not None:
        assert row["name"] == kept
    assert len(row["name"]) <= 500
    (key,) = await _keys(platform)
    assert key == row["extra"]["file"]["path"]
    assert "\n" not in key
    assert ".." not in key


PAGE = b"<!DOCTYPE html><p onclick='x()' class='c'>hello<script>alert(1)</script> <a href='javascript:x()'>a</a></p>"


@pytest.mark.parametrize(
    ("declared", "content", "stored_type", "stored"),
    [
        ("text/html", PAGE, "text/html", b"<p>hello <a>a</a></p>"),
        ("TEXT/HTML; charset=utf-8", PAGE, "text/html", b"<p>hello <a>a</a></p>"),
        # Markup that calls itself a picture is what it is.
        ("image/png", PAGE, "text/html", b"<p>hello <a>a</a></p>"),
        # What can't be made safe is no page any more.
        ("text/html", unclosed(60).encode(), "text/plain", unclosed(60).encode()),
        ("image/png", svg(), "image/svg+xml", svg()),
        ("video/mp4", b"<?xml version='1.0'?><a/>", "text/xml", None),
        ("application/octet-stream", picture(), "image/png", picture()),
        ("application/octet-stream", b"\x01\x02", "application/octet-stream", None),
        ("text/plain", PAGE, "text/plain", PAGE),
        ("image/svg+xml", svg(), "image/svg+xml", svg()),
        ("evil type\x01", b"x", "application/octet-stream", None),
        ("application/pdf", b"no pdf at all", "application/pdf", b"no pdf at all"),
    ],
)
async def test_types_are_believed_unless_they_hide_markup(
    upload: Any, platform: Platform, declared: str, content: bytes, stored_type: str, stored: bytes | None
) -> None:
    assert (await upload(part("x", content, declared))).status_code == 204
    (row,) = await _items(platform)
    kept = await _bytes(platform, row)
    assert row["extra"]["file"]["mimetype"] == stored_type
    assert row["extra"]["file"]["size"] == len(kept)
    assert kept == (content if stored is None else stored)


async def test_without_a_type_the_bytes_tell(
    client: httpx.AsyncClient, platform: Platform, anna: Any, cookie_for: Cookie
) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="%s"\r\n\r\n'
    body = head % b"a" + b"plain" + b"\r\n" + head % b"b" + picture() + b"\r\n--b--\r\n"
    headers = cookie_for(anna["id"]) | {"Content-Type": "multipart/form-data; boundary=b"}
    assert (await client.post("/api/items/upload", content=body, headers=headers)).status_code == 204
    types = {row["name"]: row["extra"]["file"]["mimetype"] for row in await _items(platform)}
    assert types == {"a": "text/plain", "b": "image/png"}


async def test_clients_show_files_in_frames(
    upload: Any, platform: Platform, client: httpx.AsyncClient, anna: Any, cookie_for: Cookie
) -> None:
    await upload(part("x.pdf", pdf(), "application/pdf"))
    (row,) = await _items(platform)
    link = await client.get(f"/api/items/{row['id']}/download", headers=cookie_for(anna["id"]))
    answer = await client.get(httpx.URL(link.text).raw_path.decode())
    assert answer.headers["content-type"] == "application/pdf"
    assert "content-disposition" not in answer.headers
    # It counts more than `X-Frame-Options`, which knows this server's own pages alone.
    assert "frame-ancestors *" in answer.headers["content-security-policy"].split("; ")


async def test_active_files_are_only_ever_saved(
    upload: Any, platform: Platform, client: httpx.AsyncClient, anna: Any, cookie_for: Cookie
) -> None:
    await upload(part("x.svg", svg(content="<script>alert(1)</script>"), "image/svg+xml"))
    (row,) = await _items(platform)
    link = await client.get(f"/api/items/{row['id']}/download?replyUrl=true", headers=cookie_for(anna["id"]))
    assert link.headers["content-type"] == "text/plain; charset=utf-8"
    answer = await client.get(httpx.URL(link.text).raw_path.decode())
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("a.png", picture(), "image/png"),
        ("a.jpg", picture(suffix=".jpg"), "image/jpg"),
        ("a.svg", svg(), "image/svg+xml"),
        ("a.pdf", pdf(), "application/pdf"),
    ],
)
async def test_pictures_and_documents_get_thumbnails(
    upload: Any,
    platform: Platform,
    client: httpx.AsyncClient,
    anna: Any,
    cookie_for: Cookie,
    name: str,
    content: bytes,
    content_type: str,
) -> None:
    assert (await upload(part(name, content, content_type))).status_code == 204
    (row,) = await _items(platform)
    assert row["settings"] == {"hasThumbnail": True}
    assert sorted(await _keys(platform, f"thumbnails/{row['id']}")) == [
        f"thumbnails/{row['id']}/{size}" for size in ("large", "medium", "original", "small")
    ]
    packed = (await client.get(f"/api/items/{row['id']}", headers=cookie_for(anna["id"]))).json()
    assert set(packed["thumbnails"]) == {"small", "medium"}


async def test_a_video_gets_the_picture_of_a_moment(upload: Any, platform: Platform, tmp_path: Path) -> None:
    await upload(part("a.mp4", video(tmp_path), "video/mp4"))
    (row,) = await _items(platform)
    assert row["settings"] == {"hasThumbnail": True}


@pytest.mark.parametrize("content_type", ["image/png", "image/svg+xml", "application/pdf", "video/mp4"])
async def test_a_broken_picture_is_a_file_like_any_other(
    upload: Any, platform: Platform, content_type: str
) -> None:
    assert (await upload(part("broken", b"\x89PNG broken", content_type))).status_code == 204
    (row,) = await _items(platform)
    assert row["settings"] == {"hasThumbnail": False}
    assert row["extra"]["file"]["content"] == ""
    assert await _keys(platform, "thumbnails") == []


async def test_the_text_of_documents_can_be_searched(
    upload: Any, platform: Platform, client: httpx.AsyncClient, anna: Any, cookie_for: Cookie
) -> None:
    await upload(part("a.pdf", _document_with_text(), "application/pdf"))
    (row,) = await _items(platform)
    assert row["extra"]["file"]["content"] == "Photosynthesis feeds the plants"
    found = await client.get("/api/items/accessible?keywords=plant", headers=cookie_for(anna["id"]))
    assert [one["name"] for one in found.json()["data"]] == ["a.pdf"]


async def test_of_a_text_without_an_end_the_beginning_is_kept(upload: Any, platform: Platform) -> None:
    line = b" 0 0.3 Td (%s) Tj" % (b"a word and another one, " * 12)
    content = b"BT /F1 0.2 Tf" + line * 2500 + b" ET"
    await upload(part("a.pdf", _document_with_text(content), "application/pdf"))
    (row,) = await _items(platform)
    assert len(row["extra"]["file"]["content"]) == 500_000


def _document_with_text(
    content: bytes = b"BT /F1 24 Tf 72 700 Td (Photosynthesis) Tj 0 -30 Td (feeds the plants) Tj ET",
) -> bytes:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Font << /F1 5 0 R >> >>",
    ]
    document = b"%PDF-1.4\n"
    for number, body in enumerate(objects, 1):
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    return document + b"trailer << /Root 1 0 R >>\n%%EOF"


async def test_a_large_picture_is_decoded_by_a_job(
    upload: Any, platform: Platform, run_jobs: RunJobs
) -> None:
    # Above the pixels that are decoded while the sender waits, far below them in bytes.
    assert (await upload(part("big.png", picture(6000, 5000), "image/png"))).status_code == 204
    (row,) = await _items(platform)
    assert row["settings"] == {"hasThumbnail": False}
    assert await run_jobs() == [Outcome.SUCCEEDED]
    (row,) = await _items(platform)
    assert row["settings"] == {"hasThumbnail": True}
    assert len(await _keys(platform, f"thumbnails/{row['id']}")) == 4


async def test_a_picture_that_takes_long_is_decoded_by_a_job(
    upload: Any, platform: Platform, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So is one whose turn does not come, because of the pictures of others.
    monkeypatch.setattr("graasp.files.receiving._AT_ONCE", Bounds(pixels=25_000_000, seconds=0.001))
    assert (await upload(part("a.pdf", _document_with_text(), "application/pdf"))).status_code == 204
    (row,) = await _items(platform)
    assert (row["settings"], row["extra"]["file"]["content"]) == ({"hasThumbnail": False}, "")
    assert await run_jobs() == [Outcome.SUCCEEDED]
    (row,) = await _items(platform)
    assert row["settings"] == {"hasThumbnail": True}
    assert row["extra"]["file"]["content"] == "Photosynthesis feeds the plants"


async def test_the_job_of_a_file_that_is_gone_leaves_nothing(
    upload: Any, platform: Platform, factory: Factory, run_jobs: RunJobs
) -> None:
    await upload(part("big.pdf", pdf() + b"%" * 11 * MIB, "application/pdf"))
    async with platform.unit_of_work() as uow:
        await uow.execute(item.delete())
    assert await run_jobs() == [Outcome.SUCCEEDED]
    assert await _keys(platform, "thumbnails") == []


async def test_an_empty_file_is_refused(upload: Any, platform: Platform) -> None:
    answer = await upload(part(content=b""))
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "UPLOAD_EMPTY_FILE",
        "name": "FastifyError",
        "code": "GPFERR008",
        "statusCode": 400,
    }
    only_scripts = await upload(part("x.html", b"<script>x()</script>", "text/html"))
    assert only_scripts.json()["code"] == "GPFERR008"
    assert (await _items(platform), await _keys(platform)) == ([], [])


async def test_one_failing_file_leaves_the_others(upload: Any, platform: Platform) -> None:
    answer = await upload(part("a"), part("empty", b""), part("b"))
    assert (answer.status_code, answer.json()["code"]) == (400, "GPFERR008")
    assert [row["name"] for row in await _items(platform)] == ["a", "b"]


async def test_an_upload_that_breaks_off_leaves_nothing_and_is_no_fault_of_ours(
    app: Any, live_server: str, platform: Platform, anna: Any, cookie_for: Cookie
) -> None:
    url = httpx.URL(live_server)
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = (
        f"POST /api/items/upload HTTP/1.1\r\nHost: {url.host}\r\nCookie: {cookie_for(anna['id'])['Cookie']}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {10 * MIB}\r\n\r\n"
    )
    begun = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n' + b"x" * 3 * MIB
    with capture_logs() as logged:
        writer.write(head.encode() + begun)
        await writer.drain()
        while not app.state.door.inside().requests:
            await asyncio.sleep(0.01)
        writer.close()
        while app.state.door.inside().requests:
            await asyncio.sleep(0.01)
    assert [event for event in logged if event["log_level"] == "error"] == []
    assert (await _items(platform), await _keys(platform)) == ([], [])


async def test_what_is_too_large_is_not_kept(upload: Any, platform: Platform) -> None:
    answer = await upload(part("large", b"x" * (15 * MIB + 1)), part("small"))
    assert (answer.status_code, answer.json()["code"]) == (413, "FST_REQ_FILE_TOO_LARGE")
    assert [row["name"] for row in await _items(platform)] == ["small"]
    assert len(await _keys(platform)) == 1


async def test_the_limits_of_a_form(upload: Any, platform: Platform) -> None:
    many = await upload(*[part(name) for name in "abcd"])
    assert (many.status_code, many.json()["code"]) == (413, "FST_FILES_LIMIT")
    assert [row["name"] for row in await _items(platform)] == ["a", "b", "c"]
    field_first = await upload(part("e"), data={"text": "1"})
    assert (field_first.status_code, field_first.json()["code"]) == (413, "FST_FIELDS_LIMIT")
    only_text = await upload(("text", (None, b"1", None)))  # type: ignore[arg-type]
    assert (only_text.status_code, only_text.json()["code"]) == (413, "FST_FIELDS_LIMIT")
    field_last = await upload(part("f"), ("text", (None, b"1", None)))  # type: ignore[arg-type]
    assert (field_last.status_code, field_last.json()["code"]) == (413, "FST_FIELDS_LIMIT")
    assert [row["name"] for row in await _items(platform)] == ["a", "b", "c", "f"]


async def test_a_form_without_parts_does_nothing(
    client: httpx.AsyncClient, anna: Any, cookie_for: Cookie, platform: Platform
) -> None:
    headers = cookie_for(anna["id"])
    boundary = headers | {"Content-Type": "multipart/form-data; boundary=b"}
    assert (await client.post("/api/items/upload", content=b"--b--\r\n", headers=boundary)).status_code == 204
    for content_type, status in (("application/json", 406), ("application/xml", 415)):
        answer = await client.post(
            "/api/items/upload", content=b"{}", headers=headers | {"Content-Type": content_type}
        )
        assert answer.status_code == status
    cut = b'--b\r\nContent-Disposition: form-data; name="f"; filename="cut"\r\n\r\nbegun'
    answer = await client.post("/api/items/upload", content=cut, headers=boundary)
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")
    assert (await _items(platform), await _keys(platform)) == ([], [])


async def test_refusals_of_the_folder_leave_no_bytes(
    upload: Any, platform: Platform, factory: Factory, anna: Any
) -> None:
    document = await factory.owned_item(anna, type="document", extra={"document": {"content": "x"}})
    answer = await upload(part("a.png", picture(), "image/png"), query=f"?id={document['id']}")
    assert (answer.status_code, answer.json()["code"]) == (400, "GERR029")
    full = await factory.owned_item(anna)
    for _ in range(100):
        await factory.item(full)
    answer = await upload(part("a.png", picture(), "image/png"), query=f"?id={full['id']}")
    assert (answer.status_code, answer.json()["code"]) == (403, "GERR010")
    unknown = await upload(part(), query=f"?id={uuid4()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "GERR001")
    assert (await upload(part(), query="?id=x")).status_code == 400
    assert await _keys(platform) == []
    assert await _keys(platform, "thumbnails") == []


async def _file(factory: Factory, owner: Any, size: int, **columns: Any) -> Any:
    extra = {"file": {"name": "f", "path": f"files/{uuid4()}", "mimetype": "text/plain", "size": size}}
    return await factory.owned_item(owner, type="file", extra=extra, **columns)


async def test_the_quota_counts_what_is_being_added(
    upload: Any,
    platform: Platform,
    factory: Factory,
    anna: Any,
    client: httpx.AsyncClient,
    cookie_for: Cookie,
) -> None:
    await _file(factory, anna, 29 * MIB)
    recycled = await _file(factory, anna, 29 * MIB)
    await factory.recycle(recycled)
    await _file(factory, await factory.member(), 29 * MIB)
    storage = await client.get("/api/members/current/storage", headers=cookie_for(anna["id"]))
    assert storage.json() == {"current": 29 * MIB, "maximum": 30 * MIB}
    with capture_logs() as logged:
        over = await upload(part(content=b"x" * (MIB + 1)))
    assert over.status_code == 507
    assert [event for event in logged if event["log_level"] == "error"] == []
    assert over.json() == {
        "statusCode": 507,
        "code": "GPFERR009",
        "error": "Insufficient Storage",
        "message": f"STORAGE_EXCEEDED {30 * MIB + 1}",
    }
    assert await _keys(platform) == []
    assert (await upload(part(content=b"x" * MIB))).status_code == 204
    assert (await upload(part(content=b"x"))).status_code == 507


async def test_uploads_at_the_same_time_never_pass_the_limits_together(
    upload: Any, platform: Platform, factory: Factory, anna: Any
) -> None:
    await _file(factory, anna, 25 * MIB)
    folder = await factory.owned_item(anna)
    answers = await asyncio.gather(
        *[upload(part(f"f{n}", b"x" * MIB), query=f"?id={folder['id']}") for n in range(8)]
    )
    assert sorted(answer.status_code for answer in answers) == [204] * 5 + [507] * 3
    assert len(await _keys(platform)) == 5


async def test_a_full_folder_stays_full_whoever_comes_at_the_same_time(
    upload: Any, platform: Platform, factory: Factory, anna: Any
) -> None:
    folder = await factory.owned_item(anna)
    for _ in range(98):
        await factory.item(folder)
    answers = await asyncio.gather(*[upload(part(f"f{n}"), query=f"?id={folder['id']}") for n in range(6)])
    assert sorted(answer.status_code for answer in answers) == [204] * 2 + [403] * 4
    orders = [row["order"] for row in await _items(platform) if row["order"] is not None]
    assert len(orders) == len(set(orders)) == 100


async def test_storage_that_fails_is_told_in_general_words(
    app: Any, upload: Any, platform: Platform, anna: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> int:
        raise OSError("/secret/path: no space left on device")

    monkeypatch.setattr(type(app.state.platform.storage), "put", refuse)
    answer = await upload(part())
    assert answer.status_code == 500
    assert answer.json() == {
        "statusCode": 500,
        "code": "GPFERR010",
        "error": "Internal Server Error",
        "message": f"UPLOAD_FILE_UNEXPECTED_ERROR {{ memberId: '{anna['id']}' }}",
    }
    assert await _items(platform) == []


async def test_links_to_what_is_no_file_or_is_gone(
    upload: Any,
    app: Any,
    platform: Platform,
    factory: Factory,
    anna: Any,
    client: httpx.AsyncClient,
    cookie_for: Cookie,
) -> None:
    headers = cookie_for(anna["id"])
    folder = await factory.owned_item(anna)
    wrong = await client.get(f"/api/items/{folder['id']}/download", headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "GPFERR005")
    outsider = cookie_for((await factory.member())["id"])
    assert (await client.get(f"/api/items/{folder['id']}/download", headers=outsider)).status_code == 403
    gone = await _file(factory, anna, 1)
    missing = await client.get(f"/api/items/{gone['id']}/download", headers=headers)
    assert missing.status_code == 404
    assert missing.json() == {
        "name": "LOCAL_FILE_NOT_FOUND",
        "code": "GPFERR006",
        "message": "LOCAL_FILE_NOT_FOUND",
        "statusCode": 404,
        "data": {"filepath": gone["extra"]["file"]["path"]},
        "origin": "graasp-plugin-file",
    }
    await upload(part())
    row = next(row for row in await _items(platform) if row["name"] == "a.txt")
    first = await client.get(f"/api/items/{row['id']}/download", headers=headers)
    # Only a cache miss looks: the link stays as it was, whatever has become of the bytes.
    await app.state.platform.storage.delete(row["extra"]["file"]["path"])
    second = await client.get(f"/api/items/{row['id']}/download", headers=headers)
    assert (second.status_code, second.text) == (200, first.text)


@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "files/\n", "files/" + "x" * 1000])
async def test_a_row_with_an_impossible_key_has_lost_its_file(
    factory: Factory, anna: Any, client: httpx.AsyncClient, cookie_for: Cookie, key: str
) -> None:
    file = {"name": "a", "path": key, "mimetype": "text/plain", "size": 1}
    row = await factory.owned_item(anna, type="file", extra={"file": file})
    for end in ("download", "download-file"):
        answer = await client.get(f"/api/items/{row['id']}/{end}", headers=cookie_for(anna["id"]))
        assert (answer.status_code, answer.json()["code"]) == (404, "GPFERR006")


async def test_changing_a_file_item(
    factory: Factory, anna: Any, client: httpx.AsyncClient, cookie_for: Cookie, platform: Platform
) -> None:
    file = await _file(factory, anna, 1, name="old")
    url, headers = f"/api/items/files/{file['id']}", cookie_for(anna["id"])
    hostile = {"extra": {"file": {"path": "x"}}, "path": "x", "creatorId": str(uuid4()), "type": "folder"}
    change = {"name": "new", "settings": {"maxWidth": "sm", "unknown": 1}, "lang": "fr"} | hostile
    answer = await client.patch(url, json=change, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    (row,) = await _items(platform)
    assert (row["name"], row["lang"], row["type"], row["path"]) == ("new", "fr", "file", file["path"])
    assert row["settings"] == {"hasThumbnail": False, "maxWidth": "sm"}
    assert (row["extra"], row["creator_id"]) == (file["extra"], anna["id"])
    for nothing in ({}, {"extra": {}}, {"name": ""}, {"name": None}):
        refused = await client.patch(url, json=nothing, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (400, "FST_ERR_VALIDATION"), nothing
    folder = await factory.owned_item(anna)
    wrong = await client.patch(f"/api/items/files/{folder['id']}", json={"name": "x"}, headers=headers)
    assert wrong.json()["message"] == "Item does not have the correct type folder"
    guest = cookie_for((await factory.guest(file["path"]))["id"])
    assert (await client.patch(url, json={"name": "x"}, headers=guest)).status_code == 403
