"""What changes whole trees, as jobs."""

from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

from graasp.actions.recording import RequestOrigin
from graasp.jobs.spec import JobSpec, RetryPolicy

QUEUE = "item-tree"


class TreeOperation(BaseModel):
    """Items that an account asked to change, and where the request came from."""

    item_ids: list[UUID]
    account_id: UUID
    origin: RequestOrigin


class TreeTransfer(TreeOperation):
    """An operation with a folder as its destination, or the root when there is none."""

    parent_id: UUID | None = None


class Leftovers(BaseModel):
    """What deleted items leave outside the database: stored objects, prefixes of thumbnails, folders, pads, packages (content ids)."""

    keys: list[str] = []
    thumbnails: list[str] = []
    folders: list[str] = []
    pads: list[str] = []
    packages: list[str] = []


class Deletion(BaseModel):
    """A deletion whose items have more actions than were changed at once."""

    deletion_id: UUID


O = TypeVar("O", bound=TreeOperation)  # noqa: E741 - an operation


def tree_job(name: str, payload: type[O]) -> JobSpec[O]:
    return JobSpec(
        name=name,
        queue=QUEUE,
        payload=payload,
        timeout=timedelta(minutes=30),
        # Somebody watches: what met another operation on the same tree is tried again at once.
        retry=RetryPolicy(max_attempts=6, first_delay=timedelta(milliseconds=500)),
        # The payload has the client's address.
        wipe_payload=True,
    )


MOVE_ITEMS = tree_job("move-items", TreeTransfer)
COPY_ITEMS = tree_job("copy-items", TreeTransfer)
DELETE_ITEMS = tree_job("delete-items", TreeOperation)
REMOVE_LEFTOVERS: JobSpec[Any] = JobSpec(
    name="remove-leftovers",
    queue="scheduled-jobs",
    payload=Leftovers,
    timeout=timedelta(hours=1),
    retry=RetryPolicy(max_attempts=10),
)
FINISH_DELETION = JobSpec(
    name="finish-deletion",
    queue="scheduled-jobs",
    payload=Deletion,
    timeout=timedelta(hours=6),
    retry=RetryPolicy(max_attempts=10),
    deduplicate=lambda deletion: str(deletion.deletion_id),
)
