"""What is left to be done once items are deleted: their actions, and what they left in storage."""

from graasp.actions.detaching import batches, detach
from graasp.items.trees.deletion import buried, delete_buried, remove_leftovers
from graasp.items.trees.jobs import FINISH_DELETION, REMOVE_LEFTOVERS, Deletion, Leftovers
from worker.execution import RunningJob
from worker.registry import handles

_ITEMS_AT_ONCE = 50


@handles(FINISH_DELETION)
async def finish(job: RunningJob, deletion: Deletion) -> None:
    """Idempotent: what is detached and what is gone is not found again. In short transactions, which hold up nobody."""
    reads = job.platform.database.primary_reads
    item_ids = await buried(reads, deletion.deletion_id)
    detached = 0
    for period in await batches(reads, item_ids):
        async with job.unit_of_work() as uow:
            detached += await detach(uow, item_ids, period)
        job.progress(detached, text="actions detached")
    for start in range(0, len(item_ids), _ITEMS_AT_ONCE):
        async with job.unit_of_work() as uow:
            await delete_buried(uow, item_ids[start : start + _ITEMS_AT_ONCE])
    async with job.completing({"actions": detached, "items": len(item_ids)}):
        pass


@handles(REMOVE_LEFTOVERS)
async def remove(job: RunningJob, left: Leftovers) -> None:
    """Idempotent: what is gone is gone."""
    await remove_leftovers(job.platform, left)
