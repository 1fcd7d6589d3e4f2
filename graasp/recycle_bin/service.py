"""The recycle bin: items that are gone for everybody but may come back, for three months."""

from collections.abc import Sequence
from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.items.errors import TooManyDescendants
from graasp.items.packing import Wire, generic_item
from graasp.items.service import MAX_PAGE
from graasp.items.trees import queries as trees
from graasp.items.trees.deletion import delete_trees
from graasp.items.trees.locking import lock_trees, outermost
from graasp.items.trees.moving import relocate
from graasp.memberships.authorization import Permission, authorize_all
from graasp.memberships.errors import ItemNotFound
from graasp.memberships.moving import lock_memberships, move_memberships
from graasp.platform import UnitOfWork
from graasp.recycle_bin import queries

MONTHS_KEPT = 3


async def recycle(uow: UnitOfWork, caller: Caller, item_ids: Sequence[UUID]) -> list[Row]:
    """Put items that the caller administers into the bin, with all below them.

    The rows: those asked for first, in their order. Raises ItemNotFound, the permission errors, TooManyDescendants,
    TreeHasMoved.
    """
    await lock_trees(uow, item_ids)
    found = await authorize_all(uow, caller.id, item_ids, Permission.ADMIN)
    items = outermost([access.item for access in found.values()])
    paths = [str(item["path"]) for item in items]
    await _require_few(uow, paths, "live")
    return _asked_first(await uow.all(queries.RECYCLE, paths=paths, account_id=caller.id), item_ids)


async def restore(uow: UnitOfWork, caller: Caller, item_ids: Sequence[UUID]) -> list[Row]:
    """Take recycled items out of the bin, with all below them; what lies below a recycled item goes to the root.

    The rows: those asked for first, in their order. Raises ItemNotFound for what is not recycled, the permission
    errors, TooManyDescendants, TreeHasMoved.
    """
    await lock_trees(uow, item_ids)
    if len(await uow.all(queries.RECYCLED, item_ids=list(item_ids))) < len(item_ids):
        raise ItemNotFound
    found = await authorize_all(uow, caller.id, item_ids, Permission.ADMIN, even_recycled=True)
    items = {str(item["path"]): item for item in outermost([access.item for access in found.values()])}
    await _require_few(uow, list(items), "items")
    buried = [str(row["path"]) for row in await uow.all(queries.BURIED, paths=list(items))]
    if buried:
        await move_memberships(uow, buried, None, mover_id=caller.id)
        for moved in await relocate(uow, [items.pop(path) for path in buried], None, [None] * len(buried)):
            items[str(moved["path"])] = moved
    return _asked_first(await uow.all(queries.RESTORE, paths=list(items)), item_ids)


async def _require_few(uow: UnitOfWork, paths: Sequence[str], counted: str) -> None:
    number = sum(row[counted] for row in await uow.all(trees.SIZES, paths=list(paths)))
    if number > uow.platform.settings.max_recycled_items:
        raise TooManyDescendants(number)


def _asked_first(rows: Sequence[Row], item_ids: Sequence[UUID]) -> list[Row]:
    places = {item_id: place for place, item_id in enumerate(item_ids)}
    return sorted(rows, key=lambda row: (places.get(row["id"], len(places)), row["path"].count(".")))


async def own_recycled(reader: Reader, caller: Caller, *, page: int, page_size: int) -> list[Wire]:
    """One page of what the caller may restore, the latest first; a page has at most 50."""
    size = min(page_size, MAX_PAGE)
    rows = await reader.all(
        queries.LISTED,
        account_id=caller.id,
        months=MONTHS_KEPT,
        page_size=size,
        skipped=(max(page, 1) - 1) * size,
    )
    return [generic_item(row) for row in rows]


async def expired(reader: Reader, *, batch: int, skipped: Sequence[str]) -> list[str]:
    """Paths of trees that nobody can restore any more, the oldest first."""
    rows = await reader.all(queries.EXPIRED, months=MONTHS_KEPT, batch=batch, skipped=list(skipped))
    return [str(row["path"]) for row in rows]


async def purge(uow: UnitOfWork, path: str) -> int:
    """Delete an expired tree, unless it was restored meanwhile; how many items went."""
    await lock_memberships(uow, [path])
    if await uow.first(queries.STILL_EXPIRED, path=path, months=MONTHS_KEPT) is None:
        return 0
    return len(await delete_trees(uow, [path]))
