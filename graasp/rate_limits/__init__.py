"""How often somebody may try: counted in Redis, and in this process while Redis is down."""

import time
from ipaddress import IPv6Address, IPv6Network

import redis.asyncio
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from graasp.http.errors import TooManyRequests

# A whole class comes from one address, at the beginning of a lesson.
SIGN_IN_BY_ADDRESS = parse("100 per minute")
SIGN_IN_BY_ACCOUNT = parse("10 per minute")
GUEST_BY_ADDRESS = parse("300 per minute")
REQUESTS_BY_ACCOUNT = parse("30 per minute")
MAIL_BY_ADDRESS = parse("60 per minute")
MAIL_BY_ACCOUNT = parse("5 per minute")
INVITE_BY_ACCOUNT = parse("60 per minute")
RESEND_BY_INVITATION = parse("5 per hour")
IMPORT_BY_ACCOUNT = parse("30 per minute")
EXPORT_BY_ACCOUNT = parse("30 per minute")
EXPORT_BY_ADDRESS = parse("120 per minute")
# What this server asks others for, on behalf of one account.
FETCHES_BY_ACCOUNT = parse("60 per minute")
# Each answer is paid for; a whole class asks in one item.
CHATBOT_BY_ACCOUNT = parse("20 per minute")
CHATBOT_BY_ITEM = parse("300 per minute")


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
            retry_after = await self._hit(limit, purpose, _by_network(key))
            if retry_after is not None:
                raise TooManyRequests(retry_after)

    async def _hit(self, limit: RateLimitItem, purpose: str, key: str) -> int | None:
        """Nothing, or the seconds until the next try counts."""
        try:
            return await _counted(self._shared, limit, purpose, key)
        except (RedisError, OSError):
            return await _counted(self._local, limit, purpose, key)


def _by_network(key: str) -> str:
    """The network of an IPv6 address: whoever has one address of it has all the others too."""
    try:
        address = IPv6Address(key)
    except ValueError:
        return key
    return str(address.ipv4_mapped or IPv6Network((int(address), 64), strict=False))


async def _counted(
    limiter: MovingWindowRateLimiter, limit: RateLimitItem, purpose: str, key: str
) -> int | None:
    if await limiter.hit(limit, purpose, key):
        return None
    stats = await limiter.get_window_stats(limit, purpose, key)
    return int(stats.reset_time - time.time()) + 1
