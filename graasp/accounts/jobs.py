"""What a deleted account leaves to be done."""

from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec


class DeleteAccountFiles(BaseModel):
    account_id: UUID


DELETE_ACCOUNT_FILES = JobSpec(
    name="delete-account-files",
    queue="scheduled-jobs",
    payload=DeleteAccountFiles,
    timeout=timedelta(minutes=10),
)
