"""Every stored file of an installation, and how all of them are replaced at once."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from enum import IntEnum
from typing import IO, NamedTuple

from graasp.settings import Settings
from graasp.storage import FileStorage, Stored, open_package_storage, open_storage

_CHUNK = 256 * 1024
_DELETED_AT_ONCE = 500
# Below it, what a replacement that has not ended may have to put back.
_SAVED = "before-restore"


class Description(NamedTuple):
    """What a backup says of a file: its size in bytes, and what storage was told of it."""

    size: int
    content_type: str
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, stored: Stored) -> "Description":
        return cls(stored.size, stored.content_type, stored.metadata)


class StoredFiles:
    """The files and the H5P packages, whether they are kept in one storage or in two."""

    def __init__(self, files: FileStorage, packages: FileStorage, package_prefix: str) -> None:
        self._files = files
        self._packages = packages
        self._package_folder = package_prefix.strip("/")

    def storage_of(self, key: str) -> FileStorage:
        return self._packages if key.startswith(f"{self._package_folder}/") else self._files

    @property
    def storages(self) -> Sequence[FileStorage]:
        return (self._files,) if self._packages is self._files else (self._files, self._packages)

    async def keys(self) -> AsyncIterator[str]:
        """The key of every file, in no particular order."""
        async for key in self._files.list():
            if not key.startswith(f"{_SAVED}/") and self.storage_of(key) is self._files:
                yield key
        if self._packages is not self._files:
            async for key in self._packages.list(self._package_folder):
                yield key

    async def saved(self) -> AsyncIterator[str]:
        """The keys whose former content a replacement has kept."""
        for storage in self.storages:
            async for key in storage.list(_SAVED):
                yield key.removeprefix(f"{_SAVED}/")


@asynccontextmanager
async def open_stored_files(settings: Settings) -> AsyncIterator[StoredFiles]:
    """The storages that the settings name."""
    async with open_storage(settings) as files, open_package_storage(settings, files) as packages:
        yield StoredFiles(files, packages, settings.h5p_path_prefix)


class _Change(IntEnum):
    NONE = 0
    ADDED = 1
    REPLACED = 2


class Replacement:
    """Puts files in place one after the other; until `finish`, `undo` brings back what was there before.

    Nothing is deleted before `finish`. What a replaced file was is kept beside, so that even after the death of this
    process `put_back` can undo it.
    """

    def __init__(self, stored: StoredFiles, journal: sqlite3.Connection) -> None:
        self._stored = stored
        self._journal = journal
        journal.execute("create table file (key text primary key, change integer not null) without rowid")

    async def put(self, key: str, described: Description, content: IO[bytes]) -> None:
        """Make the file what it is in the backup."""
        storage = self._stored.storage_of(key)
        present = await storage.describe(key)
        if present is None:
            change = _Change.ADDED
        elif Description.of(present) == described and await _is_same(storage, key, content):
            change = _Change.NONE
        else:
            change = _Change.REPLACED
            await storage.copy(key, f"{_SAVED}/{key}", metadata=present.metadata)
        self._journal.execute("insert into file values (?, ?)", (key, change))
        if change is not _Change.NONE:
            content.seek(0)
            await storage.put(
                key, _chunks(content), content_type=described.content_type, metadata=described.metadata
            )

    async def undo(self) -> None:
        """Bring back what was there before."""
        await put_back(self._stored)
        for key in self._changed(_Change.ADDED):
            await self._stored.storage_of(key).delete(key)

    async def finish(self) -> int:
        """Delete what the backup lacks, in the folders it has; how many files that were."""
        await forget_saved(self._stored)
        folders = {key.partition("/")[0] for key in self._changed(*_Change)}
        surplus: list[str] = []
        deleted = 0
        async for key in self._stored.keys():
            if key.partition("/")[0] in folders and not self._is_known(key):
                surplus.append(key)
            if len(surplus) == _DELETED_AT_ONCE:
                deleted += await self._delete(surplus)
        return deleted + await self._delete(surplus)

    async def _delete(self, keys: list[str]) -> int:
        count = len(keys)
        for storage in self._stored.storages:
            await storage.delete(*[key for key in keys if self._stored.storage_of(key) is storage])
        keys.clear()
        return count

    def _is_known(self, key: str) -> bool:
        return self._journal.execute("select 1 from file where key = ?", (key,)).fetchone() is not None

    def _changed(self, *changes: _Change) -> Iterator[str]:
        wanted = ", ".join(str(int(change)) for change in changes)
        with closing(self._journal.execute(f"select key from file where change in ({wanted})")) as found:
            for (key,) in found:
                yield key


async def put_back(stored: StoredFiles) -> None:
    """Undo what a replacement has done to files that were there."""
    async for key in stored.saved():
        storage = stored.storage_of(key)
        former = await storage.describe(f"{_SAVED}/{key}")
        if former is not None:
            await storage.copy(f"{_SAVED}/{key}", key, metadata=former.metadata)
    await forget_saved(stored)


async def forget_saved(stored: StoredFiles) -> None:
    """Delete what a replacement has kept, and does not need any more."""
    for storage in stored.storages:
        await storage.delete_folder(_SAVED)


async def _is_same(storage: FileStorage, key: str, content: IO[bytes]) -> bool:
    content.seek(0)
    async for chunk in storage.open(key):
        if content.read(len(chunk)) != chunk:
            return False
    return not content.read(1)


async def _chunks(content: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := content.read(_CHUNK):
        yield chunk
