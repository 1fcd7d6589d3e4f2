"""Items that are no folders, as plain files."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from graasp.db.database import Row
from graasp.exports.names import file_extension
from graasp.storage import FileStorage, StoredFileNotFound
from graasp.storage.protocol import InvalidKey


class Leaf(NamedTuple):
    """The plain form of an item: `size` in bytes; `chunks` may raise StoredFileNotFound."""

    extension: str
    content_type: str
    size: int
    chunks: AsyncIterator[bytes]


async def plain_form(storage: FileStorage, row: Row) -> Leaf | None:
    """What people get of an item outside the platform; nothing for what has no such form, or lost its file."""
    extra = row["extra"].get(row["type"]) if isinstance(row["extra"], dict) else None
    extra = extra if isinstance(extra, dict) else {}
    match row["type"]:
        case "document":
            return _text("html", "text/html", str(extra.get("content") or ""))
        case "embeddedLink":
            return _text("url", "text/plain", f"[InternetShortcut]\nURL={_line(extra.get('url'))}\n")
        case "app":
            return _text(
                "app", "text/plain", f"[InternetShortcut]\nURL={_line(extra.get('url'))}\nAppURL=1\n"
            )
        case "file":
            return await _stored(storage, row["name"], extra)
        case _:
            return None


async def _stored(storage: FileStorage, name: str, extra: dict[str, Any]) -> Leaf | None:
    key, mimetype = extra.get("path"), extra.get("mimetype")
    mimetype = mimetype if isinstance(mimetype, str) else ""
    try:
        size = await storage.size(key) if isinstance(key, str) else None
    except InvalidKey:
        return None
    if size is None:
        return None
    content_type = mimetype or "application/octet-stream"
    return Leaf(file_extension(name, mimetype), content_type, size, storage.open(str(key)))


def page_form(page: str) -> Leaf:
    """A page as a file."""
    return _text("html", "text/html", page)


async def until_lost(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks; none when the file is deleted between the look and the read, since the archive is on its way."""
    try:
        async for chunk in chunks:
            yield chunk
    except StoredFileNotFound:
        return


def _text(extension: str, content_type: str, content: str) -> Leaf:
    encoded = content.encode()
    return Leaf(extension, content_type, len(encoded), _only(encoded))


def _line(value: Any) -> str:
    return str(value or "").replace("\r", "").replace("\n", "")


async def _only(whole: bytes) -> AsyncIterator[bytes]:
    yield whole
