"""The rules of geolocations and of the map."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.geolocation import queries
from graasp.geolocation.places import put_place
from graasp.items.packing import Wire
from graasp.items.service import packer, search
from graasp.memberships.authorization import Permission, authorize, refusal_for
from graasp.memberships.errors import ItemNotFound
from graasp.platform import Platform, UnitOfWork


async def effective_geolocation(
    platform: Platform, reader: Reader, caller: Caller | None, item_id: UUID
) -> Wire | None:
    """Where an item is: its own geolocation or the nearest ancestor's, with the item that it belongs to.

    Nothing when there is none, or when it belongs to an ancestor that the caller must not see.
    """
    account_id = caller.id if caller else None
    access = await authorize(reader, account_id, item_id)
    row = await reader.first(queries.EFFECTIVE, account_id=account_id, path=access.item["path"])
    if row is None or _is_refused(row):
        return None
    return _wire(row, await packer(platform).pack(row))


def _is_refused(row: Row) -> bool:
    permission = Permission.from_wire(row["permission"]) if row["permission"] else None
    visibility = {"public": bool(row["public"]), "hidden": bool(row["hidden"])}
    return refusal_for(permission, Permission.READ, **visibility) is not None


async def put_geolocation(
    uow: UnitOfWork,
    caller: Caller,
    item_id: UUID,
    *,
    lat: float,
    lng: float,
    address_label: str | None,
    helper_label: str | None,
) -> None:
    """Place an item the caller may write to; its `updated_at` stays."""
    path = await _path(uow, caller, item_id)
    await put_place(uow, path, lat, lng, address_label=address_label, helper_label=helper_label)


async def delete_geolocation(uow: UnitOfWork, caller: Caller, item_id: UUID) -> None:
    """Take an item's own geolocation away; none is no error."""
    await uow.execute(queries.DELETE, path=await _path(uow, caller, item_id))


async def _path(uow: UnitOfWork, caller: Caller, item_id: UUID) -> str:
    """Where an item is that the caller may write to: nobody moves it meanwhile."""
    await authorize(uow, caller.id, item_id, Permission.WRITE)
    row = await uow.first(queries.STAY, item_id=item_id)
    if row is None:
        raise ItemNotFound(item_id)
    return str(row["path"])


@dataclass(frozen=True)
class Box:
    """A part of the map, borders included."""

    south: float
    north: float
    west: float
    east: float

    @classmethod
    def between(cls, lat1: float, lat2: float, lng1: float, lng2: float) -> "Box":
        """The box between two corners, whichever they are."""
        return cls(min(lat1, lat2), max(lat1, lat2), min(lng1, lng2), max(lng1, lng2))


async def items_in_box(
    platform: Platform,
    reader: Reader,
    caller: Caller | None,
    *,
    box: Box | None,
    parent_id: UUID | None,
    keywords: Sequence[str],
) -> list[Wire]:
    """The items with a geolocation of their own in a box, below a parent, or both.

    What is only public is found below a parent alone. Raises ItemNotFound and MemberCannotAccess for the parent.
    """
    account_id = caller.id if caller else None
    parent = None
    if parent_id is not None:
        parent = (await authorize(reader, account_id, parent_id)).item["path"]
    elif account_id is None:
        return []
    found = search(keywords, caller)
    rows = await reader.all(
        queries.IN_BOX_FOUND if found else queries.IN_BOX,
        account_id=account_id,
        parent=parent,
        south=box.south if box else None,
        north=box.north if box else None,
        west=box.west if box else None,
        east=box.east if box else None,
        **found,
    )
    items = await packer(platform).pack_all(rows)
    return [_wire(row, item) for row, item in zip(rows, items, strict=True)]


def _wire(row: Row, item: Wire) -> dict[str, Any]:
    return {
        "id": row["geolocation_id"],
        "lat": row["lat"],
        "lng": row["lng"],
        "country": row["country"],
        "addressLabel": row["address_label"],
        "helperLabel": row["helper_label"],
        "createdAt": row["located_at"],
        "updatedAt": row["relocated_at"],
        "item": item,
    }
