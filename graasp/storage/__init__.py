"""Where files live: a folder of this machine, or a bucket of an S3-compatible store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from graasp.settings import Settings
from graasp.storage.local import LocalStorage
from graasp.storage.protocol import FileStorage, StoredFileNotFound

__all__ = ["FileStorage", "StoredFileNotFound", "open_storage"]


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[FileStorage]:
    """The storage that the settings name."""
    if settings.file_storage_type == "local":
        yield LocalStorage.from_settings(settings)
        return
    # Half a second and 30 MB that a storage on disk does without.
    from graasp.storage.s3 import open_s3_storage

    async with open_s3_storage(settings) as storage:
        yield storage
