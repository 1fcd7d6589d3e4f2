"""Exports the actions of an item and mails the link."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime

from graasp.accounts.service import mail_recipient
from graasp.actions import queries
from graasp.actions.export.archive import archive_name, export_entries
from graasp.actions.jobs import EXPORT_ACTIONS, ExportActions
from graasp.archives import zip_stream
from graasp.db.database import Reader, Row
from graasp.downloads.service import announce, offer
from graasp.http.errors import DomainError, FormattedError
from graasp.items.packing import raw_item
from graasp.jobs.spec import PermanentError
from graasp.mail.messages import actions_exported
from graasp.mail.service import send_mail
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import UnitOfWork
from worker.execution import RunningJob
from worker.feedback import publish_failure, publish_success
from worker.handlers.refusals import permanent
from worker.registry import handles, on_final_failure


@handles(EXPORT_ACTIONS)
async def export_actions(job: RunningJob, export: ExportActions) -> None:
    """Idempotent: an attempt stores under a name of its own, and only the one that completes is ever linked."""
    # Not from a replica: what has just been made is there.
    async with job.platform.database.transaction() as transaction:
        with permanent(DomainError, FormattedError):
            access = await authorize(transaction, export.member_id, export.item_id, Permission.ADMIN)
        member = await mail_recipient(transaction, export.member_id)
        if member is None:
            raise PermanentError("The account is gone.")
        recent = await _recent(transaction, job, export)
    item = access.item
    if recent is not None:
        async with job.completing({"sentAgain": True}) as uow:
            await _tell(uow, export, item, member, recent["storage_key"], recent["file_name"])
        return
    requested_at, key = await _write(job, export, item)
    async with job.completing({"storageKey": key}) as uow:
        await uow.execute(
            queries.EXPORT_REQUEST,
            account_id=export.member_id,
            item_id=export.item_id,
            format=export.format,
            requested_at=requested_at,
        )
        file_name = f"{archive_name(item['name'], export.format, requested_at)}.zip"
        await _tell(uow, export, item, member, key, file_name)


async def _recent(reader: Reader, job: RunningJob, export: ExportActions) -> Row | None:
    """An archive of the same kind, made a moment ago and still there."""
    row = await reader.first(
        queries.RECENT_EXPORT,
        account_id=export.member_id,
        item_id=export.item_id,
        format=export.format,
        key_pattern=f"actions/%\\_{export.format}\\_actions\\_%",
        window_s=float(job.platform.settings.action_export_window_seconds),
    )
    if row is None or await job.platform.storage.size(row["storage_key"]) is None:
        return None
    return row


async def _write(job: RunningJob, export: ExportActions, item: Row) -> tuple[datetime, str]:
    """Stream the archive from the database to storage; (the moment it shows, its key)."""
    async with job.platform.database.snapshot() as transaction:
        requested_at: datetime = await transaction.scalar(queries.NOW)
        # The attempt is part of the key: an orphan that still writes never touches the archive that is linked.
        name = f"{archive_name(item['name'], export.format, requested_at)}-{job.id.hex[:8]}-{job.attempt}"
        key = f"actions/{export.item_id}/{name}.zip"
        await announce(job.platform, account_id=export.member_id, storage_key=key, within=job.spec.timeout)
        entries = export_entries(transaction, item, export.format, requested_at)
        async with aclosing(_counted(job, zip_stream(entries))) as archive:
            await job.platform.storage.put(
                key, archive, content_type="application/zip", metadata={"member": str(export.member_id)}
            )
    return requested_at, key


async def _counted(job: RunningJob, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    written = 0
    async for chunk in chunks:
        written += len(chunk)
        job.progress(written, text="bytes of the archive written")
        yield chunk


async def _tell(
    uow: UnitOfWork, export: ExportActions, item: Row, member: Row, key: str, file_name: str
) -> None:
    link = await offer(
        uow,
        account_id=export.member_id,
        storage_key=key,
        file_name=file_name,
        item_id=export.item_id,
        permission=Permission.ADMIN,
    )
    mail = actions_exported(
        recipient=member["email"],
        lang=member["lang"],
        link=link,
        item_name=item["name"],
        export_format=export.format,
        days=uow.platform.settings.archive_days,
    )
    await send_mail(uow, mail)
    item_id = str(export.item_id)
    publish_success(uow, export.member_id, "export", [item_id], {item_id: raw_item(item)})


@on_final_failure(EXPORT_ACTIONS)
async def tell_failure(uow: UnitOfWork, export: ExportActions, error: BaseException) -> None:
    publish_failure(uow, export.member_id, "export", [str(export.item_id)], error)
