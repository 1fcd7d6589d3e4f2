"""A package's way into storage: looked over as a whole before anything of it is stored."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, NamedTuple, cast

import orjson
import structlog

from graasp.archives.reading import Archive, ArchiveEntry, ArchiveLimits, UnsafeArchive, open_archive
from graasp.auth.gates import Caller
from graasp.h5p.content_types import content_type_of
from graasp.h5p.errors import InvalidManifest, InvalidPackage, PackageImportFailed
from graasp.h5p.layout import PackagePlace, item_name, package_folder
from graasp.h5p.manifest import MANIFEST, problems
from graasp.http.errors import RequestFileTooLarge
from graasp.platform import Platform
from graasp.storage.protocol import InvalidKey, checked_key

log = structlog.get_logger(__name__)

_AT_ONCE = 8
_IN_MEMORY = 1024 * 1024
_PIECE = 256 * 1024
_LARGEST_MANIFEST = 1024 * 1024
_LARGEST_PARAMETERS = 20 * 1024 * 1024
_MOST_VALUES = 1_000_000
# What a player reads; packages are used without it as well, but never with a broken one.
_PARAMETERS = ("content", "content.json")


class StoredPackage(NamedTuple):
    """A package whose bytes are stored: the `extra` of its item, and how to take it out of storage again."""

    extra: Mapping[str, Any]
    discard: Callable[[], Awaitable[None]]


async def store_package(
    platform: Platform,
    caller: Caller,
    name: str,
    chunks: AsyncIterator[bytes],
    *,
    max_bytes: int,
) -> StoredPackage:
    """Check and store the package of a file with this name.

    Raises RequestFileTooLarge, InvalidPackage, InvalidManifest, PackageImportFailed, and what the stream raises;
    then nothing is left in storage.
    """
    with SpooledTemporaryFile(_IN_MEMORY) as opened:
        file = cast("BinaryIO", opened)
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > max_bytes:
                raise RequestFileTooLarge
            await asyncio.to_thread(file.write, chunk)
        return await _store_checked(platform, caller, name, file)


async def _store_checked(platform: Platform, caller: Caller, name: str, file: BinaryIO) -> StoredPackage:
    settings = platform.settings
    place = PackagePlace.new(item_name(name))
    folder = package_folder(settings, place.content_id)
    discard = partial(platform.packages.delete_folder, folder)
    limits = ArchiveLimits(settings.max_h5p_entries, settings.max_unpacked_h5p_bytes)
    try:
        async with open_archive(file, limits) as archive:
            await _check(archive)
            entries = _wanted(archive, place.content_key(settings))
            await _store(platform, caller, archive, entries)
        await _put(platform, caller, place.package_key(settings), _read(file))
    except BaseException as error:
        await asyncio.shield(_discard(discard))
        match error:
            case UnsafeArchive():
                raise InvalidPackage(str(error)) from None
            case InvalidPackage() | InvalidManifest():
                raise
            case Exception():
                log.exception("a package could not be stored")
                raise PackageImportFailed from error
        raise
    return StoredPackage(place.extra, discard)


async def _check(archive: Archive) -> None:
    entries = {entry.parts: entry for entry in archive.entries if not entry.is_folder}
    manifest = entries.get((MANIFEST,))
    if manifest is None:
        raise InvalidManifest(f"Missing {MANIFEST} manifest file")
    if found := problems(await archive.read(manifest, at_most=_LARGEST_MANIFEST)):
        raise InvalidManifest("\n\t".join(found))
    if parameters := entries.get(_PARAMETERS):
        written = await archive.read_json(parameters, at_most=_LARGEST_PARAMETERS, most_values=_MOST_VALUES)
        try:
            is_object = isinstance(await asyncio.to_thread(orjson.loads, written), dict)
        except orjson.JSONDecodeError:
            is_object = False
        if not is_object:
            raise InvalidPackage(f"{'/'.join(_PARAMETERS)} is not a JSON object")


def _wanted(archive: Archive, folder: str) -> dict[str, ArchiveEntry]:
    """What of a package is unpacked, by its key: files of other kinds are left out. Raises UnsafeArchive."""
    wanted = {}
    for entry in archive.entries:
        if entry.is_folder or content_type_of(entry.name) is None:
            continue
        try:
            wanted[checked_key(f"{folder}/{PurePosixPath(*entry.parts)}")] = entry
        except InvalidKey:
            raise UnsafeArchive(f"{'/'.join(entry.parts)[:200]!r} is no usable name") from None
    return wanted


async def _store(
    platform: Platform, caller: Caller, archive: Archive, entries: Mapping[str, ArchiveEntry]
) -> None:
    pending = iter(entries.items())

    async def work() -> None:
        for key, entry in pending:
            await _put(platform, caller, key, archive.chunks(entry))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work())
    except ExceptionGroup as failures:
        unsafe, _ = failures.split(UnsafeArchive)
        raise (unsafe or failures).exceptions[0] from None


async def _put(platform: Platform, caller: Caller, key: str, chunks: AsyncIterator[bytes]) -> None:
    content_type = content_type_of(key) or "application/octet-stream"
    await platform.packages.put(key, chunks, content_type=content_type, metadata={"member": str(caller.id)})


async def _discard(discard: Callable[[], Awaitable[None]]) -> None:
    try:
        await discard()
    except Exception:
        log.exception("a package was left in storage")


async def _read(file: BinaryIO) -> AsyncIterator[bytes]:
    await asyncio.to_thread(file.seek, 0)
    while piece := await asyncio.to_thread(file.read, _PIECE):
        yield piece
