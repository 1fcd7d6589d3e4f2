"""Deletes what has been in the recycle bin for too long."""

from graasp.recycle_bin import service
from graasp.recycle_bin.jobs import PURGE, Purge
from worker.execution import RunningJob
from worker.registry import handles

_BATCH = 100


@handles(PURGE)
async def purge(job: RunningJob, _: Purge) -> None:
    """Idempotent: each tree goes in a transaction of its own, and what is gone is not found again."""
    trees = items = 0
    kept: list[str] = []
    while paths := await service.expired(job.platform.reads, batch=_BATCH, skipped=kept):
        for path in paths:
            async with job.unit_of_work() as uow:
                gone = await service.purge(uow, path)
            if gone:
                trees += 1
                items += gone
            else:
                kept.append(path)
            job.progress(items, text=f"items of {trees} trees deleted")
    async with job.completing({"trees": trees, "items": items}):
        pass
