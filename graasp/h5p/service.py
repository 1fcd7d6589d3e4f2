"""Items that are H5P packages."""

from collections.abc import AsyncIterator, Iterable
from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Row
from graasp.files.errors import StorageExceeded
from graasp.files.service import used_bytes
from graasp.h5p import queries
from graasp.h5p.layout import content_id_of, item_name, package_folder
from graasp.h5p.storing import StoredPackage, store_package
from graasp.items.service import NewItem, create_item
from graasp.platform import Platform

__all__ = ["StoredPackage", "add_package", "remove_packages", "store_package"]

_LONGEST_NAME = 500


async def add_package(
    platform: Platform,
    caller: Caller,
    file_name: str,
    chunks: AsyncIterator[bytes],
    *,
    parent_id: UUID | None,
    previous_item_id: UUID | None,
    max_bytes: int,
) -> Row:
    """Store a package and make its item, or neither; its bytes do not count among what the member stores.

    Raises StorageExceeded for who stores too much already, and what `store_package` and `create_item` raise.
    """
    used = await used_bytes(platform.reads, caller.id)
    if used > platform.settings.max_storage_bytes:
        raise StorageExceeded(used)
    stored = await store_package(platform, caller, file_name, chunks, max_bytes=max_bytes)
    async with platform.unit_of_work() as uow:
        uow.after_rollback(stored.discard)
        new = NewItem(type="h5p", name=item_name(file_name)[:_LONGEST_NAME], extra=stored.extra)
        return await create_item(uow, caller, new, parent_id=parent_id, previous_item_id=previous_item_id)


async def remove_packages(platform: Platform, content_ids: Iterable[str]) -> None:
    """Delete packages, but those that some item has: content ids are no secret, and any could be in an old row."""
    wanted = {text: known for text in content_ids if (known := content_id_of(text))}
    if not wanted:
        return
    rows = await platform.reads.all(queries.STILL_USED, content_ids=list(wanted))
    for text in wanted.keys() - {row["content_id"] for row in rows}:
        await platform.packages.delete_folder(package_folder(platform.settings, wanted[text]))
