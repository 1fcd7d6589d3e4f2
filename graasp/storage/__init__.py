"""Where files live: a folder of this machine, or a bucket of an S3-compatible store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from graasp.settings import Settings
from graasp.storage.local import LocalStorage
from graasp.storage.protocol import FileStorage, Stored, StoredFileNotFound
from graasp.storage.signed_urls import UrlSigner

__all__ = ["FileStorage", "Stored", "StoredFileNotFound", "open_package_storage", "open_storage"]


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[FileStorage]:
    """The storage that the settings name."""
    if settings.file_storage_type == "local":
        assert settings.file_storage_root_path is not None
        yield LocalStorage(settings.file_storage_root_path, UrlSigner.from_settings(settings))
        return
    # Half a second and 30 MB that a storage on disk does without.
    from graasp.storage.s3 import Bucket, open_s3_storage

    bucket = Bucket(
        settings.s3_file_item_bucket,
        settings.s3_file_item_region,
        settings.s3_file_item_access_key_id,
        settings.s3_file_item_secret_access_key,
    )
    async with open_s3_storage(bucket, settings.s3_file_item_host) as storage:
        yield storage


@asynccontextmanager
async def open_package_storage(settings: Settings, files: FileStorage) -> AsyncIterator[FileStorage]:
    """Where H5P packages are kept: a storage of their own, or that of the files."""
    if settings.h5p_file_storage_type is None:
        yield files
        return
    if settings.h5p_file_storage_type == "local":
        assert settings.h5p_storage_root_path is not None
        yield LocalStorage(settings.h5p_storage_root_path, UrlSigner.from_settings(settings))
        return
    from graasp.storage.s3 import Bucket, open_s3_storage

    bucket = Bucket(
        settings.h5p_content_bucket,
        settings.h5p_content_region,
        settings.h5p_content_access_key_id,
        settings.h5p_content_secret_access_key_id,
    )
    async with open_s3_storage(bucket, settings.s3_file_item_host) as storage:
        yield storage
