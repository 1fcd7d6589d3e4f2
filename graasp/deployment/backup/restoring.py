"""Puts a backup in the place of an installation's database and files: all of it, or nothing.

The database is restored beside the one in use and renamed at the end; files keep what they were until then. When the
process dies in between, the next restore begins by undoing what was left, or by ending what had been decided.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from graasp.db import migrations
from graasp.deployment import dumps
from graasp.deployment.backup.archive import Archive, Manifest
from graasp.deployment.backup.holding import held_content
from graasp.deployment.backup.stored_files import (
    Description,
    Replacement,
    StoredFiles,
    forget_saved,
    open_stored_files,
    put_back,
)
from graasp.deployment.driver import Report, StepFailed
from graasp.settings import Settings

_AT_ONCE = 8
_CHUNK = 256 * 1024
_REPORT_EVERY_S = 10.0


class DoesNotFit(Exception):
    """The backup can't be restored to this server or with this version; the message says what would."""


async def restore(settings: Settings, archive: Archive, report: Report) -> None:
    """Replace the database and the files.

    Raises DoesNotFit, InUse while somebody is connected, StepFailed, and what the storage raises: nothing has changed
    then.
    """
    installation = require_fit(settings, archive.manifest)
    dumps.require_unused(installation)
    async with open_stored_files(settings) as stored:
        await _settle_earlier_attempt(installation, stored, report)
        with _journal(settings.tmpdir) as journal:
            replacement = Replacement(stored, journal)
            try:
                await _restore_beside(installation, archive, report)
                await _put_files(replacement, archive, settings.tmpdir, report)
                dumps.swap(installation)
            except BaseException:
                await _undo(installation, replacement, report)
                raise
            deleted = await replacement.finish()
    dumps.forget_former(installation)
    if deleted:
        report(f"{deleted:,} files deleted that the backup has not")


def require_fit(settings: Settings, manifest: Manifest) -> dumps.Installation:
    """The installation that the backup can be restored to. Raises DoesNotFit and StepFailed."""
    revision = manifest.schema_revision
    if revision is not None and revision not in migrations.revisions():
        raise DoesNotFit(
            f"The backup is of version {manifest.version}, whose schema this version does not know. Restore it with "
            "that version."
        )
    installation = dumps.installation_at(settings.db_connection, at_least=manifest.pg_dump)
    assert installation.version is not None
    if installation.version < manifest.postgres:
        raise DoesNotFit(
            f"The backup is of PostgreSQL {manifest.postgres}, the server is {installation.version}. Restore it to a "
            "server of that version or a later one."
        )
    return installation


async def _settle_earlier_attempt(
    installation: dumps.Installation, stored: StoredFiles, report: Report
) -> None:
    if dumps.is_swapped(installation):
        report("ending an earlier restore, which was interrupted")
        await forget_saved(stored)
        dumps.forget_former(installation)
    else:
        await put_back(stored)


async def _restore_beside(installation: dumps.Installation, archive: Archive, report: Report) -> None:
    report(f"restoring the database {installation.database}")
    await asyncio.to_thread(dumps.restore_beside, installation, archive.dump, report, foreign=True)
    if dumps.row_counts(installation, beside=True) != archive.manifest.rows:
        raise StepFailed("The restored database has not the rows that were saved.")


async def _put_files(replacement: Replacement, archive: Archive, folder: Path | None, report: Report) -> None:
    report("restoring the files")
    slots = asyncio.Semaphore(_AT_ONCE)

    async def put(key: str, described: Description, content: IO[bytes]) -> None:
        try:
            with content:
                await replacement.put(key, described, content)
        finally:
            slots.release()

    count, size, told = 0, 0, time.monotonic()
    try:
        async with asyncio.TaskGroup() as group:
            for key, described, content in archive.files():
                await slots.acquire()
                group.create_task(put(key, described, _held(content, folder)))
                count, size = count + 1, size + described.size
                if time.monotonic() - told > _REPORT_EVERY_S:
                    told = time.monotonic()
                    report(f"{count:,} of {archive.manifest.files:,} files, {size / 1e6:,.0f} MB restored")
    except ExceptionGroup as failures:
        # One tells enough.
        raise failures.exceptions[0] from failures


async def _undo(installation: dumps.Installation, replacement: Replacement, report: Report) -> None:
    try:
        if not dumps.is_swapped(installation):
            await replacement.undo()
            dumps.discard_beside(installation)
    except Exception as error:
        report(f"what was changed could not be undone: {error}. The next `graasp restore` does it first.")


@contextmanager
def _journal(folder: Path | None) -> Iterator[sqlite3.Connection]:
    # On disk: there may be millions of files.
    with (
        tempfile.TemporaryDirectory(dir=folder) as made,
        closing(sqlite3.connect(Path(made) / "journal", isolation_level=None)) as journal,
    ):
        journal.execute("pragma synchronous = off")
        journal.execute("pragma journal_mode = off")
        yield journal


def _held(content: IO[bytes], folder: Path | None) -> IO[bytes]:
    """A copy that can be read while the archive is read on."""
    held = held_content(folder)
    while chunk := content.read(_CHUNK):
        held.write(chunk)
    return held
