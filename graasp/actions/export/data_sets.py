"""What an action export holds: the files, their columns, and where the rows come from."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from graasp.db.statements import instant


class Kind(Enum):
    """Who wrote the values of a column, hence how far they are trusted."""

    OURS = "ours"
    # A spreadsheet would run what looks like a formula.
    TEXT = "text"
    # An object of any shape; as a table it has a column for each of its commonest paths.
    JSON = "json"


class Column(NamedTuple):
    """A name on the wire, and the expression that reads it."""

    name: str
    sql: str
    kind: Kind = Kind.OURS


class DataSet(NamedTuple):
    """One file: its prefix, its columns, and its rows; `{path}` stands for the item's path."""

    prefix: str
    columns: Sequence[Column]
    table: str
    alias: str
    where: str
    order: str

    def rows(self, path: str) -> str:
        """What stands after FROM. The narrow rows are sorted, not the lines made of them."""
        selected = f"select {self.alias}.* from {self.table} {self.alias} where {self.filter(path)}"
        return f"({selected} order by {self.order} offset 0) {self.alias}"

    def filter(self, path: str) -> str:
        """What stands after WHERE. COPY takes no parameters, so the path becomes part of the statement."""
        if not re.fullmatch(r"[A-Za-z0-9_.]+", path):
            raise ValueError("not a path of the item tree")
        return self.where.replace("{path}", path)


_OF_LIVE_ITEMS = (
    "a.item_id = any(array(select i.id from item i where i.path <@ '{path}' and i.deleted_at is null))"
)
_ON_THE_WAY = "(m.item_path <@ '{path}' or m.item_path @> '{path}')"
_OF_APPS = "d.item_id in (select id from item where path <@ '{path}' and type = 'app')"

# Always written, whether or not there are any actions.
VIEWS = ("builder", "player", "library", "unknown")
GEOLOCATION = ("range", "country", "region", "eu", "timezone", "city", "ll", "metro", "area")

ITEM = (
    Column("id", "i.id"),
    Column("name", "i.name", Kind.TEXT),
    Column("type", "i.type"),
    Column("description", "i.description", Kind.TEXT),
    Column("path", "i.path::text"),
    Column("creatorId", "i.creator_id"),
    Column("extra", "i.extra", Kind.JSON),
    Column("settings", "i.settings", Kind.JSON),
    Column("createdAt", instant("i.created_at")),
    Column("updatedAt", instant("i.updated_at")),
    Column("lang", "i.lang", Kind.TEXT),
    Column("order", 'i."order"'),
)
ITEMS = DataSet(
    "items",
    (*ITEM[:10], Column("deletedAt", instant("i.deleted_at")), *ITEM[10:]),
    table="item",
    alias="i",
    where="i.path <@ '{path}'",
    order="i.path",
)
DATA_SETS = (
    ITEMS,
    DataSet(
        "accounts",
        (Column("id", "a.id"), Column("name", "a.name", Kind.TEXT)),
        table="account",
        alias="a",
        where=f"a.id in (select m.account_id from item_membership m where {_ON_THE_WAY})",
        order="a.id",
    ),
    DataSet(
        "memberships",
        (
            Column("id", "m.id"),
            Column("permission", "m.permission::text"),
            Column("itemPath", "m.item_path::text"),
            Column("creatorId", "m.creator_id"),
            Column("accountId", "m.account_id"),
            Column("createdAt", instant("m.created_at")),
            Column("updatedAt", instant("m.updated_at")),
        ),
        table="item_membership",
        alias="m",
        where=_ON_THE_WAY,
        order="m.item_path, m.account_id",
    ),
    DataSet(
        "chat",
        (
            Column("id", "c.id"),
            Column("itemId", "c.item_id"),
            Column("creatorId", "c.creator_id"),
            Column("createdAt", instant("c.created_at")),
            Column("updatedAt", instant("c.updated_at")),
            Column("body", "c.body", Kind.TEXT),
        ),
        table="chat_message",
        alias="c",
        where="c.item_id in (select id from item where path <@ '{path}')",
        order="c.created_at, c.id",
    ),
)
# Each a file of its own as a table, all in one file as JSON.
APP_DATA_SETS = {
    "appActions": DataSet(
        "app_actions",
        (
            Column("id", "d.id"),
            Column("accountId", "d.account_id"),
            Column("itemId", "d.item_id"),
            Column("data", "d.data", Kind.JSON),
            Column("type", "d.type", Kind.TEXT),
            Column("createdAt", instant("d.created_at")),
        ),
        table="app_action",
        alias="d",
        where=_OF_APPS,
        order="d.created_at, d.id",
    ),
    "appData": DataSet(
        "app_data",
        (
            Column("id", "d.id"),
            Column("accountId", "d.account_id"),
            Column("itemId", "d.item_id"),
            Column("data", "d.data", Kind.JSON),
            Column("type", "d.type", Kind.TEXT),
            Column("creatorId", "d.creator_id"),
            Column("visibility", "d.visibility::text"),
            Column("createdAt", instant("d.created_at")),
            Column("updatedAt", instant("d.updated_at")),
        ),
        table="app_data",
        alias="d",
        where=_OF_APPS,
        order="d.created_at, d.id",
    ),
    "appSettings": DataSet(
        "app_settings",
        (
            Column("id", "d.id"),
            Column("itemId", "d.item_id"),
            Column("creatorId", "d.creator_id"),
            Column("name", "d.name", Kind.TEXT),
            Column("data", "d.data", Kind.JSON),
            Column("createdAt", instant("d.created_at")),
            Column("updatedAt", instant("d.updated_at")),
        ),
        table="app_setting",
        alias="d",
        where=_OF_APPS,
        order="d.created_at, d.id",
    ),
}


def actions(view: str | None = None) -> DataSet:
    """The actions, of one view or of all, newest first, on what is not recycled. Each format has its own columns."""
    return DataSet(
        f"actions_{view}",
        (),
        table="action",
        alias="a",
        where=_OF_LIVE_ITEMS if view is None else f"a.view = '{view}' and {_OF_LIVE_ITEMS}",
        order="a.created_at desc, a.id",
    )


def with_item(selected: str) -> str:
    """A join with an action's item: read once per item, and kept as far as memory allows."""
    return f"cross join lateral (select {selected} where i.id = a.item_id offset 0) item"
