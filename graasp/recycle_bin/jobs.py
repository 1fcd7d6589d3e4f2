"""What happens to the recycle bin, as jobs."""

from datetime import timedelta

from pydantic import BaseModel

from graasp.items.trees.jobs import TreeOperation, tree_job
from graasp.jobs.spec import JobSpec


class Purge(BaseModel):
    """Nothing to tell: everything that has expired goes."""


RECYCLE_ITEMS = tree_job("recycle-items", TreeOperation)
RESTORE_ITEMS = tree_job("restore-items", TreeOperation)
PURGE = JobSpec(
    name="purge-recycle-bin",
    queue="scheduled-jobs",
    payload=Purge,
    timeout=timedelta(hours=6),
    deduplicate=lambda _: "purge-recycle-bin",
)
