"""The rules of the item tree."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import orjson

from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row, Transaction
from graasp.db.ltree import label, parent_path
from graasp.geolocation.places import put_place
from graasp.html import sanitize
from graasp.http.errors import BadRequest
from graasp.items import ordering, queries
from graasp.items.errors import (
    CannotReorderRootItem,
    HierarchyTooDeep,
    ItemNotFolder,
    NothingToUpdateItem,
    TooManyChildren,
    WrongItemType,
)
from graasp.items.folders import lock_folder
from graasp.items.packing import InheritedAccess, Packer, Wire, tree_order
from graasp.items.trees.locking import TreeHasMoved
from graasp.memberships.authorization import Access, Permission, authorize
from graasp.memberships.errors import ItemNotFound
from graasp.memberships.service import grant_creator_admin
from graasp.platform import Platform, UnitOfWork

MAX_PAGE = 50
_LONGEST_DESCRIPTION = 5000


@dataclass(frozen=True)
class NewItem:
    """What a new item is made of; `extra` is complete for its type."""

    type: str
    name: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    lang: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    geolocation: tuple[float | None, float | None] | None = None
    id: UUID = field(default_factory=uuid4)


async def create_item(
    uow: UnitOfWork,
    caller: Caller,
    new: NewItem,
    *,
    parent_id: UUID | None = None,
    previous_item_id: UUID | None = None,
) -> Row:
    """Insert an item, at the root or in a folder the caller may write to; its row.

    Raises ItemNotFound and the permission errors for the parent, ItemNotFolder, HierarchyTooDeep, TooManyChildren,
    PartialGeolocation.
    """
    parent = await lock_parent(uow, caller, parent_id) if parent_id else None
    order = None
    if parent:
        order = await _place(uow, parent.item, previous_item_id)
    row = await uow.first(
        queries.INSERT,
        id=new.id,
        name=new.name,
        type=new.type,
        description=_described(new.description),
        path=f"{parent.item['path']}.{label(new.id)}" if parent else label(new.id),
        creator_id=caller.id,
        lang=new.lang or (parent.item["lang"] if parent else caller.lang),
        order=order,
        extra=dict(new.extra),
        settings={"hasThumbnail": False} | dict(new.settings),
    )
    assert row is not None
    if parent is None or parent.permission is not Permission.ADMIN:
        await grant_creator_admin(uow, row["path"], caller.id)
    if new.geolocation and new.geolocation != (None, None):
        await put_place(uow, row["path"], *new.geolocation)
    if parent:
        await ordering.rescale(uow, parent.item["path"])
    return row


async def lock_parent(uow: UnitOfWork, caller: Caller, parent_id: UUID) -> Access:
    parent = await authorize(uow, caller.id, parent_id, Permission.WRITE)
    if parent.item["type"] != "folder":
        raise ItemNotFolder(str(parent_id))
    try:
        await lock_folder(uow, parent)
    except TreeHasMoved:
        # Its row is locked by now: it stays where it is this time.
        parent = await authorize(uow, caller.id, parent_id, Permission.WRITE)
        await lock_folder(uow, parent)
    return parent


async def _lock(uow: UnitOfWork, item_id: UUID) -> Row:
    """The row of a live item as it is now, and as it stays until the end of the transaction."""
    row = await uow.first(queries.LOCK, item_id=item_id)
    if row is None:
        raise ItemNotFound(item_id)
    return row


async def _place(uow: UnitOfWork, parent: Row, previous_item_id: UUID | None) -> Any:
    limits = uow.platform.settings
    if parent["path"].count(".") + 2 > limits.max_tree_levels:
        raise HierarchyTooDeep
    slot = await ordering.find_slot(uow, parent["path"], previous_item_id)
    if slot["children"] + 1 > limits.max_children:
        raise TooManyChildren
    return ordering.order_in(slot, previous_item_id)


@dataclass(frozen=True)
class Change:
    """What to change; only the fields in `given` are touched. `extra` is merged into the one of the item's type."""

    given: frozenset[str]
    name: str | None = None
    description: str | None = None
    lang: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


async def update_item(
    uow: UnitOfWork, caller: Caller, item_id: UUID, change: Change, *, expected_type: str | None = None
) -> Row:
    """Change an item the caller may write to; its new row.

    Raises ItemNotFound, the permission errors, WrongItemType for another type than expected, NothingToUpdateItem.
    """
    access = await authorize(uow, caller.id, item_id, Permission.WRITE)
    require_type(access.item, expected_type)
    if not change.given:
        raise NothingToUpdateItem
    # As it is now: somebody else may have changed other settings since.
    row = await _lock(uow, item_id)
    kind = row["type"]
    updated = await uow.first(
        queries.UPDATE,
        item_id=item_id,
        new_name=change.name if "name" in change.given else row["name"],
        new_description=_described(change.description)
        if "description" in change.given
        else row["description"],
        new_lang=change.lang if "lang" in change.given else row["lang"],
        new_settings=_merged(row["settings"], change.settings),
        new_extra=_merged_extra(row["extra"], kind, change.extra) if change.extra else row["extra"],
    )
    assert updated is not None
    return updated


def require_type(item: Row, expected: str | None) -> None:
    if expected is not None and item["type"] != expected:
        raise WrongItemType(item["type"])


def _described(description: str | None) -> str | None:
    """The description made safe, which may be longer than what was sent."""
    safe = sanitize(description) if description else description
    if safe and len(safe) > _LONGEST_DESCRIPTION:
        raise BadRequest(f"body/description must NOT have more than {_LONGEST_DESCRIPTION} characters")
    return safe


def _merged_extra(stored: Any, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    extra = _merged(stored, {})
    return extra | {kind: _merged(extra.get(kind), given)}


def _merged(stored: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    return (stored if isinstance(stored, dict) else {}) | dict(given)


async def document_content(platform: Platform, content: Mapping[str, Any]) -> dict[str, Any]:
    """A document's extra, its HTML made safe. Raises CannotDecode for HTML that can't be."""
    safe = {name: value for name, value in content.items() if value is not None}
    if "content" in safe:
        safe["content"] = await platform.decoder.safe_html(safe["content"])
    return safe


async def convert(uow: UnitOfWork, caller: Caller, folder_id: UUID, *, is_capsule: bool) -> Row:
    """Turn a folder into a capsule or back. Raises ItemNotFolder before any permission error."""
    row = await uow.first(queries.FIND, item_id=folder_id)
    if row is None:
        raise ItemNotFound(folder_id)
    if row["type"] != "folder":
        raise ItemNotFolder(str(folder_id))
    change = Change(given=frozenset(("extra",)), extra={"isCapsule": is_capsule})
    return await update_item(uow, caller, folder_id, change)


async def reorder(uow: UnitOfWork, caller: Caller, item_id: UUID, previous_item_id: UUID | None) -> Row:
    """Put an item first, or behind a sibling. Raises CannotReorderRootItem."""
    access = await authorize(uow, caller.id, item_id, Permission.WRITE)
    parent = parent_path(access.item["path"])
    if parent is None:
        raise CannotReorderRootItem(str(item_id))
    await uow.first(queries.LOCK_PATH, path=parent)
    # Behind itself it stays where it is.
    moving = None if previous_item_id == item_id else item_id
    slot = await ordering.find_slot(uow, parent, previous_item_id, moving=moving)
    row = await uow.first(
        queries.SET_ORDER,
        item_id=item_id,
        at_path=access.item["path"],
        new_order=ordering.order_in(slot, previous_item_id),
    )
    if row is None:
        # Moved meanwhile: it goes among its new siblings.
        return await reorder(uow, caller, item_id, previous_item_id)
    await ordering.rescale(uow, parent)
    return row


def packer(platform: Platform) -> Packer:
    return Packer(platform.urls, platform.settings.h5p_integration_url)


async def children(
    platform: Platform,
    reader: Reader,
    caller: Caller | None,
    parent_id: UUID,
    *,
    types: Sequence[str] | None,
    keywords: Sequence[str],
) -> list[Wire]:
    """The children of a folder that the caller may see, in their order. Raises ItemNotFolder."""
    account_id = caller.id if caller else None
    access = await authorize(reader, account_id, parent_id)
    if access.item["type"] != "folder":
        raise ItemNotFolder(str(parent_id))
    path = access.item["path"]
    wanted = {"path": path, "types": list(types) if types else None}
    if found := search(keywords, caller):
        rows = await reader.all(queries.CHILDREN_FOUND, **wanted, **found)
    else:
        rows = await reader.all(queries.CHILDREN, **wanted)
    inherited = await _inherited(reader, account_id, access)
    return await packer(platform).pack_subtree(rows, inherited, hidden=True)


async def descendants(
    platform: Platform,
    reader: Reader,
    caller: Caller | None,
    item_id: UUID,
    *,
    types: Sequence[str] | None,
    show_hidden: bool,
) -> list[Wire | orjson.Fragment]:
    """Everything below an item that the caller may see, depth-first; nothing below what is no folder."""
    account_id = caller.id if caller else None
    access = await authorize(reader, account_id, item_id)
    if access.item["type"] != "folder":
        return []
    path = access.item["path"]
    rows = tree_order(await reader.all(queries.DESCENDANT_TEXTS, path=path, item_id=item_id), path)
    if types:
        wanted = frozenset(types)
        rows = [row for row in rows if row["type"] in wanted]
    inherited = await _inherited(reader, account_id, access)
    return await packer(platform).pack_texts(rows, inherited, hidden=show_hidden)


async def visible_tree(reader: Reader, account_id: UUID, item_id: UUID) -> tuple[Row, list[Row]]:
    """A folder, and the outline of what the account sees below it, parents before children: id, name, type, path and
    date of change. Three statements whatever the size.

    Raises ItemNotFound, the permission errors, WrongItemType.
    """
    access = await authorize(reader, account_id, item_id)
    require_type(access.item, "folder")
    path = access.item["path"]
    rows = tree_order(await reader.all(queries.OUTLINE, path=path, item_id=item_id), path)
    inherited = await _inherited(reader, account_id, access)
    return access.item, [row for row in rows if inherited.shows(row["path"])]


def contents(transaction: Transaction, rows: Sequence[Row]) -> AsyncGenerator[Row, None]:
    """The whole items of an outline, in its order, few of them in memory at a time."""
    return transaction.stream(queries.CONTENTS, item_ids=[row["id"] for row in rows])


async def _inherited(reader: Reader, account_id: UUID | None, access: Access) -> InheritedAccess:
    path = access.item["path"]
    rows = await reader.all(queries.ACCESS_BELOW, account_id=account_id, path=path)
    return InheritedAccess(path, access.permission, access.public, access.hidden, rows)


@dataclass(frozen=True)
class AccessibleFilter:
    """What a member looks for among the items it has a membership on."""

    page: int
    page_size: int
    sort_by: str = "item.updated_at"
    ordering: str = "desc"
    creator_id: UUID | None = None
    permissions: Sequence[str] | None = None
    types: Sequence[str] | None = None
    keywords: Sequence[str] = ()


async def accessible(
    platform: Platform, reader: Reader, caller: Caller, wanted: AccessibleFilter
) -> list[Wire]:
    """One page of the topmost items that match; a page has at most 50."""
    found = search(wanted.keywords, caller)
    size = min(wanted.page_size, MAX_PAGE)
    rows = await reader.all(
        queries.ACCESSIBLE[wanted.sort_by, wanted.ordering.lower(), bool(found)],
        account_id=caller.id,
        permissions=list(wanted.permissions) if wanted.permissions else None,
        creator_id=wanted.creator_id,
        types=list(wanted.types) if wanted.types else None,
        page_size=size,
        skipped=(wanted.page - 1) * size,
        **found,
    )
    return await packer(platform).pack_all(rows)


def search(keywords: Sequence[str], reader: Caller | None) -> dict[str, Any]:
    """Parameters of a search: all the words together, or any keyword as a part of the name. Empty: no search."""
    given = [keyword for keyword in keywords if keyword.strip()]
    if not given:
        return {}
    return {
        "words": " ".join(given),
        "patterns": [f"%{keyword}%" for keyword in given],
        "reader_lang": reader.lang if reader else "en",
    }
