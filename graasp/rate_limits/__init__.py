"""How often somebody may try: counted in Redis, and in this process while Redis is down."""

import time

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from graasp.http.errors import TooManyRequests
from graasp.settings import Settings

log = structlog.get_logger(__name__)

SIGN_IN_BY_ADDRESS = parse("30 per minute")
SIGN_IN_BY_ACCOUNT = parse("10 per minute")
MAIL_BY_ADDRESS = parse("20 per minute")
MAIL_BY_ACCOUNT = parse("5 per minute")


class RateLimits:
    """Moving windows per purpose and key."""

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.rate_limits
        self._shared = MovingWindowRateLimiter(
            RedisStorage(f"async+{settings.redis_connection}", implementation="redispy")
        )
        self._local = MovingWindowRateLimiter(MemoryStorage())

    async def require(self, purpose: str, *limits: tuple[RateLimitItem, str]) -> None:
        """Count one try against every limit and key. Raises TooManyRequests with when to come back."""
        if not self._enabled:
            return
        for limit, key in limits:
            if not await self._hit(limit, purpose, key):
                raise TooManyRequests(await self._wait(limit, purpose, key))

    async def _hit(self, limit: RateLimitItem, purpose: str, key: str) -> bool:
        try:
            return await self._shared.hit(limit, purpose, key)
        except (RedisError, OSError) as error:
            log.warning("counting tries in this process", reason=str(error))
            return await self._local.hit(limit, purpose, key)

    async def _wait(self, limit: RateLimitItem, purpose: str, key: str) -> int:
        try:
            stats = await self._shared.get_window_stats(limit, purpose, key)
        except (RedisError, OSError):
            return limit.get_expiry()
        return int(stats.reset_time - time.time()) + 1
