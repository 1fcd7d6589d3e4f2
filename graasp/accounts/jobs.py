"""What a deleted account leaves to be done."""

from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec


class DeleteAccountFiles(BaseModel):
    """`app_files` are the storage keys of what it had in apps, which nothing tells any more."""

    account_id: UUID
    app_files: list[str] = []


DELETE_ACCOUNT_FILES = JobSpec(
    name="delete-account-files",
    queue="scheduled-jobs",
    payload=DeleteAccountFiles,
    timeout=timedelta(minutes=10),
)
