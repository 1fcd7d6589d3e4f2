"""Items that are no folders, as plain files."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, NamedTuple

from graasp.db.database import Row
from graasp.exports.names import file_extension
from graasp.h5p.layout import PackagePlace
from graasp.platform import Platform
from graasp.storage import FileStorage, StoredFileNotFound
from graasp.storage.protocol import InvalidKey

_BYTES = "application/octet-stream"


class Leaf(NamedTuple):
    """The plain form of an item: `size` in bytes; `chunks` may raise StoredFileNotFound."""

    extension: str
    content_type: str
    size: int
    chunks: AsyncIterator[bytes]


async def plain_form(platform: Platform, row: Row) -> Leaf | None:
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
            return await _stored_file(platform.storage, row["name"], extra)
        case "h5p":
            place = PackagePlace.of(row)
            key = place.package_key(platform.settings) if place else None
            return await _stored(platform.packages, key, "h5p", _BYTES)
        case _:
            return None


async def _stored_file(storage: FileStorage, name: str, extra: dict[str, Any]) -> Leaf | None:
    mimetype = extra.get("mimetype")
    if not isinstance(mimetype, str) or not mimetype.isascii() or not mimetype.isprintable():
        # Of old rows, that nobody looked at: it goes into a header.
        mimetype = ""
    extension = file_extension(name, mimetype)
    return await _stored(storage, extra.get("path"), extension, mimetype or _BYTES)


async def _stored(storage: FileStorage, key: object, extension: str, content_type: str) -> Leaf | None:
    try:
        size = await storage.size(key) if isinstance(key, str) else None
    except InvalidKey:
        return None
    if size is None:
        return None
    return Leaf(extension, content_type, size, storage.open(str(key)))


def page_form(page: str) -> Leaf:
    """A page as a file."""
    return _text("html", "text/html", page)


async def begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks, of which the first has been read: what fails at once raises here."""
    first = await anext(chunks, b"")

    async def whole() -> AsyncGenerator[bytes, None]:
        yield first
        async for chunk in chunks:
            yield chunk

    return whole()


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
