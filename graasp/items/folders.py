"""Folders that are about to get children: nobody moves them away, and nobody else adds a child meanwhile."""

from decimal import Decimal

from graasp.items import ordering, queries
from graasp.items.errors import TooManyChildren
from graasp.items.trees.locking import TreeHasMoved
from graasp.memberships.authorization import Access
from graasp.memberships.errors import ItemNotFound
from graasp.platform import UnitOfWork


async def lock_folder(uow: UnitOfWork, folder: Access) -> None:
    """Keep a folder where it is, and others from adding children, until the unit of work ends.

    Raises ItemNotFound when it has just gone, TreeHasMoved when it is somewhere else by now.
    """
    row = await uow.first(queries.LOCK_FOLDER, item_id=folder.item["id"], path=folder.item["path"])
    if row is None:
        raise ItemNotFound(folder.item["id"])
    if row["path"] != folder.item["path"]:
        raise TreeHasMoved(retry_after=1)


async def places_at_the_end(uow: UnitOfWork, folder: Access, number: int) -> list[Decimal | None]:
    """The orders of that many new children, behind the last one of a locked folder. Raises TooManyChildren."""
    slot = await ordering.find_slot(uow, folder.item["path"], None)
    if slot["children"] + number > uow.platform.settings.max_children:
        raise TooManyChildren
    last = slot["last"] or 0
    return [last + ordering.STEP * position for position in range(1, number + 1)]
