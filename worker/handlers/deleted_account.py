"""What is left to be deleted once an account is gone: its files."""

from graasp.accounts.jobs import DELETE_ACCOUNT_FILES, DeleteAccountFiles
from graasp.apps.files.removal import remove_files
from graasp.avatars.service import remove as remove_avatar
from graasp.data_export.service import remove_archives
from graasp.downloads.service import remove_orphans
from worker.execution import RunningJob
from worker.registry import handles


@handles(DELETE_ACCOUNT_FILES)
async def delete_account_files(job: RunningJob, deleted: DeleteAccountFiles) -> None:
    """Idempotent: what is gone is gone."""
    await remove_files(job.platform, *deleted.app_files)
    await remove_avatar(job.platform, deleted.account_id)
    await remove_archives(job.platform, deleted.account_id)
    await remove_orphans(job.platform)
