"""Whoever needs Redis is told soon when it is not there, and finds it again when it is."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import redis.asyncio
from redis.exceptions import RedisError

from graasp.redis_client import RedisPaused, redis_client
from tests.proxies import Proxy, proxy_to


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    port = urlsplit(redis_url).port
    assert port is not None
    async with proxy_to(port) as opened:
        yield opened


@pytest.fixture
async def connection(redis_url: str, proxy: Proxy) -> AsyncIterator[redis.asyncio.Redis]:
    parts = urlsplit(redis_url)
    client = redis_client(f"redis://:{parts.password}@127.0.0.1:{proxy.port}/0")
    yield client
    await client.aclose()


async def until_it_answers(connection: redis.asyncio.Redis) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await connection.set("key", "value")
            except RedisError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_a_server_that_stalls_is_waited_for_once_and_not_again_and_again(
    connection: redis.asyncio.Redis, proxy: Proxy
) -> None:
    await asyncio.gather(*(connection.set(f"{n}", n) for n in range(20)))
    proxy.stall()
    # Far below what twenty time-outs of twenty connections would take.
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*(connection.get(f"{n}") for n in range(20)), return_exceptions=True)
        assert all(isinstance(outcome, RedisError) for outcome in outcomes)
        for n in range(20):
            with pytest.raises(RedisPaused):
                await connection.get(f"{n}")
    proxy.resume()
    await until_it_answers(connection)


async def test_a_server_that_refuses_connections_is_found_again(
    connection: redis.asyncio.Redis, proxy: Proxy
) -> None:
    await connection.set("key", "value")
    proxy.close()
    with pytest.raises(RedisError):
        await connection.get("key")
    await proxy.open()
    await until_it_answers(connection)


async def test_a_connection_that_broke_meanwhile_is_replaced_without_a_failure(
    connection: redis.asyncio.Redis, proxy: Proxy
) -> None:
    await connection.set("key", "value")
    proxy.break_off()
    assert await connection.get("key") == b"value"
