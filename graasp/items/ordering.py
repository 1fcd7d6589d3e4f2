"""Where an item goes among its siblings: a positive number, halved between neighbours, 20 apart when there is room."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from graasp.db.database import Row
from graasp.items import queries
from graasp.platform import UnitOfWork

STEP = Decimal(20)


async def find_slot(
    uow: UnitOfWork, parent: str, previous_id: UUID | None, moving: UUID | None = None
) -> Row:
    """The neighbourhood of a new child of the folder at path `parent`; `moving` is no neighbour of itself."""
    slot = await uow.first(queries.SLOT, path=parent, previous_id=previous_id, moving=moving)
    assert slot is not None
    return slot


def order_in(slot: Row, previous_id: UUID | None) -> Decimal:
    """First without a previous sibling, half-way behind it with one, last when it is not a child or has no order."""
    if previous_id is None:
        first: Any = slot["first"]
        return first / 2 if first else STEP
    if slot["previous"] is None:
        return (slot["last"] or 0) + STEP
    if slot["next"] is None:
        return Decimal(slot["previous"] + STEP)
    return Decimal((slot["previous"] + slot["next"]) / 2)


def before_first(slot: Row, number: int) -> list[Decimal]:
    """The orders of so many new children before all that are there."""
    room = slot["first"]
    step = room / (number + 1) if room else STEP
    return [step * position for position in range(1, number + 1)]


async def rescale(uow: UnitOfWork, parent: str) -> None:
    """Number the children anew when orders are missing, equal or too close."""
    await uow.execute(queries.RESCALE, path=parent)
