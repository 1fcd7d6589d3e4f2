"""Tries are counted across processes, and in each process while Redis is away."""

from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from limits import parse

from graasp.embedded.process import free_port
from graasp.http.errors import TooManyRequests
from graasp.rate_limits import RateLimits
from graasp.redis_client import redis_client

THRICE = parse("3 per minute")


@pytest.fixture
async def connection(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    client = redis_client(redis_url)
    await client.flushall()
    yield client
    await client.aclose()


async def tries_until_refused(*limits: RateLimits, key: str = "somebody") -> int:
    for number in range(10):
        try:
            await limits[number % len(limits)].require("sign-in", (THRICE, key))
        except TooManyRequests:
            return number
    raise AssertionError("never refused")


async def test_processes_count_together(connection: redis.asyncio.Redis) -> None:
    assert await tries_until_refused(RateLimits(connection), RateLimits(connection)) == 3
    assert await tries_until_refused(RateLimits(connection), key="somebody else") == 3


async def test_every_limit_counts_and_the_refusal_tells_when_to_come_back(
    connection: redis.asyncio.Redis,
) -> None:
    limits = RateLimits(connection)
    asked = ("mail", (parse("9 per minute"), "address"), (parse("1 per minute"), "somebody"))
    await limits.require(*asked)
    with pytest.raises(TooManyRequests) as refused:
        await limits.require(*asked)
    assert 0 < refused.value.retry_after <= 61
    await limits.require("sign-in", (THRICE, "somebody"))


async def test_a_process_counts_for_itself_while_redis_is_away() -> None:
    connection = redis_client(f"redis://127.0.0.1:{free_port()}")
    assert await tries_until_refused(RateLimits(connection)) == 3
    await connection.aclose()


def test_a_url_without_a_port_is_good_enough() -> None:
    RateLimits(redis_client("redis://redis.example.org"))


async def test_counting_can_be_switched_off(connection: redis.asyncio.Redis) -> None:
    limits = RateLimits(connection, enabled=False)
    for _ in range(10):
        await limits.require("sign-in", (THRICE, "somebody"))
