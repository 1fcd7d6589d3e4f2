"""Files of the item tree and the storage they use."""

from typing import Any
from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.files import queries
from graasp.files.errors import InvalidDownloadParameters, StorageExceeded
from graasp.files.jobs import DECODE_FILE, DecodeFile
from graasp.files.receiving import Incoming, StoredFile, discard, store_file
from graasp.items.service import NewItem, create_item
from graasp.memberships.authorization import authorize
from graasp.platform import Platform, UnitOfWork

_LONGEST_NAME = 500


async def add_file(
    platform: Platform,
    caller: Caller,
    incoming: Incoming,
    *,
    parent_id: UUID | None,
    previous_item_id: UUID | None,
) -> Row:
    """Store a file and make its item, or neither; the transaction is short however large the file.

    Raises StorageExceeded, and what `store_file` and `create_item` raise.
    """
    used = await used_bytes(platform.reads, caller.id)
    if used > platform.settings.max_storage_bytes:
        raise StorageExceeded(used)
    stored = await store_file(platform, caller.id, incoming, used=used)
    async with platform.unit_of_work() as uow:
        return await create_file(uow, caller, stored, parent_id=parent_id, previous_item_id=previous_item_id)


async def create_file(
    uow: UnitOfWork,
    caller: Caller,
    file: StoredFile,
    *,
    parent_id: UUID | None,
    previous_item_id: UUID | None,
) -> Row:
    """Make the item of a stored file, whose bytes go again if this unit of work does not succeed.

    Raises StorageExceeded, and what `create_item` raises.
    """
    uow.after_rollback(lambda: discard(uow.platform, file))
    await require_space(uow, caller, file.size)
    new = NewItem(
        id=file.item_id,
        type="file",
        name=file.name[:_LONGEST_NAME],
        extra={"file": file_content(file)},
        settings={"hasThumbnail": file.has_thumbnail},
    )
    row = await create_item(uow, caller, new, parent_id=parent_id, previous_item_id=previous_item_id)
    if not file.is_decoded:
        wanted = DecodeFile(item_id=file.item_id, storage_key=file.key)
        await uow.enqueue(DECODE_FILE, wanted, account_id=caller.id, item_id=file.item_id)
    return row


def file_content(file: StoredFile) -> dict[str, Any]:
    """What the item of a stored file says of it."""
    return {
        "name": file.name,
        "path": file.key,
        "mimetype": file.mimetype,
        "size": file.size,
        "content": file.text,
    }


async def require_space(uow: UnitOfWork, caller: Caller, size: int) -> None:
    """As `check_space`; what the member uses does not change until the unit of work ends."""
    await uow.first(queries.LOCK_OWNER, account_id=caller.id)
    await check_space(uow.platform, uow, caller, size)


async def check_space(platform: Platform, reader: Reader, caller: Caller, size: int) -> None:
    """Raises StorageExceeded when so many more bytes are too many for a member."""
    total = await used_bytes(reader, caller.id) + size
    if total > platform.settings.max_storage_bytes:
        raise StorageExceeded(total)


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
    key = storage_key(access.item)
    if key is None:
        raise InvalidDownloadParameters
    return await platform.urls.existing(key)


async def find_file(reader: Reader, item_id: UUID, key: str) -> Row | None:
    """The item, recycled or not, while its file is this one."""
    return await reader.first(queries.FIND, item_id=item_id, storage_key=key)


def storage_key(item: Row) -> str | None:
    """Where the bytes of a file item are; nothing for other items, and for those that lost their way."""
    extra = item["extra"]
    file = extra.get("file") if item["type"] == "file" and isinstance(extra, dict) else None
    key = file.get("path") if isinstance(file, dict) else None
    return key if isinstance(key, str) and key else None
