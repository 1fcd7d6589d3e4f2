"""What keeps jobs alive beside the processes that run them: relay, rescue of orphans, schedule."""

import asyncio
import time

import structlog
from redis.exceptions import RedisError

from graasp.db.database import DatabaseUnavailable
from graasp.jobs import queries
from graasp.platform import Platform
from worker.schedule import tick

log = structlog.get_logger(__name__)

_SCHEDULE_EVERY_S = 20.0


async def upkeep(platform: Platform, stopping: asyncio.Event) -> None:
    """Run until told to stop. Every worker does it; each step is safe to be done by many at once."""
    settings = platform.settings
    next_rescue = next_tick = 0.0
    while not stopping.is_set():
        try:
            await platform.jobs.relay()
            if time.monotonic() >= next_rescue:
                await rescue(platform)
                next_rescue = time.monotonic() + settings.job_stale_after_seconds / 4
            if time.monotonic() >= next_tick:
                await tick(platform)
                next_tick = time.monotonic() + _SCHEDULE_EVERY_S
        except (DatabaseUnavailable, RedisError, OSError) as error:
            log.warning("upkeep interrupted, will be repeated", reason=str(error))
        try:
            await asyncio.wait_for(stopping.wait(), settings.job_poll_seconds)
        except TimeoutError:
            continue


async def rescue(platform: Platform) -> None:
    """Queue again what lost its process, and hand over again what Redis has lost."""
    stale = platform.settings.job_stale_after_seconds
    async with platform.database.transaction() as transaction:
        orphans = await transaction.all(queries.RESUME_ORPHANS, seconds=stale)
    for orphan in orphans:
        log.warning("job lost its process, queued again", job_id=str(orphan["id"]))
    lost = await platform.jobs.find_lost(stale / 2)
    if lost:
        log.warning("jobs lost by the transport, handed over again", jobs=lost)
    if orphans or lost:
        await platform.jobs.relay()
