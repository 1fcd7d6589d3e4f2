"""Cron entries become jobs, once."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from graasp.jobs.tables import job
from graasp.platform import Platform
from worker.schedule import SCHEDULE, tick

_START = datetime(2030, 1, 1, 10, 0, tzinfo=UTC)


async def _jobs(platform: Platform) -> int:
    return int(await platform.reads.scalar(select(func.count()).select_from(job)))


async def test_the_first_tick_only_starts_the_clock(platform: Platform) -> None:
    assert await tick(platform, _START) == []
    assert await _jobs(platform) == 0


async def test_any_number_of_workers_enqueues_an_entry_once(platform: Platform) -> None:
    await tick(platform, _START)
    later = _START + timedelta(hours=1)
    ticked = await asyncio.gather(*(tick(platform, later) for _ in range(8)))
    assert sorted(name for names in ticked for name in names) == sorted(
        entry.name for entry in SCHEDULE if _due(entry.cron)
    )
    assert await tick(platform, later) == []


def _due(cron: str) -> bool:
    return cron.endswith("* * * *")


async def test_ticks_that_nobody_was_there_for_are_caught_up_once(platform: Platform) -> None:
    await tick(platform, _START)
    names = await tick(platform, _START + timedelta(days=3))
    assert len(names) == len(set(names)) > 0
    assert await _jobs(platform) == len(names)
