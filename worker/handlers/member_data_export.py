"""Exports what the platform knows of a member and mails the link."""

from graasp.accounts.service import mail_recipient
from graasp.data_export.jobs import EXPORT_MEMBER_DATA, ExportMemberData
from graasp.data_export.service import remove_archives, remove_attempts, write_archive
from graasp.downloads.service import offer
from graasp.jobs.spec import PermanentError
from graasp.mail.messages import data_exported
from graasp.mail.service import send_mail
from worker.execution import RunningJob
from worker.registry import handles


@handles(EXPORT_MEMBER_DATA)
async def export_member_data(job: RunningJob, export: ExportMemberData) -> None:
    """Idempotent: an attempt stores under a name of its own, and what earlier ones left is removed."""
    platform = job.platform
    member = await mail_recipient(platform.reads, export.member_id)
    if member is None:
        await remove_archives(platform, export.member_id)
        raise PermanentError("The account is gone.")
    await remove_attempts(platform, export.member_id, job.id.hex)
    key = await write_archive(platform, export.member_id, f"{job.id.hex}-{job.attempt}")
    async with job.completing({"storageKey": key}) as uow:
        link = await offer(uow, account_id=export.member_id, storage_key=key, file_name="graasp-data.zip")
        days = platform.settings.archive_days
        await send_mail(
            uow, data_exported(recipient=member["email"], lang=member["lang"], link=link, days=days)
        )
