"""Operations on overlapping trees, one after the other."""

from collections.abc import Sequence
from uuid import UUID

from graasp.db.database import Row
from graasp.db.ltree import parent_path
from graasp.http.errors import ServiceUnavailable
from graasp.items.trees import queries
from graasp.memberships.moving import lock_memberships
from graasp.platform import UnitOfWork


class TreeHasMoved(ServiceUnavailable):
    """Somebody else moved the tree at the same moment; the same request can be made again."""


async def lock_trees(uow: UnitOfWork, item_ids: Sequence[UUID]) -> None:
    """Keep the trees of these items, and the memberships in them, as they are until the unit of work ends.

    To be called before anything is read that must stay true. Raises TreeHasMoved.
    """
    before = await _roots(uow, item_ids)
    await lock_memberships(uow, sorted(before))
    if await _roots(uow, item_ids) - before:
        raise TreeHasMoved(retry_after=1)


async def _roots(uow: UnitOfWork, item_ids: Sequence[UUID]) -> set[str]:
    rows = await uow.all(queries.PATHS, item_ids=list(item_ids))
    return {row["path"].partition(".")[0] for row in rows}


def outermost(items: Sequence[Row]) -> list[Row]:
    """The items that lie in none of the others, in their order."""
    paths = {item["path"] for item in items}
    return [item for item in items if not _is_below(item["path"], paths)]


def _is_below(path: str, others: set[str]) -> bool:
    above = parent_path(path)
    while above is not None:
        if above in others:
            return True
        above = parent_path(above)
    return False
