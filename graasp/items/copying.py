"""Copies of item trees: the rows, what belongs to them, and their stored objects.

Not copied: memberships, `public`, publication, invitations, login schemas, tags, likes, bookmarks, links, chat, what
people did. A copy is hidden where its original is.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from graasp.apps.copying import SettingCopy, copy_settings, plan_settings
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.db.ltree import label, parent_path
from graasp.db.statements import dumps
from graasp.etherpad.errors import ItemMissingExtra
from graasp.etherpad.service import new_pad, pad_of
from graasp.files.keys import new_file_key
from graasp.files.service import check_space, require_space
from graasp.h5p.layout import PackagePlace, copied_keys, copy_name, package_folder
from graasp.items import copying_queries, ordering, queries
from graasp.items.errors import HierarchyTooDeep, ItemNotFolder, TooManyDescendants
from graasp.items.folders import lock_folder, places_at_the_end
from graasp.items.packing import (
    InheritedAccess,
    has_thumbnail,
    own_content,
    thumbnail_prefix,
    tree_order,
)
from graasp.memberships.authorization import Access, Permission, authorize
from graasp.memberships.errors import ItemNotFound
from graasp.memberships.service import grant_creator_admin_on
from graasp.pages.service import copy_pages
from graasp.platform import UnitOfWork
from graasp.settings import Settings
from graasp.storage.copies import ObjectCopy, copy_objects
from graasp.storage.errors import UploadFileUnexpectedError
from graasp.thumbnails.service import thumbnail_keys
from graasp.visibility.service import hide_copies

LONGEST_NAME = 500
_LONGEST_SUFFIX = 6
_NUMBERED = re.compile(r"(.*) \(([0-9]{1,9})\)", re.DOTALL)


@dataclass(frozen=True)
class SourceTree:
    """What an account sees of a tree: the whole root first, then of each item what a copy has to know, parents before
    children; and which of it is hidden.
    """

    rows: Sequence[Row]
    hidden: frozenset[str]

    @property
    def root(self) -> Row:
        return self.rows[0]

    @property
    def height(self) -> int:
        """In levels; a single item has one."""
        levels = [str(row["path"]).count(".") for row in self.rows]
        return 1 + max(levels) - levels[0]

    @property
    def file_bytes(self) -> int:
        return sum(_size(row) for row in self.rows)


async def read_tree(reader: Reader, account_id: UUID | None, item_id: UUID) -> SourceTree:
    """An item and what the account sees below it, in three statements. Raises ItemNotFound, the permission errors."""
    access = await authorize(reader, account_id, item_id)
    path = access.item["path"]
    below = await reader.all(copying_queries.SOURCES, path=path, item_id=item_id)
    changes = await reader.all(queries.ACCESS_BELOW, account_id=account_id, path=path)
    inherited = InheritedAccess(path, access.permission, access.public, access.hidden, changes)
    # What an account may see below something it may not see has no place in the copy.
    seen = {path: access.item}
    for row in tree_order(below, path):
        if parent_path(row["path"]) in seen and inherited.shows(row["path"]):
            seen[row["path"]] = row
    return SourceTree(list(seen.values()), frozenset(p for p in seen if inherited.of(p)[2]))


@dataclass(frozen=True)
class _Copy:
    """One item to be made; `name`, and what is not told of its `extra`, are the original's."""

    id: UUID
    path: str
    source: Row
    order: Decimal | None
    name: str | None = None
    extra: Mapping[str, Any] | None = None
    package: PackagePlace | None = None


async def copy_trees(
    uow: UnitOfWork,
    caller: Caller,
    trees: Sequence[SourceTree],
    destination: Access | None,
    *,
    names: Sequence[str] | None = None,
) -> list[Row]:
    """Copy trees last into a folder that the caller may write to, or to the root; the rows of the topmost copies.

    Without `names`, each gets a name that nobody beside it has. The number of statements does not depend on the
    trees' sizes, nor with `names` on their number. Call it before anything else in the unit of work: stored objects
    are copied while no transaction is open yet, and deleted if it fails.

    Raises ItemNotFolder, HierarchyTooDeep, TooManyChildren, TooManyDescendants, StorageExceeded, EtherpadServerError,
    UploadFileUnexpectedError, TreeHasMoved, and ItemNotFound when the original or the folder has just gone.
    """
    if not trees:
        return []
    _require_fit(uow.platform.settings, trees, destination)
    parent = destination.item["path"] if destination else None
    copies = [list(_copies(tree, parent)) for tree in trees]
    everything = [copy for copied in copies for copy in copied]
    file_bytes = sum(tree.file_bytes for tree in trees)
    await check_space(uow.platform, uow.platform.reads, caller, file_bytes)
    settings = await plan_settings(uow.platform.reads, _app_copies(everything), caller.id)
    await _copy_objects(uow, caller, [*_objects(everything, caller.id), *_setting_files(settings)])
    await _copy_packages(uow, caller, everything)
    copies = [[await _with_own_pad(uow, copy) for copy in copied] for copied in copies]

    await require_space(uow, caller, file_bytes)
    orders: list[Decimal | None] = [None] * len(copies)
    if destination:
        await lock_folder(uow, destination)
        orders = await places_at_the_end(uow, destination, len(copies))
    if names is None:
        names = await _free_names(uow, caller.id, [tree.root["name"] for tree in trees], parent)
    for copied, name, order in zip(copies, names, orders, strict=True):
        copied[0] = replace(copied[0], name=copied[0].name or name, order=order)
    everything = [copy for copied in copies for copy in copied]
    roots = await _insert(uow, caller.id, everything, [copied[0].id for copied in copies])
    hidden = frozenset().union(*(tree.hidden for tree in trees))
    await _insert_belongings(uow, hidden, everything, settings)
    if destination is None or destination.permission is not Permission.ADMIN:
        await grant_creator_admin_on(uow, [root["path"] for root in roots], caller.id)
    if parent:
        await ordering.rescale(uow, parent)
    return roots


def _require_fit(settings: Settings, trees: Sequence[SourceTree], destination: Access | None) -> None:
    if destination and destination.item["type"] != "folder":
        raise ItemNotFolder(str(destination.item["id"]))
    level = destination.item["path"].count(".") + 1 if destination else 0
    if level + max(tree.height for tree in trees) > settings.max_tree_levels:
        raise HierarchyTooDeep
    items = sum(len(tree.rows) for tree in trees)
    if items > settings.max_copied_items:
        raise TooManyDescendants(items)


def _copies(tree: SourceTree, parent: str | None) -> Iterator[_Copy]:
    """One copy of every item, under new ids and paths, siblings in the order of their originals."""
    orders = _orders(tree.rows)
    paths: dict[str, str] = {}
    for row in tree.rows:
        item_id = uuid4()
        above = parent if row is tree.root else paths[parent_path(row["path"]) or ""]
        path = paths[row["path"]] = f"{above}.{label(item_id)}" if above else label(item_id)
        package = _package_copy(row)
        yield _Copy(
            item_id,
            path,
            row,
            orders.get(row["path"]),
            name=copy_name(row["name"], longest=LONGEST_NAME) if package else None,
            extra=package.extra if package else _extra(row),
            package=package,
        )


def _orders(rows: Sequence[Row]) -> dict[str, Decimal]:
    """The originals' orders; new ones in a folder where some are missing or equal."""
    families: dict[str, list[Row]] = {}
    for row in rows[1:]:
        families.setdefault(parent_path(row["path"]) or "", []).append(row)
    orders: dict[str, Decimal] = {}
    for siblings in families.values():
        stored = [row["order"] for row in siblings]
        distinct = len({order for order in stored if order is not None}) == len(stored)
        for position, row in enumerate(sorted(siblings, key=_place), start=1):
            orders[row["path"]] = row["order"] if distinct else ordering.STEP * position
    return orders


def _place(row: Row) -> tuple[bool, Decimal, datetime]:
    return row["order"] is None, row["order"] or Decimal(0), row["created_at"]


def _extra(row: Row) -> Mapping[str, Any] | None:
    """What a copy does not share with its original: the key of its file."""
    file = _file(row)
    if not isinstance(file.get("path"), str):
        return None
    name = file.get("name")
    return {"file": {"path": new_file_key(name if isinstance(name, str) else "")}}


def _package_copy(row: Row) -> PackagePlace | None:
    """A place of its own for the copy of a package."""
    if PackagePlace.of(row) is None:
        return None
    return PackagePlace.new(copy_name(row["name"], longest=LONGEST_NAME))


def _file(row: Row) -> Mapping[str, Any]:
    return own_content(row) if row["type"] == "file" else {}


def _size(row: Row) -> int:
    size = _file(row).get("size")
    return int(size) if isinstance(size, int | float) else 0


def _objects(copies: Sequence[_Copy], account_id: UUID) -> Iterator[ObjectCopy]:
    for copy in copies:
        metadata = {"item": str(copy.id), "member": str(account_id)}
        if copy.extra and copy.source["type"] == "file":
            yield ObjectCopy(_file(copy.source)["path"], copy.extra["file"]["path"], metadata)
        if has_thumbnail(copy.source):
            keys = (thumbnail_keys(thumbnail_prefix(of)) for of in (copy.source["id"], copy.id))
            for source, target in zip(*keys, strict=True):
                yield ObjectCopy(source, target, metadata, is_optional=True)


def _setting_files(settings: Sequence[SettingCopy]) -> Iterator[ObjectCopy]:
    return (setting.file for setting in settings if setting.file)


def _app_copies(copies: Sequence[_Copy]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    for copy in copies:
        if copy.source["type"] == "app":
            found.setdefault(copy.source["id"], []).append(copy.id)
    return found


async def _with_own_pad(uow: UnitOfWork, copy: _Copy) -> _Copy:
    """Two items with one pad would destroy each other's text."""
    try:
        pad = pad_of(copy.source)
    except ItemMissingExtra:
        return copy
    own = await new_pad(uow, copy_of=pad["padID"])
    return replace(copy, extra={"etherpad": own})


async def _copy_objects(uow: UnitOfWork, caller: Caller, objects: Sequence[ObjectCopy]) -> None:
    storage = uow.platform.storage
    if not objects:
        return
    uow.after_rollback(lambda: storage.delete(*(copy.target for copy in objects)))
    try:
        await copy_objects(storage, objects)
    except ExceptionGroup as failures:
        raise UploadFileUnexpectedError(caller.id) from failures


async def _copy_packages(uow: UnitOfWork, caller: Caller, copies: Sequence[_Copy]) -> None:
    """Packages and what was unpacked of them, one after the other: each is up to thousands of objects."""
    platform = uow.platform
    for copy in copies:
        source = PackagePlace.of(copy.source)
        if source is None or copy.package is None:
            continue
        folder = package_folder(platform.settings, copy.package.content_id)
        uow.after_rollback(partial(platform.packages.delete_folder, folder))
        metadata = {"item": str(copy.id), "member": str(caller.id)}
        try:
            keys = [key async for key in platform.packages.list(source.content_key(platform.settings))]
            targets = copied_keys(platform.settings, source, copy.package, keys)
            objects = [ObjectCopy(key, target, metadata) for key, target in targets.items()]
            await copy_objects(platform.packages, objects)
        except Exception as failure:
            raise UploadFileUnexpectedError(caller.id) from failure


async def _free_names(
    uow: UnitOfWork, account_id: UUID, names: Sequence[str], parent: str | None
) -> list[str]:
    free: list[str] = []
    for name in names:
        numbered = _NUMBERED.fullmatch(name)
        base = (numbered[1] if numbered else name)[: LONGEST_NAME - _LONGEST_SUFFIX]
        if parent:
            rows = await uow.all(copying_queries.NAMES_IN, path=parent, base=base)
        else:
            rows = await uow.all(copying_queries.NAMES_AT_ROOT, account_id=account_id, base=base)
        free.append(free_name(name, {row["name"] for row in rows} | set(free)))
    return free


def free_name(name: str, taken: Collection[str]) -> str:
    """The name itself, or with the first number that nobody has: `A`, `A (2)`, `A (3)`; never above 500 characters."""
    while name in taken:
        numbered = _NUMBERED.fullmatch(name)
        base, number = (numbered[1], int(numbered[2]) + 1) if numbered else (name, 2)
        suffix = f" ({number})"
        name = base[: LONGEST_NAME - len(suffix)] + suffix
    return name


async def _insert(
    uow: UnitOfWork, account_id: UUID, copies: Sequence[_Copy], root_ids: Sequence[UUID]
) -> list[Row]:
    rows = await uow.all(
        copying_queries.COPY,
        creator_id=account_id,
        ids=[copy.id for copy in copies],
        source_ids=[copy.source["id"] for copy in copies],
        paths=[copy.path for copy in copies],
        names=[copy.name for copy in copies],
        extras=[dumps(copy.extra) if copy.extra else None for copy in copies],
        orders=[copy.order for copy in copies],
        root_ids=list(root_ids),
    )
    by_id = {row["id"]: row for row in rows}
    if not rows or rows[0]["copies"] < len(copies):
        raise ItemNotFound(copies[0].source["id"])
    return [by_id[root_id] for root_id in root_ids]


async def _insert_belongings(
    uow: UnitOfWork, hidden: frozenset[str], copies: Sequence[_Copy], settings: Sequence[SettingCopy]
) -> None:
    hidden_copies = {copy.path for copy in copies if copy.source["path"] in hidden}
    await hide_copies(uow, [path for path in hidden_copies if parent_path(path) not in hidden_copies])
    await uow.execute(
        copying_queries.COPY_GEOLOCATIONS,
        paths=[copy.path for copy in copies],
        source_paths=[copy.source["path"] for copy in copies],
    )
    await copy_settings(uow, settings)
    await copy_pages(uow, [(copy.id, copy.source["id"]) for copy in copies if copy.source["type"] == "page"])
