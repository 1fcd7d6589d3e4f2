"""Trees read in two steps: which items somebody sees, then what they hold, a few at a time."""

from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

from graasp.db.database import Reader, Row
from graasp.db.ltree import parent_path
from graasp.items import queries
from graasp.items.packing import InheritedAccess, tree_order
from graasp.memberships.authorization import authorize

_AT_ONCE = 200


async def read_outline(reader: Reader, account_id: UUID | None, item_id: UUID) -> tuple[Row, list[Row]]:
    """An item, and of what the account sees below it id, name, type, path and date of change, parents before children.

    Three statements whatever the size. Raises ItemNotFound, the permission errors.
    """
    access = await authorize(reader, account_id, item_id)
    path = access.item["path"]
    below = tree_order(await reader.all(queries.OUTLINE, path=path, item_id=item_id), path)
    changes = await reader.all(queries.ACCESS_BELOW, account_id=account_id, path=path)
    inherited = InheritedAccess(path, access.permission, access.public, access.hidden, changes)
    seen = {path}
    rows = []
    for row in below:
        # What an account may see below something it may not see has no place.
        if parent_path(row["path"]) in seen and inherited.shows(row["path"]):
            seen.add(row["path"])
            rows.append(row)
    return access.item, rows


async def read_contents(reader: Reader, outline: Sequence[Row]) -> AsyncGenerator[Sequence[Row], None]:
    """The whole items of an outline, in its order, without those that have gone meanwhile."""
    for start in range(0, len(outline), _AT_ONCE):
        ids = [row["id"] for row in outline[start : start + _AT_ONCE]]
        yield await reader.all(queries.CONTENTS, item_ids=ids)
