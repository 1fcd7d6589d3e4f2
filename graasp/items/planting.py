"""New trees of items, made as a whole."""

from collections import Counter
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Row
from graasp.db.ltree import label
from graasp.db.statements import dumps
from graasp.items import ordering, planting_queries
from graasp.items.errors import HierarchyTooDeep, ItemNotFolder, TooManyChildren, TooManyDescendants
from graasp.items.service import lock_parent
from graasp.memberships.authorization import Access, Permission
from graasp.memberships.service import grant_creator_admin_on
from graasp.platform import UnitOfWork
from graasp.settings import Settings

_ROWS_AT_ONCE = 1000
_TEXT_AT_ONCE = 4 * 1024 * 1024


class Place(NamedTuple):
    """Where a new item goes: into another new one, or topmost; behind the ones listed before it."""

    id: UUID
    parent_id: UUID | None


@dataclass(frozen=True)
class NewTreeItem:
    """What a new item is made of, its HTML safe already."""

    id: UUID
    type: str
    name: str
    description: str | None
    extra: Mapping[str, Any]
    settings: Mapping[str, Any]


def require_fit(settings: Settings, places: Sequence[Place], folder: Access | None) -> None:
    """What can be told before anything is stored; parents come before children.

    Raises ItemNotFolder, HierarchyTooDeep, TooManyChildren, TooManyDescendants.
    """
    if folder and folder.item["type"] != "folder":
        raise ItemNotFolder(str(folder.item["id"]))
    if len(places) > settings.max_imported_items:
        raise TooManyDescendants(len(places))
    top = folder.item["path"].count(".") + 1 if folder else 0
    levels: dict[UUID | None, int] = {None: top}
    for place in places:
        levels[place.id] = levels[place.parent_id] + 1
    if max(levels.values()) > settings.max_tree_levels:
        raise HierarchyTooDeep
    children = Counter(place.parent_id for place in places if folder or place.parent_id)
    if children and max(children.values()) > settings.max_children:
        raise TooManyChildren


async def plant(
    uow: UnitOfWork,
    caller: Caller,
    places: Sequence[Place],
    items: AsyncIterable[NewTreeItem],
    parent_id: UUID | None,
) -> list[Row]:
    """Insert the items of these places, topmost ones as a block before the children that are there.

    Returns id, name, type and path of the topmost ones, in their order. A few statements, and one more for every
    thousand items or four megabytes of text. Raises what `require_fit`
    raises, ItemNotFound and the permission errors for the folder.
    """
    folder = await lock_parent(uow, caller, parent_id) if parent_id else None
    require_fit(uow.platform.settings, places, folder)
    above = folder.item["path"] if folder else None
    paths: dict[UUID | None, str | None] = {None: above}
    for place in places:
        path = paths[place.parent_id]
        paths[place.id] = f"{path}.{label(place.id)}" if path else label(place.id)
    topmost = [place.id for place in places if place.parent_id is None]
    orders: dict[UUID, Decimal | None] = _orders_below(places)
    orders |= dict(zip(topmost, await _orders_of_topmost(uow, above, len(topmost)), strict=True))
    lang = folder.item["lang"] if folder else caller.lang
    batch: list[NewTreeItem] = []
    size = 0
    async for item in items:
        batch.append(item)
        size += sum(len(str(part)) for part in (item.extra, item.description))
        if len(batch) >= _ROWS_AT_ONCE or size >= _TEXT_AT_ONCE:
            await _insert(uow, caller, batch, paths, orders, lang)
            batch, size = [], 0
    await _insert(uow, caller, batch, paths, orders, lang)
    if folder is None or folder.permission is not Permission.ADMIN:
        await grant_creator_admin_on(uow, [path for top in topmost if (path := paths[top])], caller.id)
    if above:
        await ordering.rescale(uow, above)
    return list(await uow.all(planting_queries.PLANTED, ids=topmost))


def _orders_below(places: Iterable[Place]) -> dict[UUID, Decimal | None]:
    count: Counter[UUID | None] = Counter()
    orders: dict[UUID, Decimal | None] = {}
    for place in places:
        count[place.parent_id] += 1
        orders[place.id] = ordering.STEP * count[place.parent_id]
    return orders


async def _orders_of_topmost(uow: UnitOfWork, above: str | None, number: int) -> list[Decimal | None]:
    if above is None:
        return [None] * number
    slot = await ordering.find_slot(uow, above, None)
    if slot["children"] + number > uow.platform.settings.max_children:
        raise TooManyChildren
    return list(ordering.before_first(slot, number))


async def _insert(
    uow: UnitOfWork,
    caller: Caller,
    items: Sequence[NewTreeItem],
    paths: Mapping[UUID | None, str | None],
    orders: Mapping[UUID, Decimal | None],
    lang: str,
) -> None:
    if items:
        await uow.execute(
            planting_queries.PLANT,
            creator_id=caller.id,
            lang=lang,
            ids=[item.id for item in items],
            names=[item.name for item in items],
            types=[item.type for item in items],
            descriptions=[item.description for item in items],
            paths=[paths[item.id] for item in items],
            extras=[dumps(item.extra) for item in items],
            all_settings=[dumps({"hasThumbnail": False} | dict(item.settings)) for item in items],
            orders=[orders[item.id] for item in items],
        )
