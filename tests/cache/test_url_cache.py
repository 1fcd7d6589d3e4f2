"""Links to stored objects, kept for a while."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from graasp.cache.url_cache import UrlCache
from graasp.platform import Platform
from graasp.redis_client import redis_client
from graasp.storage.errors import DownloadFileUnexpectedError, LocalFileNotFound

KEY = "files/a"
KEPT_AS = f"file_service_url_caching:{KEY}"


@pytest.fixture
async def stored(platform: Platform) -> Platform:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    await platform.storage.put(KEY, chunks(), content_type="text/plain", metadata={})
    return platform


async def test_a_link_is_kept_for_less_than_it_is_valid(stored: Platform) -> None:
    url = await stored.urls.one(KEY)
    assert (await stored.redis.get(KEPT_AS)).decode() == url
    assert 0 < await stored.redis.ttl(KEPT_AS) < 3600
    await stored.redis.set(KEPT_AS, "kept")
    assert await stored.urls.many([KEY, "files/b"]) == {
        KEY: "kept",
        "files/b": await stored.urls.one("files/b"),
    }
    assert await stored.urls.many([]) == {}


async def test_links_are_forgotten_one_by_one_and_all_at_once(stored: Platform) -> None:
    for forget in (stored.urls.forget(KEY), stored.urls.clear(), stored.urls.forget()):
        await stored.urls.one(KEY)
        await stored.redis.set("something else", "1")
        await forget
        assert await stored.redis.get("something else") == b"1"
    assert await stored.redis.get(KEPT_AS) is not None
    await stored.urls.forget(KEY)
    assert await stored.redis.get(KEPT_AS) is None


async def test_only_a_miss_asks_whether_the_object_is_there(stored: Platform) -> None:
    url = await stored.urls.existing(KEY)
    await stored.storage.delete(KEY)
    assert await stored.urls.existing(KEY) == url
    await stored.urls.forget(KEY)
    with pytest.raises(LocalFileNotFound) as missing:
        await stored.urls.existing(KEY)
    assert missing.value.data == {"filepath": KEY}


async def test_a_storage_that_fails_is_told_in_general_words(
    stored: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> int:
        raise OSError("/secret")

    monkeypatch.setattr(type(stored.storage), "size", fail)
    with pytest.raises(DownloadFileUnexpectedError) as failure:
        await stored.urls.existing(KEY)
    assert failure.value.body()["message"] == "DOWNLOAD_FILE_UNEXPECTED_ERROR"


async def test_links_are_made_while_redis_is_down(stored: Platform) -> None:
    nowhere = redis_client("redis://127.0.0.1:1")
    urls = UrlCache(nowhere, stored.storage)
    try:
        assert KEY in await urls.existing(KEY)
        await urls.forget(KEY)
        await urls.clear()
    finally:
        await nowhere.aclose()
