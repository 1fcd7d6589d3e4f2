"""Exports a folder as plain files and mails the link."""

from contextlib import aclosing
from datetime import UTC, datetime
from uuid import uuid4

from graasp.accounts.service import mail_recipient
from graasp.archives import zip_stream
from graasp.db.ltree import parent_path
from graasp.downloads.service import announce, offer
from graasp.exports import queries
from graasp.exports.jobs import EXPORT_FOLDER, ExportFolder
from graasp.exports.raw import raw_entries
from graasp.http.errors import DomainError, FormattedError
from graasp.items.packing import raw_item
from graasp.items.service import contents, visible_tree
from graasp.jobs.spec import PermanentError
from graasp.mail.messages import folder_exported
from graasp.mail.service import send_mail
from graasp.memberships.authorization import Permission
from graasp.platform import UnitOfWork
from worker.execution import RunningJob
from worker.feedback import publish_failure, publish_success
from worker.handlers.refusals import permanent
from worker.registry import handles, on_final_failure


@handles(EXPORT_FOLDER)
async def export_folder(job: RunningJob, export: ExportFolder) -> None:
    """Idempotent: every attempt stores under a name of its own, and only the one that completes is ever linked."""
    platform = job.platform
    request_id = uuid4()
    key = f"item-export/{request_id}.zip"
    async with platform.database.snapshot() as transaction:
        with permanent(DomainError, FormattedError):
            root, outline = await visible_tree(transaction, export.member_id, export.item_id)
        member = await mail_recipient(transaction, export.member_id)
        if member is None:
            raise PermanentError("The account is gone.")
        await announce(platform, account_id=export.member_id, storage_key=key, within=job.spec.timeout)
        entries = raw_entries(
            platform,
            root,
            {parent_path(row["path"]) for row in outline},
            contents(transaction, outline),
            datetime.now(UTC),
            begun=lambda number: job.progress(number, len(outline), "items"),
        )
        async with aclosing(zip_stream(entries)) as archive:
            await platform.storage.put(
                key, archive, content_type="application/zip", metadata={"member": str(export.member_id)}
            )
    async with job.completing({"storageKey": key}) as uow:
        await uow.execute(
            queries.REQUEST, request_id=request_id, account_id=export.member_id, item_id=export.item_id
        )
        link = await offer(
            uow,
            account_id=export.member_id,
            storage_key=key,
            file_name=f"{root['name']}.zip",
            item_id=export.item_id,
            permission=Permission.READ,
        )
        mail = folder_exported(
            recipient=member["email"],
            lang=member["lang"],
            link=link,
            item_name=root["name"],
            days=platform.settings.archive_days,
        )
        await send_mail(uow, mail)
        item_id = str(export.item_id)
        publish_success(uow, export.member_id, "export", [item_id], {item_id: raw_item(root)})


@on_final_failure(EXPORT_FOLDER)
async def tell_failure(uow: UnitOfWork, export: ExportFolder, error: BaseException) -> None:
    publish_failure(uow, export.member_id, "export", [str(export.item_id)], error)
