"""Objects of any shape as columns: which paths get one, and what is left beside them.

Clients invent the keys, so their number is bounded nowhere: the commonest get a column, the rest is kept as JSON.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.sql import Executable

from graasp.actions.export.data_sets import DataSet
from graasp.db.database import Transaction

MOST = 200
# Objects that lie deeper are shown as a whole.
DEEPEST = 8


class JsonPaths(NamedTuple):
    """The paths that get a column, commonest first, and whether there is anything they do not show."""

    paths: Sequence[tuple[str, ...]]
    complete: bool

    @property
    def shown(self) -> dict[str, Any]:
        """The paths as the tree that `json_remainder` takes."""
        root: dict[str, Any] = {"below": {}}
        for path in self.paths:
            node = root
            for key in path:
                empty: dict[str, Any] = {"value": False, "object": False, "below": {}}
                node = node["below"].setdefault(key, empty)
            node["value"] = True
            node["object"] = len(path) == DEEPEST
        below: dict[str, Any] = root["below"]
        return below


async def find_paths(transaction: Transaction, data_set: DataSet, value: str, path: str) -> JsonPaths:
    """Look through every row for what the expression `value` holds there; one statement per level of nesting."""
    found: list[tuple[int, tuple[str, ...]]] = []
    known = 0
    for depth in range(1, DEEPEST + 1):
        rows = await transaction.all(_level(data_set, value, path, depth))
        found += [(row["rows"], tuple(row["path"])) for row in rows if row["rows"]]
        known += rows[0]["paths"] if rows else 0
        if not rows or not rows[0]["deeper"]:
            break
    commonest = [path for _, path in sorted(found, key=lambda entry: (-entry[0], entry[1]))][:MOST]
    # Keys may hold the separator: of two paths that read the same, the commoner one gets the column.
    by_name = {".".join(path): path for path in reversed(commonest)}
    paths = [path for path in commonest if by_name[".".join(path)] is path]
    return JsonPaths(paths, complete=len(paths) == known)


def _level(data_set: DataSet, value: str, path: str, depth: int) -> Executable:
    """The commonest paths of one length; how many there are, and whether any of them goes on."""
    each = [
        f"cross join lateral jsonb_each({_object(f'e{level - 1}.value')}) e{level}"
        for level in range(1, depth + 1)
    ]
    is_object = "false" if depth == DEEPEST else f"jsonb_typeof(e{depth}.value) = 'object'"
    keys = ", ".join(f"e{level}.key" for level in range(1, depth + 1))
    sql = f"""
        with level as (
            select array[{keys}] as path, count(*) filter (where not ({is_object})) as rows,
                bool_or({is_object} and e{depth}.value <> '{{}}') as deeper
            from {data_set.table} {data_set.alias} cross join lateral (select {value} as value offset 0) e0
            {" ".join(each)} where {data_set.filter(path)} group by 1
        )
        select path, rows, count(*) filter (where rows > 0) over () as paths, bool_or(deeper) over () as deeper
        from level order by rows desc, path limit {MOST}
    """
    return text(sql.replace(":", r"\:"))


def _object(value: str) -> str:
    return f"case jsonb_typeof({value}) when 'object' then {value} else '{{}}' end"
