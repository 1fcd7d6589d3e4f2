"""The export of a folder, as a job."""

from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec, RetryPolicy


class ExportFolder(BaseModel):
    item_id: UUID
    member_id: UUID


EXPORT_FOLDER = JobSpec(
    name="export-folder-zip",
    queue="item-export",
    payload=ExportFolder,
    timeout=timedelta(hours=2),
    retry=RetryPolicy(max_attempts=4),
    deduplicate=lambda export: f"{export.member_id}:{export.item_id}",
)
