"""Likes of items, one per member and item."""

from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.items.packing import Wire, generic_item
from graasp.items.service import packer
from graasp.likes import queries
from graasp.likes.errors import ItemLikeNotFound
from graasp.memberships.authorization import authorize, is_readable
from graasp.platform import Platform, UnitOfWork


async def own_likes(platform: Platform, reader: Reader, caller: Caller) -> list[Wire]:
    """What the caller likes and may still see, the latest first."""
    rows = await reader.all(queries.OWN, account_id=caller.id)
    likes = [row for row in rows if is_readable(row)]
    items = await packer(platform).pack_all(likes)
    return [{"id": like["like_id"], "item": item} for like, item in zip(likes, items, strict=True)]


async def likes_of(reader: Reader, caller: Caller | None, item_id: UUID) -> list[Wire]:
    """Every like of an item the caller may read; whose they are is not told."""
    access = await authorize(reader, caller.id if caller else None, item_id)
    item = generic_item(access.item)
    return [{"id": row["id"], "item": item} for row in await reader.all(queries.OF_ITEM, item_id=item_id)]


async def like(uow: UnitOfWork, caller: Caller, item_id: UUID) -> tuple[Row, Row]:
    """Like an item the caller may read: (the item, the like)."""
    access = await authorize(uow, caller.id, item_id)
    row = await uow.first(queries.LIKE, account_id=caller.id, item_id=item_id)
    assert row is not None
    return access.item, row


async def unlike(uow: UnitOfWork, caller: Caller, item_id: UUID) -> tuple[Row, UUID]:
    """Take a like back: (the item, the like's id). Raises ItemLikeNotFound."""
    access = await authorize(uow, caller.id, item_id)
    row = await uow.first(queries.UNLIKE, account_id=caller.id, item_id=item_id)
    if row is None:
        raise ItemLikeNotFound(caller.id, item_id)
    return access.item, row["id"]
