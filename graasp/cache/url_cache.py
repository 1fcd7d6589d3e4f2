"""Links to stored objects, kept in Redis for less than they are valid."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from graasp.storage import FileStorage
from graasp.storage.errors import DownloadFileUnexpectedError
from graasp.storage.protocol import InvalidKey

log = structlog.get_logger(__name__)

_PREFIX = "file_service_url_caching:"
_VALID = timedelta(seconds=3600)
# Shorter than the links live: nobody is handed one in its last second.
_KEPT_S = 3000


class UrlCache:
    """Signing is local and cheap; the cache only keeps links stable for browsers. Redis may be down."""

    def __init__(self, connection: redis.asyncio.Redis, storage: FileStorage) -> None:
        self._connection = connection
        self._storage = storage

    async def one(self, key: str) -> str:
        """A link to one object, valid for at least ten minutes."""
        return (await self.many([key]))[key]

    async def existing(self, key: str) -> str:
        """A link to an object that is there, unless the link is cached: then nobody looks.

        Raises the storage's own not-found error, DownloadFileUnexpectedError when the storage fails.
        """
        if cached := (await self._cached([key]))[0]:
            return cached.decode()
        try:
            size = await self._storage.size(key)
        except InvalidKey:
            size = None
        except Exception as error:
            raise DownloadFileUnexpectedError from error
        if size is None:
            raise self._storage.not_found({"filepath": key})
        return await self.one(key)

    async def many(self, keys: Sequence[str]) -> dict[str, str]:
        """Links to many objects, by key; whether the objects exist is not asked."""
        if not keys:
            return {}
        cached = await self._cached(keys)
        urls = {key: value.decode() for key, value in zip(keys, cached, strict=True) if value}
        missing = [key for key in keys if key not in urls]
        if missing:
            fresh = {key: await self._storage.url(key, expires=_VALID) for key in missing}
            await self._keep(fresh)
            urls |= fresh
        return urls

    async def forget(self, *keys: str) -> None:
        """To be called when objects are written or deleted."""
        if not keys:
            return
        try:
            await self._connection.delete(*(_PREFIX + key for key in keys))
        except (RedisError, OSError) as error:
            log.warning("cached links kept", reason=str(error))

    async def clear(self) -> None:
        """Forget every link."""
        try:
            async for key in self._connection.scan_iter(match=f"{_PREFIX}*", count=1000):
                await self._connection.delete(key)
        except (RedisError, OSError) as error:
            log.warning("cached links kept", reason=str(error))

    async def _cached(self, keys: Sequence[str]) -> list[bytes | None]:
        try:
            found: Any = await self._connection.mget([_PREFIX + key for key in keys])
        except (RedisError, OSError):
            return [None] * len(keys)
        return list(found)

    async def _keep(self, urls: dict[str, str]) -> None:
        try:
            async with self._connection.pipeline(transaction=False) as pipeline:
                for key, url in urls.items():
                    pipeline.set(_PREFIX + key, url, ex=_KEPT_S)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("links not cached", reason=str(error))
