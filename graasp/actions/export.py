"""The data sets of an action export. PostgreSQL writes every line; nothing is held here."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import text

from graasp.archives import Entry
from graasp.db.copying import copy_lines
from graasp.db.database import Row, Transaction

Format = Literal["json", "csv"]

_ALWAYS = ("builder", "player", "library", "unknown")
_OTHERS = ("account", "analytics", "home", "auth")
_EXTRA_COLUMNS = 200
_UNSAFE = re.compile(r'[/\\|:*?"<>\s]')


class Column(NamedTuple):
    """A name on the wire and how it is read: as text for CSV, as JSON for JSON."""

    name: str
    sql: str
    # Written by people: a spreadsheet would run what looks like a formula.
    free: bool = False


class DataSet(NamedTuple):
    """One file: its prefix, its columns, where the rows come from."""

    prefix: str
    columns: Sequence[Column]
    source: str


def safe(name: str) -> str:
    """A name without separators, wildcards, quotes and white space."""
    return _UNSAFE.sub("_", name)


def _time(column: str) -> str:
    return f"""to_char({column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


_TREE = "select id from item where path <@ '{path}'"
_APPS = "select id from item where path <@ '{path}' and type = 'app'"

_ITEM = (
    Column("id", "i.id"),
    Column("name", "i.name", free=True),
    Column("type", "i.type"),
    Column("description", "i.description", free=True),
    Column("path", "i.path"),
    Column("creatorId", "i.creator_id"),
    Column("extra", "i.extra"),
    Column("settings", "i.settings"),
    Column("createdAt", _time("i.created_at")),
    Column("updatedAt", _time("i.updated_at")),
    Column("lang", "i.lang", free=True),
    Column("order", 'i."order"'),
)
_ITEMS = DataSet(
    "items",
    (*_ITEM[:10], Column("deletedAt", _time("i.deleted_at")), *_ITEM[10:]),
    "item i where i.path <@ '{path}' order by i.path",
)
_ACCOUNTS = DataSet(
    "accounts",
    (Column("id", "a.id"), Column("name", "a.name", free=True)),
    """account a where a.id in (
        select m.account_id from item_membership m where m.item_path <@ '{path}' or m.item_path @> '{path}'
    ) order by a.id""",
)
_MEMBERSHIPS = DataSet(
    "memberships",
    (
        Column("id", "m.id"),
        Column("permission", "m.permission"),
        Column("itemPath", "m.item_path"),
        Column("creatorId", "m.creator_id"),
        Column("accountId", "m.account_id"),
        Column("createdAt", _time("m.created_at")),
        Column("updatedAt", _time("m.updated_at")),
    ),
    "item_membership m where m.item_path <@ '{path}' or m.item_path @> '{path}' order by m.item_path, m.account_id",
)
_CHAT = DataSet(
    "chat",
    (
        Column("id", "c.id"),
        Column("itemId", "c.item_id"),
        Column("creatorId", "c.creator_id"),
        Column("createdAt", _time("c.created_at")),
        Column("updatedAt", _time("c.updated_at")),
        Column("body", "c.body", free=True),
    ),
    f"chat_message c where c.item_id in ({_TREE}) order by c.created_at, c.id",
)
_APP_ACTIONS = DataSet(
    "app_actions",
    (
        Column("id", "d.id"),
        Column("accountId", "d.account_id"),
        Column("itemId", "d.item_id"),
        Column("data", "d.data"),
        Column("type", "d.type", free=True),
        Column("createdAt", _time("d.created_at")),
    ),
    f"app_action d where d.item_id in ({_APPS}) order by d.created_at, d.id",
)
_APP_DATA = DataSet(
    "app_data",
    (
        Column("id", "d.id"),
        Column("accountId", "d.account_id"),
        Column("itemId", "d.item_id"),
        Column("data", "d.data"),
        Column("type", "d.type", free=True),
        Column("creatorId", "d.creator_id"),
        Column("visibility", "d.visibility"),
        Column("createdAt", _time("d.created_at")),
        Column("updatedAt", _time("d.updated_at")),
    ),
    f"app_data d where d.item_id in ({_APPS}) order by d.created_at, d.id",
)
_APP_SETTINGS = DataSet(
    "app_settings",
    (
        Column("id", "d.id"),
        Column("itemId", "d.item_id"),
        Column("creatorId", "d.creator_id"),
        Column("name", "d.name", free=True),
        Column("data", "d.data"),
        Column("createdAt", _time("d.created_at")),
        Column("updatedAt", _time("d.updated_at")),
    ),
    f"app_setting d where d.item_id in ({_APPS}) order by d.created_at, d.id",
)
_GEOLOCATION = ("range", "country", "region", "eu", "timezone", "city", "ll", "metro", "area")

_EXTRA_PATHS = text(
    """
    with recursive walk(path, value) as (
        select array[e.key], e.value
        from action a cross join lateral jsonb_each(
            case jsonb_typeof(a.extra) when 'object' then a.extra else '{}'::jsonb end) e
        where a.item_id = any(array(select id from item where path <@ cast(:path as ltree) and deleted_at is null))
        union all
        select w.path || e.key, e.value
        from walk w cross join lateral jsonb_each(w.value) e
        where jsonb_typeof(w.value) = 'object' and array_length(w.path, 1) < 8
    )
    select path from walk where jsonb_typeof(value) <> 'object' or array_length(path, 1) = 8
    group by path order by count(*) desc, path limit :most
    """
)
_VIEWS = text(
    """
    select v.view from unnest(cast(:views as text[])) as v(view) where exists (
        select from action a where a.view::text = v.view
        and a.item_id = any(array(select id from item where path <@ cast(:path as ltree) and deleted_at is null)))
    """
)


async def export_entries(
    transaction: Transaction, item: Row, export_format: Format, requested_at: datetime
) -> AsyncIterator[Entry]:
    """The files of the archive, each read from the database while it is written."""
    path = item["path"]
    stamp = int(requested_at.timestamp())
    folder = f"{safe(item['name'])}_actions_{item['id']}_{requested_at:%Y-%m-%d_%H-%M-%S}"

    def entry(prefix: str, content: AsyncIterator[bytes]) -> Entry:
        return Entry(f"{folder}/{prefix}_{stamp}.{export_format}", requested_at, content)

    others = await transaction.all(_VIEWS, views=list(_OTHERS), path=path)
    views = [*_ALWAYS, *(row["view"] for row in others)]
    if export_format == "json":
        for view in views:
            yield entry(f"actions_{view}", _json_actions(transaction, path, view))
        for data_set in (_ITEMS, _ACCOUNTS, _MEMBERSHIPS, _CHAT):
            yield entry(data_set.prefix, _json(transaction, data_set, path))
        yield entry("apps", _json_apps(transaction, path))
        return
    paths = [row["path"] for row in await transaction.all(_EXTRA_PATHS, path=path, most=_EXTRA_COLUMNS)]
    for view in views:
        yield entry(f"actions_{view}", _csv_actions(transaction, path, view, paths))
    for data_set in (_ITEMS, _ACCOUNTS, _MEMBERSHIPS, _CHAT, _APP_ACTIONS, _APP_DATA, _APP_SETTINGS):
        yield entry(data_set.prefix, _csv(transaction, data_set, path))


# --- JSON ------------------------------------------------------------------------------------------


def _json_object(columns: Sequence[Column]) -> str:
    pairs = ", ".join(f"'{column.name}', {_as_json(column)}" for column in columns)
    return f"json_build_object({pairs})"


def _as_json(column: Column) -> str:
    # Types that JSON has not are written as their text.
    return f"{column.sql}::text" if column.sql.endswith(("path", "permission")) else column.sql


async def _json(
    transaction: Transaction, data_set: DataSet, path: str, empty: bytes = b"{}"
) -> AsyncIterator[bytes]:
    sql = f"select {_json_object(data_set.columns)}::text from {data_set.source.format(path=_checked(path))}"
    async for chunk in _array(copy_lines(transaction, sql, separator=b","), empty):
        yield chunk


async def _json_actions(transaction: Transaction, path: str, view: str) -> AsyncIterator[bytes]:
    # The item's part is written once per item, not once per action.
    sql = f"""
        with items as materialized (
            select i.id, {_json_object(_ITEM)}::text as json from item i
            where i.path <@ '{_checked(path)}' and i.deleted_at is null
        )
        select '{{"id":"' || a.id || '","view":"' || a.view || '","type":' || to_json(a.type)::text
            || ',"extra":' || {_DECODED_EXTRA}::text || ',"geolocation":' || coalesce(a.geolocation::text, 'null')
            || ',"createdAt":"' || {_time("a.created_at")} || '","accountId":'
            || coalesce('"' || a.account_id || '"', 'null') || ',"itemId":"' || a.item_id || '","item":'
            || items.json || '}}'
        from action a join items on items.id = a.item_id
        where a.view = '{view}' order by a.created_at desc
    """
    async for chunk in _array(copy_lines(transaction, sql, separator=b","), b"{}"):
        yield chunk


async def _json_apps(transaction: Transaction, path: str) -> AsyncIterator[bytes]:
    sets = (("appActions", _APP_ACTIONS), ("appData", _APP_DATA), ("appSettings", _APP_SETTINGS))
    for position, (name, data_set) in enumerate(sets):
        yield (b"{" if position == 0 else b",") + f'"{name}":'.encode()
        async for chunk in _json(transaction, data_set, path, b"[]"):
            yield chunk
    yield b"}"


async def _array(chunks: AsyncIterator[bytes], empty: bytes) -> AsyncIterator[bytes]:
    opened = False
    async for chunk in chunks:
        yield chunk if opened else b"[" + chunk
        opened = True
    yield b"]" if opened else empty


# Older rows hold the JSON text of an object inside a JSON string.
_DECODED_EXTRA = """(case when jsonb_typeof(a.extra) = 'string' and (a.extra #>> '{}') ~ '^\\s*\\{.*\\}\\s*$'
    then (a.extra #>> '{}') else a.extra::text end)"""

# --- CSV -------------------------------------------------------------------------------------------


def _cell(sql: str, *, free: bool) -> str:
    """A CSV field: neutral to spreadsheets, quoted where it must be, empty for null."""
    value = f"({sql})::text"
    if free:
        value = (
            f"(case when left({value}, 1) in ('=', '+', '-', '@', chr(9), chr(13))"
            f" and {value} !~ '^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$' then '''' || {value} else {value} end)"
        )
    quoted = f"""'"' || replace({value}, '"', '""') || '"'"""
    return f"""coalesce(case when {value} ~ '[,"\\r\\n\\ufeff]|^ | $' then {quoted} else {value} end, '')"""


def _line(columns: Sequence[Column]) -> str:
    return " || ',' || ".join(_cell(column.sql, free=column.free) for column in columns)


async def _csv(transaction: Transaction, data_set: DataSet, path: str) -> AsyncIterator[bytes]:
    sql = f"select {_line(data_set.columns)} from {data_set.source.format(path=_checked(path))}"
    header = ",".join(column.name for column in data_set.columns)
    async for chunk in _table(header, copy_lines(transaction, sql, separator=b"\r\n")):
        yield chunk


async def _csv_actions(
    transaction: Transaction, path: str, view: str, extra_paths: Sequence[Sequence[str]]
) -> AsyncIterator[bytes]:
    columns = [
        Column("id", "a.id"),
        Column("view", "a.view"),
        Column("type", "a.type", free=True),
        *(
            Column(f"extra.{'.'.join(keys)}", f"a.extra #>> {_array_literal(keys)}", free=True)
            for keys in extra_paths
        ),
        *(Column(f"geolocation.{key}", f"a.geolocation ->> '{key}'", free=True) for key in _GEOLOCATION),
        Column("createdAt", _time("a.created_at")),
        Column("accountId", "a.account_id"),
        Column("itemId", "a.item_id"),
    ]
    rest = Column("extra", f"nullif({_rest_of_extra(extra_paths)}, '{{}}'::jsonb)", free=True)
    item = [Column(f"item.{column.name}", column.sql, column.free) for column in _ITEM]
    sql = f"""
        with items as materialized (
            select i.id, {_line(item)} as line from item i
            where i.path <@ '{_checked(path)}' and i.deleted_at is null
        )
        select {_line(columns)} || ',' || items.line || ',' || {_cell(rest.sql, free=True)}
        from action a join items on items.id = a.item_id
        where a.view = '{view}' order by a.created_at desc
    """
    names = [*(column.name for column in columns), *(column.name for column in item), "extra"]
    header = ",".join(_plain_cell(name) for name in names)
    async for chunk in _table(header, copy_lines(transaction, sql, separator=b"\r\n")):
        yield chunk


def _rest_of_extra(paths: Sequence[Sequence[str]]) -> str:
    """What no column shows, as JSON."""
    sql = (
        "case jsonb_typeof(a.extra) when 'object' then a.extra else jsonb_build_object('value', a.extra) end"
    )
    sql = f"({sql})"
    tops = [keys[0] for keys in paths if len(keys) == 1]
    if tops:
        sql += f" - {_array_literal(tops)}"
    for keys in paths:
        if len(keys) > 1:
            sql += f" #- {_array_literal(keys)}"
    return f"({sql})"


async def _table(header: str, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    opened = False
    async for chunk in lines:
        yield chunk if opened else header.encode() + b"\r\n" + chunk
        opened = True


def _plain_cell(name: str) -> str:
    if name[:1] in ("=", "+", "-", "@", "\t", "\r"):
        name = f"'{name}"
    needs_quotes = any(character in name for character in ',"\r\n\ufeff') or name != name.strip(" ")
    return '"' + name.replace('"', '""') + '"' if needs_quotes else name


def _array_literal(keys: Sequence[str]) -> str:
    """An array of text in SQL; COPY takes no parameters, and the keys are clients' inventions."""
    return "array[" + ", ".join(_literal(key) for key in keys) + "]::text[]"


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"E'{escaped}'"


def _checked(path: str) -> str:
    """A path of labels; COPY takes no parameters, so it becomes part of the statement."""
    if not re.fullmatch(r"[A-Za-z0-9_.]+", path):
        raise ValueError("not a path of the item tree")
    return path
