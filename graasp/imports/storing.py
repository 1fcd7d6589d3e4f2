"""The bytes of planned items on their way from an archive into storage, before any row is written."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast
from uuid import UUID

from graasp.archives.reading import Archive, ArchiveEntry
from graasp.auth.gates import Caller
from graasp.files.errors import UploadEmptyFile
from graasp.files.receiving import Incoming, StoredFile, discard, store_file
from graasp.h5p.service import StoredPackage, store_package
from graasp.http.errors import DomainError, FormattedError
from graasp.imports.plans import LeftOut, PlannedItem
from graasp.items.packing import thumbnail_prefix
from graasp.platform import Platform
from graasp.thumbnails.errors import FileIsNotImage

_AT_ONCE = 8
_IN_MEMORY = 1024 * 1024


class Storing:
    """What of an archive is stored so far; `refused` are the items that could not be."""

    def __init__(self, platform: Platform, caller: Caller, archive: Archive, used: int) -> None:
        self.files: dict[UUID, StoredFile] = {}
        self.packages: dict[UUID, StoredPackage] = {}
        self.thumbnails: set[UUID] = set()
        self.refused: dict[UUID, LeftOut] = {}
        self._platform = platform
        self._caller = caller
        self._archive = archive
        self._used = used

    @property
    def file_bytes(self) -> int:
        return sum(file.size for file in self.files.values())

    async def store(self, items: list[PlannedItem], progress: Callable[[int, int], None]) -> None:
        """Store what belongs to the items, a few of them at a time.

        Raises an ExceptionGroup of UnsafeArchive, StorageExceeded, RequestFileTooLarge, UploadFileUnexpectedError.
        """
        pending = enumerate(items, start=1)

        async def work() -> None:
            for number, item in pending:
                await self._store(item)
                progress(number, len(items))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(_AT_ONCE, len(items))):
                group.create_task(work())

    async def discard(self) -> None:
        """Take everything out of storage again."""
        for file in self.files.values():
            await discard(self._platform, file)
        for package in self.packages.values():
            await package.discard()
        await self._platform.thumbnails.remove(*(thumbnail_prefix(item_id) for item_id in self.thumbnails))

    async def _store(self, item: PlannedItem) -> None:
        if item.type == "file" and item.content:
            await self._store_file(item, item.content)
        elif item.type == "h5p" and item.content:
            await self._store_package(item, item.content)
        if item.thumbnail and item.id not in self.refused:
            await self._store_thumbnail(item, item.thumbnail)

    async def _store_file(self, item: PlannedItem, content: ArchiveEntry) -> None:
        incoming = Incoming(item.name, item.content_type, self._archive.chunks(content))
        try:
            file = await store_file(self._platform, self._caller.id, incoming, used=self._used, decodes=False)
        except UploadEmptyFile:
            self._refuse(item, "it is empty")
            return
        if item.text is not None:
            file = replace(file, text=item.text, is_decoded=True)
        self.files[item.id] = replace(file, item_id=item.id)

    async def _store_package(self, item: PlannedItem, content: ArchiveEntry) -> None:
        chunks = self._archive.chunks(content)
        # As large as one that is uploaded among other files: whatever was exported comes in again.
        max_bytes = self._platform.settings.max_upload_file_bytes
        try:
            self.packages[item.id] = await store_package(
                self._platform, self._caller, item.name, chunks, max_bytes=max_bytes
            )
        except (DomainError, FormattedError) as error:
            if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            self._refuse(item, error.message)

    async def _store_thumbnail(self, item: PlannedItem, entry: ArchiveEntry) -> None:
        with SpooledTemporaryFile(_IN_MEMORY) as opened:
            file = cast("BinaryIO", opened)
            async for chunk in self._archive.chunks(entry):
                await asyncio.to_thread(file.write, chunk)
            try:
                await self._platform.thumbnails.store(
                    file, thumbnail_prefix(item.id), account_id=self._caller.id
                )
            except FileIsNotImage:
                return
        self.thumbnails.add(item.id)

    def _refuse(self, item: PlannedItem, reason: str) -> None:
        self.refused[item.id] = LeftOut(item.name, reason)


def with_bytes(items: Iterator[PlannedItem]) -> list[PlannedItem]:
    """Those that have something to store."""
    return [item for item in items if item.is_stored or item.thumbnail]
