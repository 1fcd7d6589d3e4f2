"""Makes a backup, while the installation runs or not."""

import asyncio
import tempfile
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO

from graasp.deployment import dumps
from graasp.deployment.backup.archive import ArchiveWriter, Manifest
from graasp.deployment.backup.holding import held_content
from graasp.deployment.backup.stored_files import Description, StoredFiles, open_stored_files
from graasp.deployment.driver import Report
from graasp.settings import Settings
from graasp.storage.protocol import InvalidKey, StoredFileNotFound

_AT_ONCE = 8
_REPORT_EVERY_S = 10.0


async def back_up(settings: Settings, target: BinaryIO, report: Report) -> Manifest:
    """Write everything to a stream: the database as it is now, then the files, so that every row finds its own.

    A file that is deleted meanwhile is missing, and counted. Raises StepFailed, and what the storage raises.
    """
    made_at = datetime.now(UTC)
    installation = dumps.installation_at(settings.db_connection)
    assert installation.version is not None
    writer = ArchiveWriter(target)
    with (
        tempfile.TemporaryFile(dir=settings.tmpdir) as spool,
        dumps.one_moment(settings.db_connection) as moment,
    ):
        report(f"saving the database {installation.database}")
        size = await asyncio.to_thread(dumps.dump, installation, spool, report, snapshot=moment)
        rows = dumps.row_counts(installation, snapshot=moment)
        revision = dumps.schema_revision(installation)
        spool.seek(0)
        await asyncio.to_thread(writer.add_dump, size, spool)
    async with open_stored_files(settings) as stored:
        report("saving the files")
        files = _Files(stored, writer, report, settings.tmpdir)
        await files.add_all()
    manifest = Manifest(
        made_at=made_at,
        version=settings.app_version,
        schema_revision=revision,
        postgres=installation.version,
        pg_dump=dumps.dump_version(installation),
        rows=rows,
        files=files.count,
        file_bytes=files.size,
        vanished=files.vanished,
    )
    writer.finish(manifest)
    return manifest


@dataclass
class _Fetched:
    key: str
    described: Description
    content: IO[bytes]


@dataclass
class _Files:
    """Fetches a few files at once, and writes them one after the other."""

    stored: StoredFiles
    writer: ArchiveWriter
    report: Report
    folder: Path | None
    count: int = 0
    size: int = 0
    vanished: int = 0
    _told: float = field(default_factory=time.monotonic)

    async def add_all(self) -> None:
        pending: deque[asyncio.Task[_Fetched | None]] = deque()
        try:
            async for key in self.stored.keys():
                pending.append(asyncio.create_task(self._fetch(key)))
                if len(pending) == _AT_ONCE:
                    await self._add(await pending.popleft())
            while pending:
                await self._add(await pending.popleft())
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _fetch(self, key: str) -> _Fetched | None:
        """The file, held back until it is known to be whole; None when it is gone."""
        with ExitStack() as unless_fetched:
            content = unless_fetched.enter_context(held_content(self.folder))
            try:
                described = await self._read(key, content)
            except StoredFileNotFound:
                self.vanished += 1
                return None
            except InvalidKey:
                self.report(f"left out, no key of ours: {key!r}")
                return None
            unless_fetched.pop_all()
            return _Fetched(key, described, content)

    async def _read(self, key: str, content: IO[bytes]) -> Description:
        storage = self.stored.storage_of(key)
        described = await storage.describe(key)
        if described is None:
            raise StoredFileNotFound(key)
        async for chunk in storage.open(key):
            content.write(chunk)
        # It may have been replaced since it was described.
        return Description.of(described)._replace(size=content.tell())

    async def _add(self, fetched: _Fetched | None) -> None:
        if fetched is None:
            return
        with fetched.content as content:
            content.seek(0)
            await asyncio.to_thread(self.writer.add_file, fetched.key, fetched.described, content)
        self.count += 1
        self.size += fetched.described.size
        if time.monotonic() - self._told > _REPORT_EVERY_S:
            self._told = time.monotonic()
            self.report(f"{self.count:,} files, {self.size / 1e6:,.0f} MB saved")
