"""The pictures that stand for items."""

from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Reader
from graasp.http.uploads import UploadedFile
from graasp.items import queries
from graasp.items.packing import has_thumbnail, thumbnail_prefix
from graasp.items.service import Change, update_item
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import Platform, UnitOfWork
from graasp.thumbnails.errors import FileIsNotImage
from graasp.thumbnails.service import Size

LARGEST_UPLOAD = 10 * 1024 * 1024


async def set_thumbnail(platform: Platform, caller: Caller, item_id: UUID, file: UploadedFile | None) -> None:
    """Make an uploaded image the thumbnail of an item the caller may write to.

    Raises FileIsNotImage (before any permission is asked, and for what can't be decoded), ItemNotFound, the
    permission errors, UploadFileUnexpectedError.
    """
    if file is None or "image" not in file.content_type:
        raise FileIsNotImage
    await authorize(platform.reads, caller.id, item_id, Permission.WRITE)
    await platform.thumbnails.store(file.file, thumbnail_prefix(item_id), account_id=caller.id)
    async with platform.unit_of_work() as uow:
        await _mark(uow, caller, item_id, has_thumbnail=True)


async def remove_thumbnail(uow: UnitOfWork, caller: Caller, item_id: UUID) -> None:
    """Take the thumbnail of an item away; none is no error. Raises ItemNotFound, the permission errors."""
    await _mark(uow, caller, item_id, has_thumbnail=False)
    thumbnails = uow.platform.thumbnails
    uow.after_commit(lambda: thumbnails.remove(thumbnail_prefix(item_id)))


async def thumbnail_url(
    platform: Platform, reader: Reader, caller: Caller | None, item_id: UUID, size: Size
) -> str | None:
    """A link to one size; nothing for an item without. Raises the storage's own error when the file is missing."""
    access = await authorize(reader, caller.id if caller else None, item_id)
    if not has_thumbnail(access.item):
        return None
    return await platform.thumbnails.url(thumbnail_prefix(item_id), size)


async def keep_decoded(
    uow: UnitOfWork, item_id: UUID, storage_key: str, *, text: str, has_thumbnail: bool
) -> bool:
    """Note what a job has found in a file; whether the item still is there with that file."""
    row = await uow.first(
        queries.KEEP_DECODED,
        item_id=item_id,
        storage_key=storage_key,
        text=text,
        has_thumbnail=has_thumbnail,
    )
    return row is not None


async def _mark(uow: UnitOfWork, caller: Caller, item_id: UUID, *, has_thumbnail: bool) -> None:
    change = Change(given=frozenset(("settings",)), settings={"hasThumbnail": has_thumbnail})
    await update_item(uow, caller, item_id, change)
