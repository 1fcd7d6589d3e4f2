"""What happens by the clock: one list, ticked once however many workers there are."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from croniter import croniter

from graasp.housekeeping.jobs import CLEAN_UP, SWEEP_STORAGE, CleanUp, SweepStorage
from graasp.jobs import queries
from graasp.jobs.spec import JobSpec
from graasp.platform import Platform
from graasp.recycle_bin.jobs import PURGE, Purge

_LOCK = 4


class Entry(NamedTuple):
    """A job at the times of a cron expression, in UTC."""

    name: str
    cron: str
    spec: JobSpec[Any]
    payload: Any


SCHEDULE = (
    Entry("clean-up", "17 * * * *", CLEAN_UP, CleanUp()),
    Entry("purge-recycle-bin", "0 3 * * *", PURGE, Purge()),
    Entry("sweep-storage", "23 4 * * 0", SWEEP_STORAGE, SweepStorage()),
)


async def tick(platform: Platform, now: datetime | None = None) -> list[str]:
    """Enqueue what has become due since the last tick; the names. Any number of callers enqueue once."""
    now = now or datetime.now(UTC)
    ticked = []
    async with platform.unit_of_work() as uow:
        if not await uow.scalar(queries.TRY_LOCK, part=_LOCK):
            return []
        for entry in SCHEDULE:
            last = await uow.scalar(queries.LAST_TICK, entry=entry.name)
            due = croniter(entry.cron, now).get_prev(datetime)
            if last is None or last < due:
                await uow.execute(queries.TICK, entry=entry.name, tick=now)
                # The first tick of a new installation only starts the clock.
                if last is not None:
                    await uow.enqueue(entry.spec, entry.payload)
                    ticked.append(entry.name)
    return ticked
