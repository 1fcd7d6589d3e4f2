"""The archive of what the platform knows of a member: asked for, written, removed."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from graasp import audit
from graasp.archives import Entry, zip_stream
from graasp.auth.gates import Caller
from graasp.data_export.data_sets import DATA_SETS
from graasp.data_export.jobs import EXPORT_MEMBER_DATA, ExportMemberData
from graasp.db.copying import copy_lines
from graasp.db.database import Transaction
from graasp.platform import Platform, UnitOfWork

_NOW = text("select now()")


async def request(uow: UnitOfWork, caller: Caller) -> None:
    """Have the caller's archive made and mailed; while one is being made, another request joins it."""
    await uow.enqueue(EXPORT_MEMBER_DATA, ExportMemberData(member_id=caller.id), account_id=caller.id)
    audit.happened(uow, "data export requested", caller.id)


async def write_archive(platform: Platform, member_id: UUID, attempt: str) -> str:
    """Stream an archive from the database to storage; its key, which `attempt` makes its own."""
    async with platform.database.snapshot() as transaction:
        now = await transaction.scalar(_NOW)
        key = f"{_folder(member_id)}/{now:%Y%m%dT%H%M%SZ}-{attempt}.zip"
        archive = zip_stream(_entries(transaction, member_id, now))
        await platform.storage.put(
            key, archive, content_type="application/zip", metadata={"member": str(member_id)}
        )
    return key


async def remove_attempts(platform: Platform, member_id: UUID, attempts: str) -> None:
    """Delete the archives of attempts whose names begin so."""
    async for key in platform.storage.list(_folder(member_id)):
        if f"-{attempts}" in key:
            await platform.storage.delete(key)


async def remove_archives(platform: Platform, member_id: UUID) -> None:
    """Delete every archive of a member that is gone."""
    await platform.storage.delete_folder(_folder(member_id))


def _folder(member_id: UUID) -> str:
    return f"export/{member_id}"


async def _entries(transaction: Transaction, member_id: UUID, now: datetime) -> AsyncIterator[Entry]:
    for data_set in DATA_SETS:
        rows = copy_lines(transaction, data_set.sql, member_id, separator=b",")
        yield Entry(f"{data_set.name}_{now:%Y-%m-%d %H-%M-%S}.json", now, _array(rows))


async def _array(rows: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"["
    async for chunk in rows:
        yield chunk
    yield b"]"
