"""Pictures of members."""

import struct
import zlib
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import redis.asyncio
from sqlalchemy import select

from graasp.accounts.tables import account
from graasp.platform import Platform
from graasp.settings import Settings
from graasp.storage.local import LocalStorage
from tests.factories import Factory, Row
from tests.people import NOT_VALIDATED, UNAUTHORIZED, Cookie, every_caller, refusal
from tests.pictures import picture, size_of, svg

AVATAR = "/api/members/avatar"
SIZES = {"small": (40, 20), "medium": (256, 128), "large": (512, 256), "original": (600, 300)}

_WEBP = b"WEBP"


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(max_avatar_bytes=200_000)


@pytest.fixture
async def anna(factory: Factory) -> Row:
    return await factory.member(extra={"lang": "fr"})


@pytest.fixture
def upload(client: httpx.AsyncClient, anna: Row, cookie_for: Cookie) -> Callable[..., Any]:
    async def post(content: bytes, content_type: str = "image/png", **more: Any) -> httpx.Response:
        files = [("file", ("name", content, content_type)), *more.pop("others", [])]
        return await client.post(AVATAR, files=files, headers=cookie_for(anna["id"]), **more)

    return post


async def _shown(client: httpx.AsyncClient, account_id: UUID, size: str) -> bytes:
    answer = await client.get(f"/api/members/{account_id}/avatar/{size}?replyUrl=true")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    stored = await client.get(httpx.URL(answer.text).raw_path.decode())
    assert stored.status_code == 200
    assert stored.headers["content-type"] == "image/webp"
    return stored.content


async def _has_avatar(platform: Platform) -> object:
    extra = await platform.reads.scalar(select(account.c.extra))
    return extra.get("hasAvatar")


async def _stored(platform: Platform) -> list[str]:
    return [key async for key in platform.storage.list("avatars")]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (picture(600, 300, ".png"), "image/png"),
        (picture(600, 300, ".jpg"), "image/jpeg"),
        (picture(600, 300, ".gif"), "image/gif"),
        (picture(600, 300, ".webp"), "image/webp"),
        (svg('width="600" height="300"'), "image/svg+xml"),
        # What it is declared as counts for little: it is decoded.
        (picture(600, 300, ".png"), "application/x-image"),
    ],
)
async def test_a_picture_is_shown_in_every_size(
    client: httpx.AsyncClient,
    platform: Platform,
    anna: Row,
    upload: Callable[..., Any],
    content: bytes,
    content_type: str,
) -> None:
    answer = await upload(content, content_type)
    assert (answer.status_code, answer.content) == (204, b"")
    for size, dimensions in SIZES.items():
        shown = await _shown(client, anna["id"], size)
        assert shown[8:12] == _WEBP
        assert size_of(shown) == dimensions
    assert await platform.reads.scalar(select(account.c.extra)) == {"lang": "fr", "hasAvatar": True}
    assert sorted(await _stored(platform)) == sorted(f"avatars/{anna['id']}/{size}" for size in SIZES)


async def test_the_next_picture_replaces_the_one_before_and_its_cached_links(
    client: httpx.AsyncClient, platform: Platform, anna: Row, upload: Callable[..., Any]
) -> None:
    await upload(picture(10, 10))
    await _shown(client, anna["id"], "small")
    cached = f"file_service_url_caching:avatars/{anna['id']}/small"
    assert await platform.redis.exists(cached)
    assert (await upload(picture(600, 300))).status_code == 204
    assert not await platform.redis.exists(cached)
    assert size_of(await _shown(client, anna["id"], "small")) == (40, 20)


async def test_the_first_file_counts_whatever_its_field_is_called(
    client: httpx.AsyncClient, anna: Row, cookie_for: Cookie
) -> None:
    files = [
        ("whatever", ("a", picture(600, 300), "image/png")),
        ("file", ("b", b"no picture", "text/plain")),
    ]
    answer = await client.post(AVATAR, data={"text": "x"}, files=files, headers=cookie_for(anna["id"]))
    assert answer.status_code == 204
    assert size_of(await _shown(client, anna["id"], "original")) == (600, 300)


def _bomb() -> bytes:
    """A small file that claims to be a picture of 40,000 × 40,000."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100_000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"no picture", "image/png", 400, "GPTERR001"),
        (picture()[:60], "image/png", 400, "GPTERR001"),
        (_bomb(), "image/png", 400, "GPTERR001"),
        (b"<svg/>", "image/svg+xml", 400, "GPTERR001"),
        (picture(), "text/plain", 400, "GPTERR001"),
        (b"", "image/png", 400, "GPFERR008"),
        (b"a" * 200_001, "image/png", 413, "FST_REQ_FILE_TOO_LARGE"),
    ],
)
async def test_what_is_no_picture_changes_nothing(
    client: httpx.AsyncClient,
    platform: Platform,
    anna: Row,
    upload: Callable[..., Any],
    content: bytes,
    content_type: str,
    status: int,
    code: str,
) -> None:
    refused = await upload(content, content_type)
    assert refusal(refused) == (status, code)
    assert refused.json().keys() == {"statusCode", "code", "error", "message"}
    assert await _has_avatar(platform) is None
    assert await _stored(platform) == []
    await upload(picture(600, 300))
    assert refusal(await upload(content, content_type)) == (status, code)
    assert size_of(await _shown(client, anna["id"], "original")) == (600, 300)


async def test_a_request_without_a_file_is_refused(
    client: httpx.AsyncClient, anna: Row, cookie_for: Cookie
) -> None:
    headers = cookie_for(anna["id"])
    assert refusal(await client.post(AVATAR, headers=headers)) == (406, "FST_INVALID_MULTIPART_CONTENT_TYPE")
    as_json = await client.post(AVATAR, json={}, headers=headers)
    assert as_json.json()["message"] == "the request is not multipart"
    encoded = await client.post(AVATAR, data={"a": "b"}, headers=headers)
    assert refusal(encoded) == (415, "FST_ERR_CTP_INVALID_MEDIA_TYPE")
    form = {"Content-Type": "multipart/form-data; boundary=b"} | headers
    only_text = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\ntext\r\n--b--\r\n'
    assert refusal(await client.post(AVATAR, content=only_text, headers=form)) == (400, "GPFERR008")


async def test_a_storage_that_fails_is_told_and_nothing_is_half_there(
    platform: Platform, upload: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    put = LocalStorage.put

    async def fill_up(storage: LocalStorage, key: str, *arguments: Any, **options: Any) -> int:
        if key.endswith("original"):
            raise OSError("No space left on device")
        return await put(storage, key, *arguments, **options)

    monkeypatch.setattr(LocalStorage, "put", fill_up)
    refused = await upload(picture())
    assert refusal(refused) == (500, "GPFERR010")
    assert await _has_avatar(platform) is None
    assert await _stored(platform) == []


async def test_who_has_no_picture(client: httpx.AsyncClient, factory: Factory) -> None:
    guest = await factory.guest((await factory.item())["path"], extra={"hasAvatar": True})
    for row in (guest, await factory.member(), await factory.member(extra={"hasAvatar": "yes"})):
        answer = await client.get(f"/api/members/{row['id']}/avatar/small")
        assert (answer.status_code, answer.content) == (204, b"")


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, factory: Factory) -> None:
    unknown = uuid4()
    answer = await client.get(f"/api/members/{unknown}/avatar/small")
    assert answer.status_code == 404
    assert answer.json() == {
        "name": "ACCOUNT_NOT_FOUND",
        "code": "GPAECCRR001",
        "message": "ACCOUNT_NOT_FOUND",
        "statusCode": 404,
        "data": str(unknown),
        "origin": "graasp-plugin-account",
    }
    lost = await factory.member(extra={"hasAvatar": True})
    answer = await client.get(f"/api/members/{lost['id']}/avatar/large")
    assert refusal(answer) == (404, "GPFERR006")
    assert answer.json()["data"] == {"filepath": f"avatars/{lost['id']}/large"}
    for path in (f"/api/members/{unknown}/avatar/huge", "/api/members/nobody/avatar/small"):
        assert refusal(await client.get(path)) == (400, "FST_ERR_VALIDATION")


async def test_who_may_show_a_picture(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    shown = await factory.member(extra={})
    for caller, headers in (await every_caller(factory, cookie_for)).items():
        answer = await client.post(AVATAR, files={"file": ("a", picture(), "image/png")}, headers=headers)
        if caller == "member":
            assert answer.status_code == 204
        else:
            wanted = NOT_VALIDATED if caller in ("guest", "unvalidated member") else UNAUTHORIZED
            assert refusal(answer) == wanted, caller
        seen = await client.get(f"/api/members/{shown['id']}/avatar/small", headers=headers)
        assert seen.status_code == 204, caller


async def test_links_are_given_without_redis_too(
    client: httpx.AsyncClient, anna: Row, upload: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    await upload(picture(600, 300))

    async def fail(*_: object, **__: object) -> None:
        raise redis.asyncio.ConnectionError

    monkeypatch.setattr(redis.asyncio.Redis, "mget", fail)
    assert size_of(await _shown(client, anna["id"], "medium")) == (256, 128)


class TestOnS3:
    @pytest.fixture
    def settings(self, s3_settings: Settings) -> Settings:
        return s3_settings

    async def test_pictures_carry_their_member_and_links_are_signed(
        self, client: httpx.AsyncClient, anna: Row, upload: Callable[..., Any]
    ) -> None:
        assert (await upload(picture(600, 300))).status_code == 204
        answer = await client.get(f"/api/members/{anna['id']}/avatar/small")
        async with httpx.AsyncClient() as browser:
            stored = await browser.get(answer.text)
        assert stored.headers["content-type"] == "image/webp"
        assert stored.headers["x-amz-meta-member"] == str(anna["id"])
        assert size_of(stored.content) == (40, 20)

    async def test_a_lost_object_is_not_found(self, client: httpx.AsyncClient, factory: Factory) -> None:
        lost = await factory.member(extra={"hasAvatar": True})
        answer = await client.get(f"/api/members/{lost['id']}/avatar/large")
        assert refusal(answer) == (404, "GPFERR007")
