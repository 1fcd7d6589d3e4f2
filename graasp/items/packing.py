"""Items as clients see them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from graasp.cache.url_cache import UrlCache
from graasp.db.database import Row
from graasp.db.ltree import parent_path
from graasp.http.responses import dump_json
from graasp.memberships.authorization import Permission, Visibility

Wire = dict[str, Any]

SETTINGS = frozenset(
    (
        "lang",
        "isPinned",
        "tags",
        "showChatbox",
        "isResizable",
        "hasThumbnail",
        "ccLicenseAdaption",
        "displayCoEditors",
        "descriptionPlacement",
        "isCollapsible",
        "enableSaveActions",
        "showLinkIframe",
        "showLinkButton",
        "maxWidth",
        "alignment",
    )
)
EXTRA = {
    "folder": frozenset(("isCapsule", "childrenOrder")),
    "app": frozenset(("url", "settings")),
    "document": frozenset(("content", "flavor", "isRaw")),
    "embeddedLink": frozenset(("url", "title", "description", "html", "thumbnails", "icons")),
    "etherpad": frozenset(("padID", "groupID", "readerPermission")),
    "file": frozenset(("name", "path", "mimetype", "size", "content", "altText", "key", "contenttype")),
    "h5p": frozenset(("contentId", "h5pFilePath", "contentFilePath")),
    "shortcut": frozenset(("target",)),
}


def generic_item(row: Row) -> Wire:
    """An item without what depends on the caller."""
    return {
        "id": row["id"],
        "name": row["name"],
        "type": row["type"],
        "description": row["description"],
        "path": row["path"],
        "lang": row["lang"],
        "settings": _known(row["settings"], SETTINGS),
        "extra": _extra(row),
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }


def raw_item(row: Row) -> Wire:
    """The whole row, as websocket feedback and exports carry it."""
    item = {
        "id": row["id"],
        "name": row["name"],
        "type": row["type"],
        "description": row["description"],
        "path": row["path"],
        "creatorId": row["creator_id"],
        "extra": row["extra"],
        "settings": row["settings"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        "lang": row["lang"],
        "order": row["order"],
    }
    return item | {"deletedAt": row["deleted_at"]} if "deleted_at" in row.keys() else item  # noqa: SIM118


class Packer:
    """Adds creator, permission, visibilities, thumbnails and player links to rows of the list statements."""

    def __init__(self, urls: UrlCache, h5p_integration_url: str) -> None:
        self._urls = urls
        self._h5p_integration_url = h5p_integration_url

    async def pack(self, row: Row) -> Wire:
        """One item whose row carries its access (`permission`, `public`, `hidden`) and `creator_name`."""
        return (await self.pack_all([row]))[0]

    async def pack_all(self, rows: Sequence[Row]) -> list[Wire]:
        """Items whose rows carry their own access."""
        items = [self._packed(row, row["permission"], row["public"], row["hidden"]) for row in rows]
        await self._add_thumbnails(items)
        return items

    async def pack_subtree(
        self, rows: Sequence[Row], access: "InheritedAccess", *, hidden: bool
    ) -> list[Wire]:
        """Items below one that was authorized, parents before children.

        Hidden items are left out for callers below `write`, and for everybody when `hidden` is false.
        """
        items = []
        for row in rows:
            permission, public_by, hidden_by = access.of(row["path"])
            if hidden_by and not (hidden and access.shows(row["path"])):
                continue
            items.append(self._packed(row, permission.wire if permission else None, public_by, hidden_by))
        await self._add_thumbnails(items)
        return items

    async def pack_texts(
        self, rows: Sequence[Row], access: "InheritedAccess", *, hidden: bool
    ) -> list[Wire | orjson.Fragment]:
        """As `pack_subtree`, of rows whose `wire` is the item as JSON text: most of them stay text."""
        items: list[Wire | orjson.Fragment] = []
        others: list[Wire] = []
        ends: dict[tuple[Any, ...], str] = {}
        for row in rows:
            permission, public_by, hidden_by = access.of(row["path"])
            if hidden_by and not (hidden and access.shows(row["path"])):
                continue
            level = permission.wire if permission else None
            if row["plain"]:
                # The same for nearly all of them.
                key = (row["creator_id"], level, id(public_by), id(hidden_by))
                end = ends.get(key)
                if end is None:
                    end = ends[key] = _end(_circumstances(row, level, public_by, hidden_by))
                items.append(orjson.Fragment(row["wire"][:-1] + end))
            else:
                item = self._packed(_parsed(row), level, public_by, hidden_by)
                items.append(item)
                others.append(item)
        await self._add_thumbnails(others)
        return items

    def _packed(
        self, row: Row, permission: str | None, public_by: Visibility | None, hidden_by: Visibility | None
    ) -> Wire:
        item = generic_item(row) | _circumstances(row, permission, public_by, hidden_by)
        if item["type"] == "h5p":
            self._add_player(item)
        return item

    def _add_player(self, item: Wire) -> None:
        content = item["extra"].get("h5p", {})
        if content_id := content.get("contentId"):
            link = f"{self._h5p_integration_url}?contentId={content_id}"
            item["extra"] = {"h5p": content | {"integrationUrl": link}}

    async def _add_thumbnails(self, items: Iterable[Wire]) -> None:
        with_thumbnail = [item for item in items if has_thumbnail(item)]
        keys = [_thumbnail(item, size) for item in with_thumbnail for size in ("small", "medium")]
        urls = await self._urls.many(keys)
        for item in with_thumbnail:
            item["thumbnails"] = {size: urls[_thumbnail(item, size)] for size in ("small", "medium")}


class InheritedAccess:
    """Access below an authorized item, worked out from the few rows that lie on the way.

    `rows` are memberships of the caller and visibilities at or below the item: `{item_path, permission}` or
    `{item_path, type, visibility}`.
    """

    def __init__(
        self,
        root: str,
        permission: Permission | None,
        public_by: Visibility | None,
        hidden_by: Visibility | None,
        rows: Iterable[Row],
    ) -> None:
        self._permissions: dict[str, Permission] = {}
        self._visibilities: dict[str, dict[str, Visibility]] = {"public": {}, "hidden": {}}
        for row in rows:
            if row["permission"]:
                self._permissions[row["item_path"]] = Permission.from_wire(row["permission"])
            else:
                self._visibilities[row["type"]][row["item_path"]] = row["visibility"]
        self._known: dict[str, tuple[Permission | None, Visibility | None, Visibility | None]] = {
            root: (permission, public_by, hidden_by)
        }

    def shows(self, path: str) -> bool:
        """Whether an item is visible: hidden ones are to those who may write."""
        permission, _, hidden_by = self.of(path)
        return not hidden_by or (permission is not None and permission >= Permission.WRITE)

    def of(self, path: str) -> tuple[Permission | None, Visibility | None, Visibility | None]:
        """(permission, public, hidden) of an item at or below the root."""
        known = self._known.get(path)
        if known is None:
            above = parent_path(path)
            assert above is not None, "the path is not below the root"
            permission, public_by, hidden_by = self.of(above)
            own = self._permissions.get(path)
            if own is not None and (permission is None or own > permission):
                permission = own
            known = self._known[path] = (
                permission,
                public_by or self._visibilities["public"].get(path),
                hidden_by or self._visibilities["hidden"].get(path),
            )
        return known


def tree_order(rows: Iterable[Row], root: str) -> list[Row]:
    """Depth-first, parents before children. `rows` come in the order of siblings."""
    children: dict[str, list[Row]] = {}
    for row in rows:
        children.setdefault(parent_path(row["path"]) or "", []).append(row)
    ordered: list[Row] = []
    pending = children.get(root, [])[::-1]
    while pending:
        row = pending.pop()
        ordered.append(row)
        pending.extend(reversed(children.get(row["path"], ())))
    return ordered


def own_content(row: Row) -> Mapping[str, Any]:
    """What an item's `extra` holds for its own type; empty when what is stored is malformed."""
    content = row["extra"].get(row["type"]) if isinstance(row["extra"], dict) else None
    return content if isinstance(content, dict) else {}


def has_thumbnail(row: Row) -> bool:
    settings = row["settings"]
    return isinstance(settings, dict) and settings.get("hasThumbnail") is True


def thumbnail_prefix(item_id: UUID) -> str:
    """What the storage keys of an item's thumbnails begin with."""
    return f"thumbnails/{item_id}"


def _circumstances(
    row: Row, permission: str | None, public_by: Visibility | None, hidden_by: Visibility | None
) -> Wire:
    name = row["creator_name"]
    creator = None if name is None else {"id": row["creator_id"], "name": name}
    wire: Wire = {"creator": creator, "permission": permission}
    if public_by:
        wire["public"] = public_by
    if hidden_by:
        wire["hidden"] = hidden_by
    return wire


def _end(wire: Wire) -> str:
    """What closes a JSON object that has members and lost its brace."""
    return "," + dump_json(wire).decode()[1:]


def _parsed(row: Row) -> Row:
    wire: Wire = orjson.loads(row["wire"])
    return wire | dict(row) | {"created_at": wire["createdAt"], "updated_at": wire["updatedAt"]}


def _extra(row: Row) -> Wire:
    kind = row["type"]
    if kind == "page":
        return {}
    return {kind: _known(own_content(row), EXTRA.get(kind, frozenset()))}


def _known(values: Any, names: frozenset[str]) -> Wire:
    """The keys clients know; whatever else is stored, and however it is malformed, never breaks a list."""
    if not isinstance(values, dict):
        return {}
    if values.keys() <= names:
        return values
    return {name: value for name, value in values.items() if name in names}


def _thumbnail(item: Wire, size: str) -> str:
    return f"{thumbnail_prefix(item['id'])}/{size}"
