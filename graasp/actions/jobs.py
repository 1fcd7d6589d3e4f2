"""The export of an item's actions, as a job."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec, RetryPolicy


class ExportActions(BaseModel):
    item_id: UUID
    member_id: UUID
    format: Literal["json", "csv"]


EXPORT_ACTIONS = JobSpec(
    name="export-actions",
    queue="action-export",
    payload=ExportActions,
    timeout=timedelta(hours=2),
    retry=RetryPolicy(max_attempts=4),
    deduplicate=lambda export: f"{export.member_id}:{export.item_id}:{export.format}",
)
