"""The rules of visibilities: one holds for everything below, and cannot be switched off there."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from graasp import audit
from graasp.auth.gates import Caller
from graasp.items.packing import generic_item
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import UnitOfWork
from graasp.visibility import queries
from graasp.visibility.errors import CannotModifyInheritedVisibility, ConflictingVisibility

VisibilityType = Literal["public", "hidden"]


async def create(uow: UnitOfWork, caller: Caller, item_id: UUID, kind: VisibilityType) -> None:
    """Make an item and everything below public or hidden.

    Raises ItemNotFound, the permission errors, ConflictingVisibility when the item is so already.
    """
    access = await authorize(uow, caller.id, item_id, Permission.ADMIN)
    path = access.item["path"]
    created = await uow.scalar(queries.INSERT, path=path, type=kind, creator_id=caller.id)
    if created is None:
        raise ConflictingVisibility({"itemPath": path, "type": kind})
    audit.happened(uow, "visibility created", caller.id, item_id=item_id, type=kind)


async def delete(uow: UnitOfWork, caller: Caller, item_id: UUID, kind: VisibilityType) -> None:
    """Take a visibility away from an item and from everything below, if it is there at all.

    Raises ItemNotFound, the permission errors, CannotModifyInheritedVisibility.
    """
    access = await authorize(uow, caller.id, item_id, Permission.ADMIN)
    path = access.item["path"]
    inherited = await uow.first(queries.INHERITED, path=path, type=kind)
    if inherited is not None:
        raise CannotModifyInheritedVisibility(
            {
                "id": inherited["visibility_id"],
                "type": kind,
                "itemPath": inherited["path"],
                "createdAt": inherited["visibility_created_at"],
                "item": generic_item(inherited),
            }
        )
    if await uow.execute(queries.DELETE, path=path, type=kind):
        audit.happened(uow, "visibility deleted", caller.id, item_id=item_id, type=kind)


async def hide_copies(uow: UnitOfWork, paths: Sequence[str]) -> None:
    """Hide items that were just copied from hidden ones, in one statement."""
    if paths:
        await uow.execute(queries.HIDE, paths=list(paths))
