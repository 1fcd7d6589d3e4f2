"""The raw archive of a folder: what people see, as plain files."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Container,
    Iterator,
)
from datetime import datetime
from typing import NamedTuple

from graasp.archives import Entry, no_content
from graasp.archives.layout import NOTE
from graasp.db.database import Row
from graasp.db.ltree import parent_path
from graasp.exports.download import exported_form
from graasp.exports.leaves import until_lost
from graasp.exports.names import UniqueNames, safe_name, with_extension
from graasp.platform import Platform


class _Place(NamedTuple):
    """A folder of the archive."""

    path: str
    names: UniqueNames


async def raw_entries(
    platform: Platform,
    root: Row,
    parents: Container[str | None],
    items: AsyncIterable[Row],
    now: datetime,
    *,
    begun: Callable[[int], None],
) -> AsyncGenerator[Entry, None]:
    """The entries of the archive; `items` are the visible descendants, parents before children.

    `parents` are the paths of the folders that are not empty. `begun` is told which of the items, counted from one,
    is read next. What has no plain form, and files that storage has lost, are listed in a note instead of failing
    the export.
    """
    left_out: list[str] = []
    top = _Place("", UniqueNames())
    name, description = _names(top, root, "")
    place = _Place(f"{name}/", UniqueNames())
    places = {root["path"]: place}
    for entry in _folder(place, root, description, is_empty=root["path"] not in parents):
        yield entry
    number = 0
    async for item in items:
        begun(number := number + 1)
        above = places.get(parent_path(item["path"]) or "")
        if above is None:
            continue
        if item["type"] == "folder":
            name, description = _names(above, item, "")
            place = places[item["path"]] = _Place(f"{above.path}{name}/", UniqueNames())
            for entry in _folder(place, item, description, is_empty=item["path"] not in parents):
                yield entry
            continue
        leaf = await exported_form(platform, item)
        if leaf is None:
            left_out.append(f"{above.path}{item['name']} ({item['type']})")
            continue
        name, description = _names(above, item, leaf.extension)
        yield Entry(f"{above.path}{name}", item["updated_at"], until_lost(leaf.chunks))
        if description:
            yield Entry(f"{above.path}{description}", item["updated_at"], _bytes(item["description"]))
    if left_out:
        note = "These items have no form outside the platform, or their file is missing:\n" + "\n".join(
            left_out
        )
        yield Entry(top.names.take(NOTE), now, _bytes(note))


def _folder(place: _Place, folder: Row, description: str | None, *, is_empty: bool) -> Iterator[Entry]:
    if description:
        # Beside the folder, as the descriptions of files are.
        above = place.path.rstrip("/").rpartition("/")
        yield Entry(f"{above[0]}{above[1]}{description}", folder["updated_at"], _bytes(folder["description"]))
    if is_empty:
        yield Entry(place.path, folder["updated_at"], no_content())


def _names(place: _Place, item: Row, extension: str) -> tuple[str, str | None]:
    """The name of an item's entry, and the one of its description if it has any."""
    name = safe_name(with_extension(item["name"], extension))
    if not item["description"]:
        return place.names.take(name), None
    ending = f".{extension}"
    has_own = not extension or item["name"].endswith(ending)

    def of_description(taken: str) -> str:
        return f"{taken if has_own else taken.removesuffix(ending)}.description.html"

    name = place.names.take(name, of_description)
    return name, of_description(name)


async def _bytes(text: str) -> AsyncIterator[bytes]:
    yield text.encode()
