"""Moves of item trees, to another folder or to the root."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Row
from graasp.db.ltree import parent_path
from graasp.items import ordering
from graasp.items.errors import HierarchyTooDeep, InvalidMoveTarget, ItemNotFolder, TooManyDescendants
from graasp.items.folders import lock_folder, places_at_the_end
from graasp.items.trees import queries
from graasp.items.trees.locking import lock_trees, outermost
from graasp.memberships.authorization import Access, Permission, authorize, authorize_all
from graasp.memberships.moving import move_memberships
from graasp.platform import UnitOfWork


class Move(NamedTuple):
    """A moved item before and after."""

    before: Row
    after: Row


async def move_items(
    uow: UnitOfWork, caller: Caller, item_ids: Sequence[UUID], parent_id: UUID | None
) -> list[Move]:
    """Move items that the caller administers last into a folder it may write to, or to the root.

    All or none, in the order of the ids. Items that lie in one another are moved out of each other. The number of
    statements does not depend on the trees' sizes.

    Raises ItemNotFound, the permission errors, TooManyDescendants, HierarchyTooDeep, ItemNotFolder,
    InvalidMoveTarget, TooManyChildren, TreeHasMoved.
    """
    await lock_trees(uow, [*item_ids, parent_id] if parent_id else item_ids)
    moves: list[Move] = []
    remaining = list(item_ids)
    while remaining:
        found = await authorize_all(uow, caller.id, remaining, Permission.ADMIN)
        destination = await authorize(uow, caller.id, parent_id, Permission.WRITE) if parent_id else None
        items = outermost([access.item for access in found.values()])
        await _require_fit(uow, items, destination)
        moves += await _move(uow, caller, items, destination)
        moved = {item["id"] for item in items}
        remaining = [item_id for item_id in remaining if item_id not in moved]
    by_id = {move.before["id"]: move for move in moves}
    return [by_id[item_id] for item_id in item_ids]


async def _require_fit(uow: UnitOfWork, items: Sequence[Row], destination: Access | None) -> None:
    sizes = {
        row["path"]: row for row in await uow.all(queries.SIZES, paths=[str(item["path"]) for item in items])
    }
    limits = uow.platform.settings
    level = destination.item["path"].count(".") + 1 if destination else 0
    for item in items:
        size = sizes[item["path"]]
        if size["live"] > limits.max_moved_items:
            raise TooManyDescendants(size["live"])
        if level + size["height"] > limits.max_tree_levels:
            raise HierarchyTooDeep
        _require_target(item, destination)


def _require_target(item: Row, destination: Access | None) -> None:
    parent = parent_path(item["path"])
    if destination is None:
        if parent is None:
            raise InvalidMoveTarget
        return
    folder = destination.item
    if folder["type"] != "folder":
        raise ItemNotFolder(str(folder["id"]))
    if folder["path"] == parent or f"{folder['path']}.".startswith(f"{item['path']}."):
        raise InvalidMoveTarget(str(folder["id"]))


async def _move(
    uow: UnitOfWork, caller: Caller, items: Sequence[Row], destination: Access | None
) -> list[Move]:
    parent: str | None = None
    orders: list[Decimal | None] = [None] * len(items)
    if destination:
        parent = destination.item["path"]
        await lock_folder(uow, destination)
        orders = await places_at_the_end(uow, destination, len(items))
    paths = [str(item["path"]) for item in items]
    before = {row["id"]: row for row in await uow.all(queries.ROWS, item_ids=[item["id"] for item in items])}
    await move_memberships(uow, paths, parent, mover_id=caller.id)
    rows = await relocate(uow, items, parent, orders)
    if parent:
        await ordering.rescale(uow, parent)
    return [Move(before[row["id"]], row) for row in rows]


async def relocate(
    uow: UnitOfWork, items: Sequence[Row], parent: str | None, orders: Sequence[Decimal | None]
) -> list[Row]:
    """Give trees new paths, their memberships being taken care of; the items' new rows."""
    rows = await uow.all(
        queries.MOVE,
        parent=parent,
        item_ids=[item["id"] for item in items],
        paths=[str(item["path"]) for item in items],
        orders=list(orders),
    )
    by_id = {row["id"]: row for row in rows}
    return [by_id[item["id"]] for item in items]
