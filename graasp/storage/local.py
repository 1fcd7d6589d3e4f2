"""Files in a folder of this machine, served by the core through signed links."""

import asyncio
import mimetypes
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import filetype
import orjson

from graasp.http.errors import DomainError
from graasp.storage.errors import LocalFileNotFound
from graasp.storage.protocol import InvalidKey, Stored, StoredFileNotFound, checked_key
from graasp.storage.signed_urls import UrlSigner

_CHUNK = 256 * 1024
_DETAILS = ".details"
_PARTIAL = ".upload-"
# Of a disk that is used as a whole.
_NOT_OURS = frozenset({_DETAILS, "lost+found"})
_HEAD = 8 * 1024


class LocalStorage:
    """An object is the file of its key; its content type and metadata lie below `.details/`.

    Files that another server has left have no details: they are looked at instead.
    """

    not_found: ClassVar[type[DomainError]] = LocalFileNotFound

    def __init__(self, root: Path, signer: UrlSigner) -> None:
        self._root = root
        self._signer = signer

    async def put(
        self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, metadata: Mapping[str, str]
    ) -> int:
        target = self.path(key)
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        # In the same file system, so that the finished file appears at once and as a whole.
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=_PARTIAL)
        partial = Path(name)
        size = 0
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
                    size += len(chunk)
                await asyncio.to_thread(_flush, file.fileno(), file)
            await asyncio.to_thread(self._write_details, key, content_type, metadata)
            await asyncio.to_thread(partial.replace, target)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(partial.unlink, missing_ok=True))
            raise
        return size

    async def size(self, key: str) -> int | None:
        try:
            return (await asyncio.to_thread(self.path(key).stat)).st_size
        except FileNotFoundError:
            return None

    async def describe(self, key: str) -> Stored | None:
        size = await self.size(key)
        return None if size is None else Stored(size, *await asyncio.to_thread(self.details, key))

    async def open(self, key: str) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread(self.path(key).open, "rb")
        except (FileNotFoundError, IsADirectoryError):
            raise StoredFileNotFound(key) from None
        with file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk

    async def copy(self, source: str, target: str, *, metadata: Mapping[str, str]) -> None:
        content_type, _ = await asyncio.to_thread(self.details, source)
        await self.put(target, self.open(source), content_type=content_type, metadata=metadata)

    async def delete(self, *keys: str) -> None:
        for key in keys:
            await asyncio.to_thread(self.path(key).unlink, missing_ok=True)
            await asyncio.to_thread(self._details_path(key).unlink, missing_ok=True)

    async def delete_folder(self, prefix: str) -> None:
        for folder in (self.path(prefix), self._details_path(prefix, suffix="")):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def list(self, prefix: str = "") -> AsyncIterator[str]:
        folders = os.walk(self.path(prefix) if prefix else self._root, onerror=_complain)
        # Folder by folder: there may be millions of files.
        while (folder := await asyncio.to_thread(next, folders, None)) is not None:
            path, below, names = folder
            relative = Path(path).relative_to(self._root)
            below[:] = sorted(name for name in below if (relative / name).as_posix() not in _NOT_OURS)
            for name in sorted(names):
                if not name.startswith(_PARTIAL):
                    yield (relative / name).as_posix()

    async def url(self, key: str, *, expires: timedelta, download_name: str | None = None) -> str:
        return self._signer.url(checked_key(key), expires, download_name)

    def path(self, key: str) -> Path:
        """The file of an object. Raises InvalidKey."""
        if checked_key(key).partition("/")[0] == _DETAILS:
            raise InvalidKey(key)
        return self._root / key

    def details(self, key: str) -> tuple[str, dict[str, str]]:
        """Content type and metadata of an object."""
        try:
            details = orjson.loads(self._details_path(key).read_bytes())
        except FileNotFoundError:
            return _guessed_type(self.path(key)), {}
        return details["contentType"], details["metadata"]

    def _details_path(self, key: str, suffix: str = ".json") -> Path:
        return self._root / _DETAILS / f"{checked_key(key)}{suffix}"

    def _write_details(self, key: str, content_type: str, metadata: Mapping[str, str]) -> None:
        path = self._details_path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps({"contentType": content_type, "metadata": dict(metadata)}))


def _complain(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _flush(descriptor: int, file: object) -> None:
    file.flush()  # type: ignore[attr-defined]
    os.fsync(descriptor)


def _guessed_type(path: Path) -> str:
    by_name = mimetypes.guess_type(path.name)[0]
    if by_name:
        return by_name
    try:
        with path.open("rb") as file:
            found = filetype.guess(file.read(_HEAD))
    except OSError:
        found = None
    return str(found.mime) if found else "application/octet-stream"
