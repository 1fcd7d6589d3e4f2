"""The raw archive of a folder: what people see, as plain files."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from graasp.archives import Entry, no_content
from graasp.db.database import Row
from graasp.db.ltree import parent_path
from graasp.exports.leaves import plain_form
from graasp.exports.names import UniqueNames, safe_name, with_extension
from graasp.storage import FileStorage, StoredFileNotFound

_LEFT_OUT = "NOT EXPORTED.txt"


class _Place(NamedTuple):
    """A folder of the archive."""

    path: str
    names: UniqueNames


async def raw_entries(
    storage: FileStorage, root: Row, rows: Sequence[Row], now: datetime, *, begun: Callable[[int], None]
) -> AsyncIterator[Entry]:
    """The entries of the archive; `rows` are the visible descendants, parents before children.

    `begun` is told which of them, counted from one, is read next.

    What has no plain form, and files that storage has lost, are listed in a note instead of failing the export.
    """
    left_out: list[str] = []
    top = _Place("", UniqueNames())
    places = {root["path"]: _folder(top, root)}
    parents = {parent_path(row["path"]) for row in rows}
    for entry in _described(top, root, now):
        yield entry
    if root["path"] not in parents:
        yield Entry(f"{places[root['path']].path}", root["updated_at"], no_content())
    for number, row in enumerate(rows, start=1):
        begun(number)
        above = places.get(parent_path(row["path"]) or "")
        if above is None:
            continue
        if row["type"] == "folder":
            place = places[row["path"]] = _folder(above, row)
            if row["path"] not in parents:
                yield Entry(place.path, row["updated_at"], no_content())
        else:
            found = await _leaf(storage, above, row)
            if found is None:
                left_out.append(f"{above.path}{row['name']} ({row['type']})")
                continue
            yield found
        for entry in _described(above, row, now):
            yield entry
    if left_out:
        note = "These items have no form outside the platform, or their file is missing:\n" + "\n".join(
            left_out
        )
        yield Entry(top.names.take(_LEFT_OUT), now, _bytes(note))


def _folder(above: _Place, row: Row) -> _Place:
    return _Place(f"{above.path}{above.names.take(safe_name(row['name']))}/", UniqueNames())


def _described(place: _Place, row: Row, now: datetime) -> Sequence[Entry]:
    if not row["description"]:
        return ()
    name = place.names.take(safe_name(f"{row['name']}.description.html"))
    return (Entry(place.path + name, now, _bytes(row["description"])),)


async def _leaf(storage: FileStorage, place: _Place, row: Row) -> Entry | None:
    leaf = await plain_form(storage, row)
    if leaf is None:
        return None
    name = place.path + place.names.take(safe_name(with_extension(row["name"], leaf.extension)))
    return Entry(name, row["updated_at"], _until_lost(leaf.chunks))


async def _until_lost(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            yield chunk
    except StoredFileNotFound:
        # Deleted between the look and the read: an empty entry, since the archive is on its way.
        return


async def _bytes(text: str) -> AsyncIterator[bytes]:
    yield text.encode()
