"""Zip archives written as streams: memory stays bounded whatever goes in."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from stream_zip import ZIP_64, async_stream_zip

_CHUNK = 256 * 1024
_FILE = 0o100644
_FOLDER = 0o040755
# Fast: exports are mostly text, which the lowest level already shrinks tenfold.
_LEVEL = 1
# What the format can say, whatever the zone it is read in.
_EARLIEST, _LATEST = datetime(1980, 1, 2, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)
_CLOSING_ATTEMPTS, _CLOSING_PAUSE_S = 200, 0.05


class Entry(NamedTuple):
    """A file of the archive, or with a path that ends in `/` an empty folder."""

    path: str
    modified_at: datetime
    content: AsyncIterable[bytes]


async def zip_stream(entries: AsyncIterable[Entry]) -> AsyncGenerator[bytes, None]:
    """The archive's bytes, produced as they are consumed.

    Closing it closes the entry that is being read, and the entries: what they hold is free again.
    """
    opened: list[AsyncIterable[Any]] = [entries]

    async def members() -> AsyncIterator[tuple]:  # type: ignore[type-arg]
        async for entry in entries:
            opened[1:] = [entry.content]
            mode = _FOLDER if entry.path.endswith("/") else _FILE
            modified_at = min(max(entry.modified_at, _EARLIEST), _LATEST)
            yield entry.path, modified_at, mode, ZIP_64, entry.content

    archive = async_stream_zip(
        members(),
        chunk_size=_CHUNK,
        get_compressobj=lambda: zlib.compressobj(level=_LEVEL, wbits=-zlib.MAX_WBITS),
    )
    try:
        async for chunk in archive:
            yield chunk
    finally:
        for iterable in reversed(opened):
            await _close(iterable)


async def no_content() -> AsyncIterator[bytes]:
    """The content of a folder."""
    return
    yield b""


async def _close(iterable: AsyncIterable[Any]) -> None:
    if not isinstance(iterable, AsyncGenerator):
        return
    for _ in range(_CLOSING_ATTEMPTS):
        try:
            await iterable.aclose()
        except RuntimeError:
            # The thread that compresses is still reading: it stops at the next chunk.
            await asyncio.sleep(_CLOSING_PAUSE_S)
        else:
            return
