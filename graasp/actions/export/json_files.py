"""The data sets as JSON. PostgreSQL writes every object; nothing is held here."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from graasp.actions.export.data_sets import APP_DATA_SETS, ITEM, Column, DataSet, actions, with_item
from graasp.db.copying import copy_lines
from graasp.db.database import Transaction
from graasp.db.statements import instant

_EMPTY = b"{}"


def json_file(
    transaction: Transaction, data_set: DataSet, path: str, empty: bytes = _EMPTY
) -> AsyncGenerator[bytes, None]:
    """An array of objects; for no rows, what the format has in its place."""
    sql = f"select {_object(data_set.columns)}::text from {data_set.rows(path)} order by {data_set.order}"
    return _array(transaction, sql, empty)


def json_actions(transaction: Transaction, view: str, extra: str, path: str) -> AsyncGenerator[bytes, None]:
    """The actions of a view; `extra` is the expression that reads an action's."""
    data_set = actions(view)
    # Joined as text: the item's part is not parsed and written again for every action.
    sql = f"""
        select '{{"id":"' || a.id || '","view":"' || a.view || '","type":' || to_json(a.type)::text
            || ',"extra":' || {extra}::text || ',"geolocation":' || coalesce(a.geolocation::text, 'null')
            || ',"createdAt":"' || {instant("a.created_at")} || '","accountId":'
            || coalesce('"' || a.account_id || '"', 'null') || ',"itemId":"' || a.item_id || '","item":'
            || item.json || '}}'
        from {data_set.rows(path)} {with_item(f"{_object(ITEM)}::text as json from item i")}
        order by {data_set.order}
    """
    return _array(transaction, sql, _EMPTY)


async def json_apps(transaction: Transaction, path: str) -> AsyncGenerator[bytes, None]:
    """The three data sets of apps in one object; here an empty list is one."""
    opening = b"{"
    for name, data_set in APP_DATA_SETS.items():
        yield opening + f'"{name}":'.encode()
        async with aclosing(json_file(transaction, data_set, path, b"[]")) as chunks:
            async for chunk in chunks:
                yield chunk
        opening = b","
    yield b"}"


def _object(columns: Sequence[Column]) -> str:
    pairs = ", ".join(f"'{column.name}', {column.sql}" for column in columns)
    return f"json_build_object({pairs})"


async def _array(transaction: Transaction, sql: str, empty: bytes) -> AsyncGenerator[bytes, None]:
    opened = False
    async with aclosing(copy_lines(transaction, sql, separator=b",")) as chunks:
        async for chunk in chunks:
            yield chunk if opened else b"[" + chunk
            opened = True
    yield b"]" if opened else empty
