"""How often somebody may try: counted in Redis, and in this process while Redis is down."""

import time

import redis.asyncio
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from graasp.http.errors import TooManyRequests

SIGN_IN_BY_ADDRESS = parse("30 per minute")
SIGN_IN_BY_ACCOUNT = parse("10 per minute")
# A whole class comes from one address, at the beginning of a lesson.
GUEST_BY_ADDRESS = parse("300 per minute")
REQUESTS_BY_ACCOUNT = parse("30 per minute")
MAIL_BY_ADDRESS = parse("20 per minute")
MAIL_BY_ACCOUNT = parse("5 per minute")
INVITE_BY_ACCOUNT = parse("60 per minute")
RESEND_BY_INVITATION = parse("5 per hour")
# What this server asks others for, on behalf of one account.
FETCHES_BY_ACCOUNT = parse("60 per minute")


class RateLimits:
    """Moving windows per purpose and key."""

    def __init__(self, connection: redis.asyncio.Redis, *, enabled: bool = True) -> None:
        self._enabled = enabled
        # The library reads no URL that Redis clients accept without a port: it is given the pool instead.
        pool: object = connection.connection_pool
        self._shared = MovingWindowRateLimiter(
            RedisStorage("redis://", implementation="redispy", connection_pool=pool)  # type: ignore[arg-type]
        )
        self._local = MovingWindowRateLimiter(MemoryStorage())

    async def require(self, purpose: str, *limits: tuple[RateLimitItem, str]) -> None:
        """Count one try against every limit and key. Raises TooManyRequests with when to come back."""
        if not self._enabled:
            return
        for limit, key in limits:
            retry_after = await self._hit(limit, purpose, key)
            if retry_after is not None:
                raise TooManyRequests(retry_after)

    async def _hit(self, limit: RateLimitItem, purpose: str, key: str) -> int | None:
        """Nothing, or the seconds until the next try counts."""
        try:
            return await _counted(self._shared, limit, purpose, key)
        except (RedisError, OSError):
            return await _counted(self._local, limit, purpose, key)


async def _counted(
    limiter: MovingWindowRateLimiter, limit: RateLimitItem, purpose: str, key: str
) -> int | None:
    if await limiter.hit(limit, purpose, key):
        return None
    stats = await limiter.get_window_stats(limit, purpose, key)
    return int(stats.reset_time - time.time()) + 1
