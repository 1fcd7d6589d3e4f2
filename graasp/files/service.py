"""Files of the item tree and the storage they use."""

from dataclasses import dataclass
from typing import Any, BinaryIO
from uuid import UUID

import structlog

from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.files import content, queries
from graasp.files.errors import (
    InvalidDownloadParameters,
    StorageExceeded,
    UploadEmptyFile,
)
from graasp.files.keys import new_file_key
from graasp.items.service import NewItem, create_item
from graasp.memberships.authorization import authorize
from graasp.platform import Platform, UnitOfWork
from graasp.storage.errors import UploadFileUnexpectedError

log = structlog.get_logger(__name__)

_LONGEST_NAME = 500


@dataclass(frozen=True)
class Upload:
    """A received file: its name without folders, the declared content type, its bytes."""

    name: str
    content_type: str
    size: int
    file: BinaryIO


async def add_file(
    platform: Platform,
    caller: Caller,
    upload: Upload,
    *,
    parent_id: UUID | None,
    previous_item_id: UUID | None,
) -> Row:
    """Store a file and make its item, or neither.

    Raises UploadEmptyFile, StorageExceeded, UploadFileUnexpectedError, and those of `create_item`.
    """
    if not upload.size:
        raise UploadEmptyFile
    mimetype = content.detected_type(upload.content_type, await content.head_of(upload.file))
    file = await content.safe_html(upload.file) if mimetype == "text/html" else upload.file
    key = new_file_key(upload.name)
    async with platform.unit_of_work() as uow:
        await require_space(uow, caller, upload.size)
        size = await _store(platform, caller, key, file, mimetype)
        try:
            if not size:
                raise UploadEmptyFile
            extra = {
                "name": upload.name,
                "path": key,
                "mimetype": mimetype,
                "size": size,
                "content": await content.pdf_text(file) if mimetype == "application/pdf" else "",
            }
            new = NewItem(type="file", name=upload.name[:_LONGEST_NAME], extra={"file": extra})
            return await create_item(uow, caller, new, parent_id=parent_id, previous_item_id=previous_item_id)
        except BaseException:
            await platform.storage.delete(key)
            raise


async def require_space(uow: UnitOfWork, caller: Caller, size: int) -> None:
    """As `check_space`; what the member uses does not change until the unit of work ends."""
    await uow.first(queries.LOCK_OWNER, account_id=caller.id)
    await check_space(uow.platform, uow, caller, size)


async def check_space(platform: Platform, reader: Reader, caller: Caller, size: int) -> None:
    """Raises StorageExceeded when so many more bytes are too many for a member."""
    total = await used_bytes(reader, caller.id) + size
    if total > platform.settings.max_storage_bytes:
        raise StorageExceeded(total)


async def _store(platform: Platform, caller: Caller, key: str, file: BinaryIO, mimetype: str) -> int:
    try:
        return await platform.storage.put(
            key, content.chunks_of(file), content_type=mimetype, metadata={"member": str(caller.id)}
        )
    except Exception as error:
        log.exception("storage refused an upload")
        raise UploadFileUnexpectedError(caller.id) from error


async def used_bytes(reader: Reader, account_id: UUID) -> int:
    """What the files of a member take, recycled ones not counted."""
    return int(await reader.scalar(queries.USED, account_id=account_id))


async def own_files(reader: Reader, account_id: UUID, page: int, page_size: int) -> list[dict[str, Any]]:
    """A member's files, the largest first, with the folder each lies in."""
    rows = await reader.all(
        queries.OWN, account_id=account_id, page_size=page_size, skipped=(page - 1) * page_size
    )
    return [_own_file(row) for row in rows]


def _own_file(row: Row) -> dict[str, Any]:
    file = {name: row[name] for name in ("id", "name", "path", "size")} | {"updatedAt": row["updated_at"]}
    if row["parent_id"] is not None:
        file["parent"] = {"id": row["parent_id"], "name": row["parent_name"]}
    return file


async def file_url(platform: Platform, reader: Reader, caller: Caller | None, item_id: UUID) -> str:
    """A link to a file's bytes. Raises InvalidDownloadParameters for what is no file, and when the bytes are gone."""
    access = await authorize(reader, caller.id if caller else None, item_id)
    extra = access.item["extra"]
    file = extra.get("file") if access.item["type"] == "file" and isinstance(extra, dict) else None
    key = file.get("path") if isinstance(file, dict) else None
    if not isinstance(key, str) or not key:
        raise InvalidDownloadParameters
    return await platform.urls.existing(key)
