"""Results that are dear to work out, kept in Redis for a few seconds."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import redis.asyncio
import structlog
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

_PREFIX = "result:"


class ResultCache:
    """Whoever asks for what is being worked out waits for it; Redis may be down."""

    def __init__(self, connection: redis.asyncio.Redis) -> None:
        self._connection = connection
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def get(self, key: str, *, seconds: int, work: Callable[[], Awaitable[Any]]) -> Any:
        """The result of `work`, at most `seconds` old; something that JSON can say."""
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.create_task(self._find(key, seconds, work))
            running.add_done_callback(lambda _: self._running.pop(key))
        # One that gives up waiting takes the result from nobody else.
        return await asyncio.shield(running)

    async def _find(self, key: str, seconds: int, work: Callable[[], Awaitable[Any]]) -> Any:
        try:
            kept = await self._connection.get(_PREFIX + key)
        except (RedisError, OSError):
            kept = None
        if kept is not None:
            return orjson.loads(kept)
        result = orjson.dumps(await work(), default=str)
        try:
            await self._connection.set(_PREFIX + key, result, ex=seconds)
        except (RedisError, OSError) as error:
            log.warning("result not kept", reason=str(error))
        return orjson.loads(result)
