"""Deletion of item trees, for good: at once for everybody, what they leave in storage afterwards.

Actions outlive their items. Where there are many, only what is left of the items goes once their actions are detached:
emptied rows in no tree, which nobody has a right to.
"""

from collections.abc import Sequence
from uuid import UUID, uuid4

from graasp.actions.detaching import are_many
from graasp.apps.files.keys import Area, folder_of
from graasp.apps.files.removal import remove_files_below
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.db.ltree import item_id_of, label
from graasp.etherpad.service import delete_pad
from graasp.h5p.service import remove_packages
from graasp.items.errors import TooManyDescendants
from graasp.items.packing import has_thumbnail, own_content, thumbnail_prefix
from graasp.items.trees import queries
from graasp.items.trees.jobs import FINISH_DELETION, REMOVE_LEFTOVERS, Deletion, Leftovers
from graasp.items.trees.locking import lock_trees, outermost
from graasp.memberships.authorization import Access, Permission, authorize_many
from graasp.memberships.errors import UserCannotAdminItem
from graasp.platform import Platform, UnitOfWork

_ITEMS_A_JOB = 500


async def delete_items(uow: UnitOfWork, caller: Caller, item_ids: Sequence[UUID]) -> list[Row]:
    """Delete items that the caller administers, recycled or not, and all below them; the rows, topmost first.

    Raises UserCannotAdminItem (for an unknown id too), TooManyDescendants, TreeHasMoved.
    """
    await lock_trees(uow, item_ids)
    verdicts = await authorize_many(uow, caller.id, item_ids, Permission.ADMIN, even_recycled=True)
    items = []
    for item_id, verdict in verdicts.items():
        if not isinstance(verdict, Access):
            raise UserCannotAdminItem(str(item_id))
        items.append(verdict.item)
    paths = [str(item["path"]) for item in outermost(items)]
    doomed = sum(row["items"] for row in await uow.all(queries.SIZES, paths=paths))
    if doomed > uow.platform.settings.max_deleted_items:
        raise TooManyDescendants(doomed)
    return await delete_trees(uow, paths)


async def delete_trees(uow: UnitOfWork, paths: Sequence[str]) -> list[Row]:
    """Delete the trees at these paths, none of which lies in another; the rows, topmost first."""
    rows = list(await uow.all(queries.DOOMED, paths=list(paths)))
    item_ids = [row["id"] for row in rows]
    if await are_many(uow, item_ids):
        await _bury(uow, rows)
    await uow.execute(queries.DELETE, item_ids=item_ids)
    for start in range(0, len(rows), _ITEMS_A_JOB):
        left = leftovers(rows[start : start + _ITEMS_A_JOB])
        if left != Leftovers():
            await uow.enqueue(REMOVE_LEFTOVERS, left)
    return rows


async def _bury(uow: UnitOfWork, rows: Sequence[Row]) -> None:
    deletion_id = uuid4()
    item_ids = [row["id"] for row in rows]
    paths = [row["path"] for row in rows]
    await uow.execute(queries.DELETE_DEPENDENTS, item_ids=item_ids, paths=paths)
    await uow.execute(queries.BURY, item_ids=item_ids, deletion=label(deletion_id))
    await uow.enqueue(FINISH_DELETION, Deletion(deletion_id=deletion_id))


async def buried(reader: Reader, deletion_id: UUID) -> list[UUID]:
    """The items of a deletion that wait for their actions to be detached."""
    rows = await reader.all(queries.BURIED, deletion=label(deletion_id))
    return [row["id"] for row in rows]


async def delete_buried(uow: UnitOfWork, item_ids: Sequence[UUID]) -> int:
    """Delete what is left of items; the database detaches what actions they have still."""
    return await uow.execute(queries.DELETE_BURIED, item_ids=list(item_ids))


async def resume_deletions(uow: UnitOfWork) -> int:
    """Have every deletion finished that nobody finishes any more; how many were not finished."""
    rows = await uow.all(queries.DELETIONS)
    deletions = [Deletion(deletion_id=item_id_of(row["deletion"])) for row in rows]
    await uow.enqueue_all(FINISH_DELETION, deletions)
    return len(deletions)


def leftovers(rows: Sequence[Row]) -> Leftovers:
    """What these items have outside the database."""
    left = Leftovers()
    for row in rows:
        content = own_content(row)
        if row["type"] == "file" and _is_key(content.get("path")):
            left.keys.append(content["path"])
        if row["type"] == "app":
            left.folders += [folder_of(area, row["id"]) for area in Area]
        if row["type"] == "etherpad" and isinstance(content.get("padID"), str):
            left.pads.append(content["padID"])
        if row["type"] == "h5p" and isinstance(content.get("contentId"), str):
            left.packages.append(content["contentId"])
        if has_thumbnail(row):
            left.thumbnails.append(thumbnail_prefix(row["id"]))
    return left


async def remove_leftovers(platform: Platform, left: Leftovers) -> None:
    """Delete what deleted items left and no other item has; what is gone already is no error."""
    keys = await _unused_keys(platform, left.keys)
    await platform.storage.delete(*keys)
    await platform.urls.forget(*keys)
    await platform.thumbnails.remove(*left.thumbnails)
    for folder in left.folders:
        await remove_files_below(platform, folder)
    for pad_id in await _unused_pads(platform, left.pads):
        await delete_pad(platform, pad_id)
    await remove_packages(platform, left.packages)


async def _unused_keys(platform: Platform, keys: Sequence[str]) -> list[str]:
    """Without those of other items: whoever changed an item could once write any key into it."""
    if not keys:
        return []
    rows = await platform.database.primary_reads.all(queries.FILES_STILL_USED, keys=list(keys))
    used = {row["key"] for row in rows}
    return [key for key in keys if key not in used]


async def _unused_pads(platform: Platform, pads: Sequence[str]) -> list[str]:
    """Without those of other items: copies once shared the pad of their original."""
    if not pads:
        return []
    rows = await platform.database.primary_reads.all(queries.PADS_STILL_USED, pad_ids=list(pads))
    used = {row["pad_id"] for row in rows}
    return [pad_id for pad_id in pads if pad_id not in used]


def _is_key(path: object) -> bool:
    # Whatever else a row may say: only files of items are deleted with them.
    return isinstance(path, str) and path.startswith("files/")
