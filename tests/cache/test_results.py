"""Results that are dear to work out."""

import asyncio

import pytest

from graasp.cache.results import ResultCache
from graasp.platform import Platform
from graasp.redis_client import redis_client


class Work:
    """Counts how often it is done."""

    def __init__(self, result: object) -> None:
        self.result = result
        self.done = 0
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self) -> object:
        self.done += 1
        await self.may_end.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.mark.parametrize("result", [{"a": [1, None]}, [], {}, None, False])
async def test_a_result_is_worked_out_once_even_an_empty_one(platform: Platform, result: object) -> None:
    work = Work(result)
    for _ in range(3):
        assert await platform.results.get("k", seconds=10, work=work) == result
    assert work.done == 1
    assert 0 < await platform.redis.ttl("result:k") <= 10


async def test_who_asks_meanwhile_waits_for_the_one_who_works(platform: Platform) -> None:
    work = Work(7)
    work.may_end.clear()
    asking = [asyncio.create_task(platform.results.get("k", seconds=10, work=work)) for _ in range(20)]
    while not work.done:
        await asyncio.sleep(0.01)
    # One that gives up takes nothing from the others.
    asking[0].cancel()
    await asyncio.sleep(0.01)
    work.may_end.set()
    assert await asyncio.gather(*asking[1:]) == [7] * 19
    assert work.done == 1


async def test_other_processes_find_it(platform: Platform) -> None:
    other = ResultCache(platform.redis)
    await platform.results.get("k", seconds=10, work=Work("here"))
    assert await other.get("k", seconds=10, work=Work("there")) == "here"


async def test_a_failure_is_told_to_all_who_wait_and_not_kept(platform: Platform) -> None:
    with pytest.raises(ValueError, match="no"):
        await platform.results.get("k", seconds=10, work=Work(ValueError("no")))
    assert await platform.results.get("k", seconds=10, work=Work(1)) == 1


async def test_without_redis_it_is_worked_out_each_time() -> None:
    connection = redis_client("redis://127.0.0.1:1")
    work = Work(1)
    cache = ResultCache(connection)
    assert [await cache.get("k", seconds=10, work=work) for _ in range(2)] == [1, 1]
    assert work.done == 2
    await connection.aclose()
