"""The archive of an action export: its names and its files."""

import re
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Literal

from sqlalchemy import text

from graasp.actions.errors import CannotWriteFile
from graasp.actions.export.csv_files import Paths, csv_actions, csv_file
from graasp.actions.export.data_sets import APP_DATA_SETS, DATA_SETS, ITEMS, VIEWS, DataSet, Kind, actions
from graasp.actions.export.json_files import json_actions, json_apps, json_file
from graasp.actions.export.json_paths import find_paths
from graasp.archives import Entry
from graasp.db.database import Row, Transaction

Format = Literal["json", "csv"]
Content = AsyncGenerator[bytes, None]

# With what is put around it, a name that every storage and file system takes.
_LONGEST_BYTES = 100
_UNSAFE = re.compile(r'[/\\|:*?"<>\s]')


def safe(name: str) -> str:
    """A name without separators, wildcards, quotes, white space and what can't be seen; cut to 100 bytes."""
    visible = "".join("_" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in name)
    return _UNSAFE.sub("_", visible).encode()[:_LONGEST_BYTES].decode(errors="ignore")


def archive_name(item_name: str, export_format: Format, requested_at: datetime) -> str:
    """The name of the file, without its extension."""
    return f"{safe(item_name)}_{export_format}_actions_{int(requested_at.timestamp())}"


async def export_entries(
    transaction: Transaction, item: Row, export_format: Format, requested_at: datetime
) -> AsyncIterator[Entry]:
    """The files of the archive, each read from the database while it is written. Raises CannotWriteFile."""
    folder = f"{safe(item['name'])}_actions_{item['id']}_{requested_at:%Y-%m-%d_%H-%M-%S}"
    stamp = int(requested_at.timestamp())
    write = _json_files if export_format == "json" else _csv_files
    try:
        async for prefix, content in write(transaction, item["path"]):
            yield Entry(f"{folder}/{prefix}_{stamp}.{export_format}", requested_at, _gathered(content))
    except CannotWriteFile:
        raise
    except Exception as error:
        raise CannotWriteFile(str(error)) from error


async def _gathered(content: Content) -> Content:
    try:
        async with aclosing(content):
            async for chunk in content:
                yield chunk
    except Exception as error:
        raise CannotWriteFile(str(error)) from error


async def _json_files(transaction: Transaction, path: str) -> AsyncIterator[tuple[str, Content]]:
    views, extra = await _views_and_extra(transaction, path)
    for view in views:
        yield f"actions_{view}", json_actions(transaction, view, extra, path)
    for data_set in DATA_SETS:
        yield data_set.prefix, json_file(transaction, data_set, path)
    yield "apps", json_apps(transaction, path)


async def _csv_files(transaction: Transaction, path: str) -> AsyncIterator[tuple[str, Content]]:
    views, extra = await _views_and_extra(transaction, path)
    of_items = await _paths(transaction, ITEMS, path)
    paths = {f"item.{name}": found for name, found in of_items.items()}
    paths["extra"] = await find_paths(transaction, actions(), extra, path)
    for view in views:
        yield f"actions_{view}", csv_actions(transaction, view, extra, paths, path)
    for data_set in (*DATA_SETS, *APP_DATA_SETS.values()):
        of_set = of_items if data_set is ITEMS else await _paths(transaction, data_set, path)
        yield data_set.prefix, csv_file(transaction, data_set, of_set, path)


async def _paths(transaction: Transaction, data_set: DataSet, path: str) -> Paths:
    return {
        column.name: await find_paths(transaction, data_set, column.sql, path)
        for column in data_set.columns
        if column.kind is Kind.JSON
    }


async def _views_and_extra(transaction: Transaction, path: str) -> tuple[list[str], str]:
    """The views that get a file, and the expression that reads an action's `extra`."""
    rows = await transaction.all(
        text(
            f"""
            select a.view\\:\\:text as view, bool_or(jsonb_typeof(a.extra) = 'string') as encoded
            from action a where {actions().filter(path)} group by a.view order by a.view
            """
        )
    )
    views = [*VIEWS, *(row["view"] for row in rows if row["view"] not in VIEWS)]
    # Reading text as JSON is slow, and only old rows need it.
    encoded = any(row["encoded"] for row in rows)
    return views, "action_extra(a.extra)" if encoded else "a.extra"
