"""The data sets as tables. PostgreSQL writes every line; nothing is held here."""

import csv
import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from graasp.actions.export.data_sets import GEOLOCATION, ITEM, Column, DataSet, Kind, actions, with_item
from graasp.actions.export.json_paths import DEEPEST, JsonPaths
from graasp.db.copying import copy_csv
from graasp.db.database import Transaction
from graasp.db.statements import dumps, instant, literal

# What spreadsheets take for the beginning of a formula, the wide forms included; numbers are none.
_FORMULA = ", ".join(str(ord(character)) for character in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = "^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$"

# By the name of a JSON column.
Paths = Mapping[str, JsonPaths]


class _Line:
    """The cells of a line, and the joins in which what they are made of is read, once per row."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self.names: list[str] = []
        self.cells: list[str] = []
        self._parts: list[str] = []
        self._texts: list[str] = []

    def add(self, *columns: Column, below: str = "") -> "_Line":
        """Columns, under a name that `below` begins."""
        for column in columns:
            name = below + column.name
            match column.kind:
                case Kind.OURS:
                    self._add_cell(name, column.sql)
                case Kind.TEXT:
                    self._add_text(name, f"({column.sql})::text")
                case Kind.JSON:
                    self._add_json(name, column.sql, self._paths[name])
        return self

    @property
    def joins(self) -> str:
        parts, texts = (
            ", ".join(f"{expression} as c{number}" for number, expression in enumerate(expressions)) or "1"
            for expressions in (self._parts, self._texts)
        )
        # With an offset they are worked out once, not once more for each time they are named.
        return f"cross join lateral (select {parts} offset 0) part cross join lateral (select {texts} offset 0) cell"

    def _add_cell(self, name: str, sql: str) -> None:
        self.names.append(name)
        self.cells.append(sql)

    def _add_text(self, name: str, sql: str) -> None:
        text = f"cell.c{len(self._texts)}"
        self._texts.append(sql)
        self._add_cell(
            name,
            f"case when ascii({text}) in ({_FORMULA}) and {text} !~ '{_NUMBER}' then '''' || {text} else {text} end",
        )

    def _add_json(self, name: str, sql: str, paths: JsonPaths) -> None:
        """A column per path, and one for what none of them shows."""
        for keys in paths.paths:
            part = f"part.c{len(self._parts)}"
            self._parts.append(f"{sql} #> array[{', '.join(map(literal, keys))}]")
            whole = f"{part}::text" if len(keys) == DEEPEST else "null"
            listed = f"""
                select string_agg(coalesce(e.value #>> '{{}}', ''), ',' order by e.ordinality)
                from jsonb_array_elements({part}) with ordinality e
            """
            self._add_text(
                f"{name}.{'.'.join(keys)}",
                f"case jsonb_typeof({part}) when 'object' then {whole} when 'array' then ({listed}) else {part} #>> '{{}}' end",
            )
        rest = "null::jsonb" if paths.complete else f"json_remainder({sql}, {literal(dumps(paths.shown))})"
        self._add_cell(
            name,
            f"case jsonb_typeof({sql}) when 'object' then nullif({rest}, '{{}}') else nullif({sql}, 'null') end",
        )


def csv_file(
    transaction: Transaction, data_set: DataSet, paths: Paths, path: str
) -> AsyncGenerator[bytes, None]:
    """A table with a header; nothing at all when there are no rows."""
    line = _Line(paths).add(*data_set.columns)
    sql = f"select {', '.join(line.cells)} from {data_set.rows(path)} {line.joins} order by {data_set.order}"
    return _table(transaction, line.names, sql)


def csv_actions(
    transaction: Transaction, view: str, extra: str, paths: Paths, path: str
) -> AsyncGenerator[bytes, None]:
    """The actions of a view; `extra` is the expression that reads an action's."""
    data_set = actions(view)
    line = _Line(paths).add(
        Column("id", "a.id"),
        Column("view", "a.view"),
        Column("type", "a.type", Kind.TEXT),
        Column("extra", "read.extra", Kind.JSON),
        *(_geolocation(key) for key in GEOLOCATION),
        Column("createdAt", instant("a.created_at")),
        Column("accountId", "a.account_id"),
        Column("itemId", "a.item_id"),
    )
    of_item = _Line(paths).add(*ITEM, below="item.")
    cells = ", ".join(f"{cell} as c{number}" for number, cell in enumerate(of_item.cells))
    item = [f"item.c{number}" for number in range(len(of_item.cells))]
    sql = f"""
        select {", ".join([*line.cells, *item])}
        from {data_set.rows(path)} cross join lateral (select {extra} as extra offset 0) read {line.joins}
        {with_item(f"{cells} from item i {of_item.joins}")}
        order by {data_set.order}
    """
    return _table(transaction, [*line.names, *of_item.names], sql)


def _geolocation(key: str) -> Column:
    # Lists of numbers read as `1,2`; no person wrote anything of it.
    return Column(
        f"geolocation.{key}",
        f"translate(a.geolocation ->> '{key}', '[] ', '')"
        if key in ("range", "ll")
        else f"a.geolocation ->> '{key}'",
    )


async def _table(transaction: Transaction, names: Sequence[str], sql: str) -> AsyncGenerator[bytes, None]:
    opened = False
    async with aclosing(copy_csv(transaction, sql)) as chunks:
        async for chunk in chunks:
            yield chunk if opened else _header(names) + chunk
            opened = True


def _header(names: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(names)
    return line.getvalue().encode()
