"""The way of an uploaded file's bytes into storage: read once, never held as a whole, refused as soon as possible."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, NamedTuple, cast
from uuid import UUID, uuid4

import structlog

from graasp.decoding.process import Bounds, CannotDecode, TooMuchWork
from graasp.files import content
from graasp.files.errors import StorageExceeded, UploadEmptyFile
from graasp.files.keys import new_file_key
from graasp.http.errors import RequestFileTooLarge
from graasp.items.packing import thumbnail_prefix
from graasp.platform import Platform
from graasp.storage.errors import UploadFileUnexpectedError
from graasp.thumbnails.service import kind_of

log = structlog.get_logger(__name__)

_IN_MEMORY = 1024 * 1024
_LARGEST_PAGE = 20 * 1024 * 1024
# What is decoded while the sender waits; the rest is left to a job.
_DECODED_AT_ONCE = 10 * 1024 * 1024
_AT_ONCE = Bounds(pixels=25_000_000, seconds=10)


@dataclass(frozen=True)
class Incoming:
    """A file on its way in: its name without folders, the declared content type, its bytes."""

    name: str
    content_type: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True)
class StoredFile:
    """A file whose bytes are stored, for an item that is still to be made.

    `text` is what can be searched in it. Not `is_decoded`: its text and thumbnails are left to a job.
    """

    item_id: UUID
    name: str
    key: str
    mimetype: str
    size: int = 0
    text: str = ""
    has_thumbnail: bool = False
    is_decoded: bool = True


class StoredBytes(NamedTuple):
    """What was stored under a key: its content type, its size in bytes."""

    mimetype: str
    size: int


async def store_bytes(
    platform: Platform, account_id: UUID, incoming: Incoming, key: str, *, used: int, allowed: int
) -> StoredBytes:
    """Store a file under a key of its own, for somebody who has used so many bytes of those that are allowed.

    As safe as every upload, but nobody looks for a text or a picture in it. Raises what `store_file` raises.
    """
    async with _begun(platform, incoming, used, allowed) as (mimetype, whole):
        return StoredBytes(mimetype, await _put(platform, account_id, key, mimetype, whole))


async def store_file(
    platform: Platform, account_id: UUID, incoming: Incoming, *, used: int, decodes: bool = True
) -> StoredFile:
    """Store a file of somebody whose files take `used` bytes already. Unless it `decodes`, that is left to a job.

    Raises UploadEmptyFile, StorageExceeded, RequestFileTooLarge, UploadFileUnexpectedError, and whatever the
    sender's stream raises; then nothing is left in storage.
    """
    async with _begun(platform, incoming, used, platform.settings.max_storage_bytes) as (mimetype, whole):
        file = StoredFile(uuid4(), incoming.name, new_file_key(incoming.name), mimetype)
        kind = kind_of(mimetype)
        if kind and decodes:
            return await _store_decodable(platform, account_id, file, whole)
        size = await _put(platform, account_id, file.key, mimetype, whole)
        return replace(file, size=size, is_decoded=kind is None)


@asynccontextmanager
async def _begun(
    platform: Platform, incoming: Incoming, used: int, allowed: int
) -> AsyncGenerator[tuple[str, AsyncIterator[bytes]], None]:
    """The content type of a file, as its first bytes tell, and all of its bytes, a page made safe.

    Raises UploadEmptyFile, and what the sender's stream raises.
    """
    most = platform.settings.max_upload_file_bytes
    async with aclosing(_bounded(incoming.chunks, most, used, allowed)) as chunks:
        first = await anext(chunks, b"")
        if not first:
            raise UploadEmptyFile
        mimetype = content.detected_type(incoming.content_type, first[: content.HEAD_BYTES])
        whole = _joined(first, chunks)
        if mimetype == "text/html":
            mimetype, page = await _safe_page(platform, whole)
            whole = _only(page)
        yield mimetype, whole


async def discard(platform: Platform, file: StoredFile) -> None:
    """Take a stored file out of storage again."""
    await platform.storage.delete(file.key)
    await platform.urls.forget(file.key)
    await platform.thumbnails.remove(thumbnail_prefix(file.item_id))


class Decoded(NamedTuple):
    """What a decoder finds in a file."""

    text: str
    has_thumbnail: bool


async def decode(
    platform: Platform,
    account_id: UUID,
    file: BinaryIO,
    *,
    item_id: UUID,
    mimetype: str,
    bounds: Bounds | None = None,
    with_thumbnail: bool = True,
) -> Decoded:
    """Store the thumbnails of a file, and read its text; neither is an error when it can't be.

    Raises TooMuchWork when there are `bounds`, and more would be needed.
    """
    kind = kind_of(mimetype)
    assert kind is not None, "no decodable file"
    within = (bounds,) if bounds else ()
    text, has_thumbnail = "", False
    if kind == "pdf":
        with _if_possible(bounds):
            text = await platform.decoder.pdf_text(file, *within)
    if with_thumbnail:
        with _if_possible(bounds):
            async with platform.decoder.pictures(kind, file, *within) as pictures:
                await platform.thumbnails.keep(pictures, thumbnail_prefix(item_id), account_id=account_id)
            has_thumbnail = True
    return Decoded(text, has_thumbnail)


@contextmanager
def _if_possible(bounds: Bounds | None) -> Iterator[None]:
    try:
        yield
    except TooMuchWork:
        if bounds is not None:
            raise
    except CannotDecode:
        return


async def _safe_page(platform: Platform, chunks: AsyncIterator[bytes]) -> tuple[str, bytes]:
    """A page without what runs in it; one that can't be cleaned as a text, which nobody runs.

    Raises RequestFileTooLarge, and UploadEmptyFile when nothing is left.
    """
    page = bytearray()
    async for chunk in chunks:
        page += chunk
        if len(page) > _LARGEST_PAGE:
            raise RequestFileTooLarge
    try:
        safe = await platform.decoder.safe_page(page.decode(errors="replace"))
    except CannotDecode:
        return "text/plain", bytes(page)
    if not safe:
        raise UploadEmptyFile
    return "text/html", safe.encode()


async def _store_decodable(
    platform: Platform, account_id: UUID, file: StoredFile, chunks: AsyncIterator[bytes]
) -> StoredFile:
    """A picture, document or video: a small one is decoded from the copy that is kept on the way."""
    with SpooledTemporaryFile(_IN_MEMORY) as opened:
        copy = cast("BinaryIO", opened)
        size = await _put(platform, account_id, file.key, file.mimetype, _copied(chunks, copy))
        file = replace(file, size=size)
        if file.size > _DECODED_AT_ONCE:
            return replace(file, is_decoded=False)
        try:
            found = await decode(
                platform,
                account_id,
                copy,
                item_id=file.item_id,
                mimetype=file.mimetype,
                bounds=_AT_ONCE,
            )
        except TooMuchWork:
            return replace(file, is_decoded=False)
        except BaseException:
            await asyncio.shield(discard(platform, file))
            raise
        return replace(file, text=found.text, has_thumbnail=found.has_thumbnail)


async def _put(
    platform: Platform, account_id: UUID, key: str, mimetype: str, chunks: AsyncIterator[bytes]
) -> int:
    """Store a stream; its size. The sender's failures stay what they are, those of storage are told as one."""
    sender = _Sender(chunks)
    try:
        return await platform.storage.put(
            key, sender.chunks(), content_type=mimetype, metadata={"member": str(account_id)}
        )
    except Exception as error:
        if sender.failure is not None:
            raise sender.failure from None
        log.exception("storage refused an upload")
        raise UploadFileUnexpectedError(account_id) from error


class _Sender:
    """Remembers whose fault it was."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.failure: Exception | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                yield chunk
        except Exception as error:
            self.failure = error
            raise


async def _bounded(
    chunks: AsyncIterator[bytes], most: int, used: int, allowed: int
) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise RequestFileTooLarge
        if used + size > allowed:
            raise StorageExceeded(used + size)
        yield chunk


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


async def _copied(chunks: AsyncIterator[bytes], copy: BinaryIO) -> AsyncIterator[bytes]:
    """The stream, written to `copy` as well while it is small enough to be decoded from it."""
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size <= _DECODED_AT_ONCE:
            await asyncio.to_thread(copy.write, chunk)
        yield chunk


async def _only(whole: bytes) -> AsyncIterator[bytes]:
    yield whole
