"""COPY out of the database as a stream: the fastest way to read very many rows."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from graasp.db.database import Transaction

_QUEUED_CHUNKS = 8
_CHUNK = 256 * 1024
# How COPY's text format writes what would break a line; 0xFF never occurs in UTF-8.
_BACKSLASH, _STAND_IN = b"\\\\", b"\xff"
_ESCAPES = (
    (b"\\n", b"\n"),
    (b"\\r", b"\r"),
    (b"\\t", b"\t"),
    (b"\\b", b"\b"),
    (b"\\f", b"\f"),
    (b"\\v", b"\v"),
)


async def copy_lines(
    transaction: Transaction, sql: str, *arguments: Any, separator: bytes
) -> AsyncGenerator[bytes, None]:
    """The single text column of a query with `$n` arguments, rows joined by `separator`, in chunks of many rows."""
    first = True
    async with aclosing(_copied(transaction, sql, *arguments)) as chunks:
        async for lines in _whole_lines(chunks):
            text = lines[:-1].replace(b"\n", separator) if separator != b"\n" else lines[:-1]
            yield _unescaped(text) if first else separator + _unescaped(text)
            first = False


async def copy_csv(transaction: Transaction, sql: str) -> AsyncGenerator[bytes, None]:
    """The rows of a query as CSV without a header, joined by CR and LF, in chunks of any size.

    An empty text is written as `""`, null as nothing.
    """
    quoted = False
    pending = b""
    async with aclosing(_copied(transaction, sql, format="csv")) as chunks:
        async for chunk in chunks:
            # Line feeds between quotes belong to a value. A doubled quote ends a quoted part and begins another.
            parts = chunk.split(b'"')
            parts[quoted::2] = [part.replace(b"\n", b"\r\n") for part in parts[quoted::2]]
            quoted ^= len(parts) % 2 == 0
            text = pending + b'"'.join(parts)
            # The last line has no end.
            end = len(text) - 2 if text.endswith(b"\r\n") and not quoted else len(text)
            pending = text[end:]
            if end:
                yield text[:end]


async def _copied(
    transaction: Transaction, sql: str, *arguments: Any, **options: Any
) -> AsyncGenerator[bytes, None]:
    """What COPY sends, a bounded number of chunks ahead of the reader.

    A reader that goes before the end leaves a transaction that can only be rolled back.
    """
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED_CHUNKS)
    connection = await transaction.connection()
    wanted = True

    async def keep(chunk: bytes | None) -> None:
        if wanted:
            await queue.put(chunk)

    async def read() -> None:
        try:
            await connection.copy_from_query(sql, *arguments, output=keep, **options)
        finally:
            await keep(None)

    reading = asyncio.create_task(read())
    try:
        while (chunk := await queue.get()) is not None:
            yield chunk
        await reading
    finally:
        wanted = False
        if not reading.done():
            # The driver can't stop a COPY: the server does, and what it has sent already is dropped.
            while not queue.empty():
                queue.get_nowait()
            await transaction.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _whole_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        if len(buffer) >= _CHUNK and (end := buffer.rfind(b"\n") + 1):
            yield bytes(buffer[:end])
            del buffer[:end]
    if buffer:
        yield bytes(buffer)


def _unescaped(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    text = text.replace(_BACKSLASH, _STAND_IN)
    for escaped, plain in _ESCAPES:
        text = text.replace(escaped, plain)
    return text.replace(_STAND_IN, b"\\")
