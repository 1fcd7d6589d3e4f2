"""Connections to Redis that hold up nobody: short time-outs, and a pause after a failure.

Nothing that people wait for depends on Redis being there: while it is down or slow, one request in a few seconds
finds that out, and all others are told at once.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry as BlockingRetry

log = structlog.get_logger(__name__)

T = TypeVar("T")

_TIMEOUT_S = 1.0
_PAUSE_S = 2.0
_MAX_CONNECTIONS = 200


class RedisPaused(RedisConnectionError):
    """Redis failed a moment ago; it is not asked again yet."""


class PausingRetry(Retry):
    """Repeats a command once on a new connection, then refuses all of them for a while.

    A time-out is not repeated: whoever asked has waited long enough.
    """

    def __init__(self) -> None:
        super().__init__(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
        self._paused_until = 0.0

    def __deepcopy__(self, _: dict[int, Any]) -> "PausingRetry":
        # Every connection copies its policy; the pause is of them all.
        return self

    async def call_with_retry(self, do: Callable[[], Awaitable[T]], *args: Any, **options: Any) -> T:
        if time.monotonic() < self._paused_until:
            raise RedisPaused("Redis failed a moment ago")
        try:
            return await super().call_with_retry(do, *args, **options)
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            self._paused_until = time.monotonic() + _PAUSE_S
            log.warning("Redis does not answer, doing without it", reason=str(error))
            raise


def redis_client(url: str) -> redis.asyncio.Redis:
    """A client with a pool of connections; to be closed with `aclose`."""
    return redis.asyncio.Redis.from_url(
        url,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        health_check_interval=30,
        max_connections=_MAX_CONNECTIONS,
        retry=PausingRetry(),
    )


def blocking_redis_client(url: str) -> redis.Redis:
    """For threads that may wait a little."""
    return redis.Redis.from_url(
        url,
        socket_timeout=2 * _TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        health_check_interval=30,
        retry=BlockingRetry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
