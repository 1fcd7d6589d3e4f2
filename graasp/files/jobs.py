"""Thumbnails of files that are too large to be decoded while somebody waits, as a job."""

from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec, RetryPolicy


class DecodeFile(BaseModel):
    """The file of an item, by its storage key: nothing is done once the item has another one."""

    item_id: UUID
    storage_key: str


DECODE_FILE = JobSpec(
    name="decode-file",
    queue="item-thumbnails",
    payload=DecodeFile,
    timeout=timedelta(minutes=30),
    retry=RetryPolicy(max_attempts=4),
    deduplicate=lambda file: file.storage_key,
)
