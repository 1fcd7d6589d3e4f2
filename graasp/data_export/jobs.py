"""The export of what the platform knows of a member, as a job."""

from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec, RetryPolicy


class ExportMemberData(BaseModel):
    member_id: UUID


EXPORT_MEMBER_DATA = JobSpec(
    name="export-member-data",
    queue="item-export",
    payload=ExportMemberData,
    timeout=timedelta(hours=2),
    retry=RetryPolicy(max_attempts=4),
    deduplicate=lambda export: str(export.member_id),
)
