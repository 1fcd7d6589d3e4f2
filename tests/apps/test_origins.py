"""Where apps are served from: known at once, and the database is spared."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from graasp.apps import origins
from graasp.apps.origins import AppOrigins
from graasp.db.database import DatabaseUnavailable, Row


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Publishers:
    """A reader of what there is; of nothing while it is away."""

    def __init__(self) -> None:
        self.known = ["https://apps.test"]
        self.is_away = False
        self.asked = 0

    async def all(self, statement: Any, **params: Any) -> Sequence[Row]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise DatabaseUnavailable
        return [{"origin": origin} for origin in self.known]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(origins, "time", clock)
    return clock


async def test_origins_are_read_once_a_minute(clock: Clock) -> None:
    publishers = Publishers()
    known = AppOrigins(lambda: publishers)
    assert await asyncio.gather(*(known.include("https://apps.test") for _ in range(5))) == [True] * 5
    assert not await known.include("https://new.test")
    publishers.known.append("https://new.test")
    clock.now += 59
    assert not await known.include("https://new.test")
    assert publishers.asked == 1
    clock.now += 2
    assert await known.include("https://new.test")
    assert publishers.asked == 2


async def test_a_database_that_is_away_is_not_asked_for_each_stranger(clock: Clock) -> None:
    publishers = Publishers()
    known = AppOrigins(lambda: publishers)
    assert await known.include("https://apps.test")
    publishers.is_away = True
    clock.now += 61
    answers = await asyncio.gather(*(known.include(f"https://{n}.evil.test") for n in range(50)))
    assert not any(answers)
    # What was known goes on being so.
    assert await known.include("https://apps.test")
    assert publishers.asked == 2
    clock.now += 6
    publishers.is_away = False
    publishers.known = ["https://new.test"]
    assert await known.include("https://new.test")
    assert not await known.include("https://apps.test")
    assert publishers.asked == 3
