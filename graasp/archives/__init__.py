"""Zip archives written as streams: memory stays bounded whatever goes in."""

import zlib
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from typing import NamedTuple

from stream_zip import ZIP_64, async_stream_zip

_CHUNK = 256 * 1024
_FILE = 0o100644
_FOLDER = 0o040755
# Fast: exports are mostly text, which the lowest level already shrinks tenfold.
_LEVEL = 1


class Entry(NamedTuple):
    """A file of the archive, or with a path that ends in `/` an empty folder."""

    path: str
    modified_at: datetime
    content: AsyncIterable[bytes]


def zip_stream(entries: AsyncIterable[Entry]) -> AsyncIterator[bytes]:
    """The archive's bytes, produced as they are consumed."""
    archive = async_stream_zip(
        _members(entries),
        chunk_size=_CHUNK,
        get_compressobj=lambda: zlib.compressobj(level=_LEVEL, wbits=-zlib.MAX_WBITS),
    )
    return aiter(archive)


async def no_content() -> AsyncIterator[bytes]:
    """The content of a folder."""
    return
    yield b""


async def _members(entries: AsyncIterable[Entry]) -> AsyncIterator[tuple]:  # type: ignore[type-arg]
    async for entry in entries:
        mode = _FOLDER if entry.path.endswith("/") else _FILE
        yield entry.path, entry.modified_at, mode, ZIP_64, entry.content
