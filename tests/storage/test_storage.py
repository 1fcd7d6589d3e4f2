"""The same storage, on disk and in a bucket."""

import os
import stat
import tracemalloc
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graasp.settings import Settings
from graasp.storage import FileStorage, StoredFileNotFound, open_storage
from graasp.storage.local import LocalStorage
from graasp.storage.protocol import InvalidKey, StorageRefused, checked_key
from tests.pictures import picture

TEXT = {"content_type": "text/plain", "metadata": {"member": "é"}}


@pytest.fixture(params=["local", "s3"])
async def storage(request: pytest.FixtureRequest, make_settings: Any) -> AsyncIterator[FileStorage]:
    settings: Settings = request.getfixturevalue("s3_settings") if request.param == "s3" else make_settings()
    async with open_storage(settings) as opened:
        yield opened


async def _stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def _broken(size: int) -> AsyncIterator[bytes]:
    for _ in range(size):
        yield b"x" * 1024 * 1024
    raise ConnectionError("the sender went away")


async def _read(storage: FileStorage, key: str) -> bytes:
    return b"".join([chunk async for chunk in storage.open(key)])


async def test_what_is_stored_comes_back(storage: FileStorage) -> None:
    key = f"files/{uuid4()}/a b é.txt"
    assert await storage.put(key, _stream(b"one ", b"two"), **TEXT) == 7
    assert await _read(storage, key) == b"one two"
    assert await storage.size(key) == 7
    await storage.copy(key, f"{key}.copy", metadata={})
    assert await _read(storage, f"{key}.copy") == b"one two"
    await storage.put(key, _stream(), **TEXT)
    assert await storage.size(key) == 0
    await storage.delete(key, "files/never-there")
    assert await storage.size(key) is None
    with pytest.raises(StoredFileNotFound):
        await _read(storage, key)


async def test_a_large_stream_is_never_held_as_a_whole(storage: FileStorage) -> None:
    # The stand-in for S3 lives in this process too, and keeps what it is given once or twice.
    bound = 16 if isinstance(storage, LocalStorage) else 512
    key = f"files/{uuid4()}"
    chunk = b"y" * 1024 * 1024
    tracemalloc.start()
    try:
        assert await storage.put(key, _stream(*[chunk] * 64), **TEXT) == 64 * 1024 * 1024
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < bound * 1024 * 1024
    assert await storage.size(key) == 64 * 1024 * 1024


@pytest.mark.parametrize("megabytes", [1, 20])
async def test_a_stream_that_breaks_leaves_nothing(storage: FileStorage, megabytes: int) -> None:
    folder = f"files/{uuid4()}"
    with pytest.raises(ConnectionError):
        await storage.put(f"{folder}/a", _broken(megabytes), **TEXT)
    assert [key async for key in storage.list(folder)] == []


async def test_folders_are_listed_and_deleted_whole(storage: FileStorage) -> None:
    folder = f"files/{uuid4()}"
    for number in range(5):
        await storage.put(f"{folder}/{number}", _stream(b"x"), **TEXT)
    await storage.put(f"{folder}-beside", _stream(b"x"), **TEXT)
    assert [key async for key in storage.list(folder)] == [f"{folder}/{n}" for n in range(5)]
    await storage.delete_folder(folder)
    assert [key async for key in storage.list(folder)] == []
    assert await storage.size(f"{folder}-beside") == 1


async def test_what_was_said_of_an_object_comes_back(storage: FileStorage) -> None:
    key = f"files/{uuid4()}"
    await storage.put(key, _stream(b"text"), content_type="text/html", metadata={"member": "é 100%"})
    found = await storage.describe(key)
    assert found is not None
    assert found[:3] == (4, "text/html", {"member": "é 100%"})
    assert await storage.describe(f"{key}-beside") is None


async def test_every_object_is_listed(storage: FileStorage) -> None:
    await storage.delete(*[key async for key in storage.list()])
    keys = {"a", "files/ab/1", "files/ab/cd/2", "thumbnails/1/small"}
    for key in keys:
        await storage.put(key, _stream(b"x"), **TEXT)
    assert {key async for key in storage.list()} == keys


async def test_links_serve_the_file_under_the_given_name(
    storage: FileStorage, client: httpx.AsyncClient
) -> None:
    key = f"files/{uuid4()}.html"
    await storage.put(key, _stream(b"<p>x</p>"), content_type="text/html", metadata={})
    url = await storage.url(key, expires=timedelta(minutes=1), download_name='é "x".html')
    if "/file-items/" in url:
        async with httpx.AsyncClient() as plain:
            answer = await plain.get(url)
    else:
        answer = await client.get(httpx.URL(url).raw_path.decode())
    assert (answer.status_code, answer.content) == (200, b"<p>x</p>")
    assert "attachment" in answer.headers["content-disposition"]


async def test_local_links_expire_and_can_not_be_forged(
    client: httpx.AsyncClient, make_settings: Callable[..., Settings]
) -> None:
    async with open_storage(make_settings()) as storage:
        await storage.put("files/a", _stream(b"0123456789"), **TEXT)
        good = httpx.URL(await storage.url("files/a", expires=timedelta(minutes=1))).raw_path.decode()
        old = httpx.URL(await storage.url("files/a", expires=timedelta(seconds=-1))).raw_path.decode()
    assert (await client.get(good)).content == b"0123456789"
    part = await client.get(good, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    forged = (
        old,
        good + "&name=x",
        good.replace("files/files/a", "files/files/b"),
        "/files/files/a",
        "/files/..%2fx",
    )
    for url in forged:
        answer = await client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (403, "GERR403"), url


@given(st.text(max_size=60))
def test_no_key_reaches_outside(key: str) -> None:
    try:
        accepted = checked_key(key)
    except InvalidKey:
        return
    assert not accepted.startswith("/")
    assert ".." not in accepted.split("/")
    assert "\0" not in accepted


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a/./b", "a\\b", "a\nb", "x" * 1000])
def test_hostile_keys_are_refused(key: str) -> None:
    with pytest.raises(InvalidKey):
        checked_key(key)


async def test_long_endings_of_old_keys_are_no_hindrance(storage: FileStorage) -> None:
    key = "files/ab12/ab12/ab12-1700000000000." + "x" * 210
    await storage.put(key, _stream(b"text"), **TEXT)
    found = await storage.describe(key)
    assert found is not None
    assert found[:2] == (4, "text/plain")


async def test_local_files_lie_where_their_key_says(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    root = settings.file_storage_root_path
    assert root is not None
    async with open_storage(settings) as storage:
        await storage.put("files/ab/cd/ef-1.txt", _stream(b"text"), **TEXT)
        assert (root / "files/ab/cd/ef-1.txt").read_bytes() == b"text"
        with pytest.raises(InvalidKey):
            await storage.size(".details/files/ab/cd/ef-1.txt.json")


async def test_the_server_that_exposes_the_folder_may_run_as_somebody_else(settings: Settings) -> None:
    assert settings.file_storage_root_path is not None
    before = os.umask(0o022)
    try:
        async with open_storage(settings) as storage:
            await storage.put("files/a", _stream(b"text"), **TEXT)
    finally:
        os.umask(before)
    assert stat.S_IMODE((settings.file_storage_root_path / "files/a").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("name", "content", "content_type", "is_saved"),
    [
        ("a.png", picture(), "image/png", False),
        ("thumbnail", picture(suffix=".webp"), "image/webp", False),
        ("a.svg", b"<svg/>", "image/svg+xml", True),
        ("a.html", b"<p>", "text/html", True),
        ("unknown", b"text", "application/octet-stream", False),
    ],
)
async def test_files_that_another_server_left_are_served(
    client: httpx.AsyncClient,
    settings: Settings,
    name: str,
    content: bytes,
    content_type: str,
    is_saved: bool,
) -> None:
    assert settings.file_storage_root_path is not None
    path = settings.file_storage_root_path / "files" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    async with open_storage(settings) as storage:
        url = await storage.url(f"files/{name}", expires=timedelta(minutes=1))
        await storage.copy(f"files/{name}", "files/copy", metadata={})
        assert await _read(storage, "files/copy") == content
    answer = await client.get(httpx.URL(url).raw_path.decode())
    assert answer.content == content
    assert answer.headers["content-type"].partition(";")[0] == content_type
    assert ("attachment" in answer.headers.get("content-disposition", "")) == is_saved


async def test_links_lead_to_the_host_that_exposes_the_folder(make_settings: Callable[..., Settings]) -> None:
    async with open_storage(make_settings(file_storage_host="https://files.test/graasp/")) as storage:
        url = await storage.url("files/a b", expires=timedelta(minutes=1))
    assert url.startswith("https://files.test/graasp/files/a%20b?")


async def test_what_a_browser_could_run_is_saved_from_a_bucket_too(s3_settings: Settings) -> None:
    async with open_storage(s3_settings) as storage, httpx.AsyncClient() as plain:
        active = ("image/svg+xml", "application/xhtml+xml", "text/xsl", "multipart/x-mixed-replace")
        for content_type, is_saved in (*((name, True) for name in active), ("image/png", False)):
            key = f"files/{uuid4()}"
            await storage.put(key, _stream(b"<svg/>"), content_type=content_type, metadata={})
            await storage.copy(key, f"{key}-copy", metadata={})
            for one in (key, f"{key}-copy"):
                answer = await plain.get(await storage.url(one, expires=timedelta(minutes=1)))
                assert answer.headers["content-type"] == content_type
                assert (answer.headers.get("content-disposition") == "attachment") == is_saved


async def test_objects_that_a_bucket_keeps_are_told(
    s3_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_storage(s3_settings) as storage:

        async def refuse(**_: Any) -> dict[str, Any]:
            return {"Errors": [{"Key": "a", "Code": "AccessDenied"}]}

        monkeypatch.setattr(storage._client, "delete_objects", refuse)  # type: ignore[attr-defined]
        with pytest.raises(StorageRefused, match="AccessDenied"):
            await storage.delete("a")
