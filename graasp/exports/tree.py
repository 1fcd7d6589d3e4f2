"""The Graasp archive of an item: what somebody sees of its tree, in a form that can be imported again.

What has no such form (pages, shortcuts), and files that storage has lost, are left out. The manifest says nothing of
people, nor of where files are stored.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from uuid import UUID, uuid4

from graasp.apps.archiving import archived_settings
from graasp.archives import Entry
from graasp.archives.layout import MANIFEST, thumbnail_of
from graasp.db.database import Row
from graasp.db.ltree import parent_path
from graasp.exports.download import exported_form
from graasp.exports.leaves import begun, until_lost
from graasp.http.responses import dump_json
from graasp.items.outlines import read_contents
from graasp.items.packing import has_thumbnail, thumbnail_prefix
from graasp.platform import Platform
from graasp.storage import StoredFileNotFound

_IN_MEMORY = 1024 * 1024
_PIECE = 256 * 1024
# Where a file is stored is nobody's business.
_STORAGE_KEYS = frozenset(("path", "key"))


async def tree_entries(
    platform: Platform, root: Row, below: Sequence[Row], now: datetime
) -> AsyncGenerator[Entry, None]:
    """The entries of the archive; `below` is the outline of what is to be exported below the root."""
    with SpooledTemporaryFile(_IN_MEMORY) as opened:
        file = cast("BinaryIO", opened)
        manifest = _Manifest(file, root["path"])
        async with aclosing(read_contents(platform.reads, [root, *below])) as contents:
            async for rows in contents:
                apps = [row["id"] for row in rows if row["type"] == "app"]
                settings = await archived_settings(platform.reads, apps)
                for row in rows:
                    if not manifest.has_place_for(row):
                        continue
                    async for entry in _exported(platform, manifest, row, settings):
                        yield entry
        manifest.end()
        yield Entry(MANIFEST, now, _read(file))


async def _exported(
    platform: Platform,
    manifest: "_Manifest",
    row: Row,
    settings: Mapping[UUID, Sequence[Mapping[str, Any]]],
) -> AsyncIterator[Entry]:
    export_id = uuid4()
    element = {
        "id": export_id,
        "name": row["name"],
        "description": row["description"],
        "type": row["type"],
        "settings": row["settings"] if isinstance(row["settings"], dict) else {},
        "extra": _extra(row),
    }
    if row["type"] != "folder":
        leaf = await exported_form(platform, row)
        if leaf is None:
            return
        element["mimetype"] = leaf.content_type
        yield Entry(str(export_id), row["updated_at"], until_lost(leaf.chunks))
    if row["type"] == "app":
        own = settings.get(row["id"], ())
        element["appSettings"] = [{**setting, "itemId": export_id} for setting in own]
    if thumbnail := await _thumbnail(platform, row):
        element["thumbnailFilename"] = thumbnail_of(export_id)
        yield Entry(thumbnail_of(export_id), row["updated_at"], thumbnail)
    manifest.add(row, element)


class _Manifest:
    """Written as the tree is walked, parents before children: no more of it is in memory than one item."""

    def __init__(self, file: BinaryIO, root: str) -> None:
        self._file = file
        # The folders whose children are being written, and whether the topmost array and theirs have any yet.
        self._open = [parent_path(root)]
        self._filled = [False]
        file.write(b"[")

    def has_place_for(self, row: Row) -> bool:
        """Whether the folder it lies in is in the manifest; ends those that it does not lie in."""
        above = parent_path(row["path"])
        if above not in self._open:
            return False
        while self._open[-1] != above:
            self._end_folder()
        return True

    def add(self, row: Row, element: Mapping[str, Any]) -> None:
        if self._filled[-1]:
            self._file.write(b",")
        self._filled[-1] = True
        written = dump_json(element)
        if row["type"] == "folder":
            self._file.write(written[:-1] + b',"children":[')
            self._open.append(row["path"])
            self._filled.append(False)
        else:
            self._file.write(written)

    def end(self) -> None:
        while len(self._open) > 1:
            self._end_folder()
        self._file.write(b"]")

    def _end_folder(self) -> None:
        self._open.pop()
        self._filled.pop()
        self._file.write(b"]}")


def _extra(row: Row) -> dict[str, Any]:
    extra = row["extra"] if isinstance(row["extra"], dict) else {}
    content = extra.get(row["type"])
    content = content if isinstance(content, dict) else {}
    match row["type"]:
        case "file":
            content = {name: value for name, value in content.items() if name not in _STORAGE_KEYS}
        case "document":
            content = {**content, "content": str(content.get("content") or "")}
    return {**extra, row["type"]: content}


async def _thumbnail(platform: Platform, row: Row) -> AsyncIterator[bytes] | None:
    if not has_thumbnail(row):
        return None
    try:
        return await begun(platform.storage.open(f"{thumbnail_prefix(row['id'])}/original"))
    except StoredFileNotFound:
        return None


async def _read(file: BinaryIO) -> AsyncIterator[bytes]:
    await asyncio.to_thread(file.seek, 0)
    while piece := await asyncio.to_thread(file.read, _PIECE):
        yield piece
