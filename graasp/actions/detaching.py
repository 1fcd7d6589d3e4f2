"""Actions outlive their items: they are taken from items that are deleted, a bounded number at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from graasp.actions import queries
from graasp.db.database import Reader
from graasp.platform import UnitOfWork

# Some tenths of a second: each is written anew, in the table and in its indexes.
BATCH = 20_000


class Period(NamedTuple):
    """From after one moment until another, both unbounded when there is none."""

    after: datetime | None
    until: datetime | None


async def are_many(reader: Reader, item_ids: Sequence[UUID]) -> bool:
    """Whether these items have more actions than one transaction should change."""
    return bool(await reader.scalar(queries.ARE_MORE, item_ids=list(item_ids), number=BATCH))


async def batches(reader: Reader, item_ids: Sequence[UUID]) -> list[Period]:
    """The periods with a batch of these items' actions each, the oldest first."""
    rows = await reader.all(queries.CUTS, item_ids=list(item_ids), size=BATCH)
    cuts = [row["created_at"] for row in rows]
    return [Period(*bounds) for bounds in zip([None, *cuts], [*cuts, None], strict=True)]


async def detach(uow: UnitOfWork, item_ids: Sequence[UUID], period: Period) -> int:
    """Take the items from their actions of a period; how many there were."""
    return await uow.execute(queries.DETACH, item_ids=list(item_ids), after=period.after, until=period.until)
