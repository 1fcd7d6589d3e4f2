"""The import of an archive, as a job."""

from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec, RetryPolicy


class ImportArchive(BaseModel):
    """An archive that was received, by its storage key; it is gone when the job has ended."""

    storage_key: str
    member_id: UUID
    parent_id: UUID | None


IMPORT_ARCHIVE = JobSpec(
    name="import-zip",
    queue="item-import",
    payload=ImportArchive,
    timeout=timedelta(hours=2),
    retry=RetryPolicy(max_attempts=4),
)
