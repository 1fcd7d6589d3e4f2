"""Files in a folder of this machine, served by the core through signed links."""

import asyncio
import mimetypes
import os
import shutil
import stat
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, ClassVar, NamedTuple

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
        # In the same file system, so that the finished file appears at once and as a whole. With the permissions of
        # any new file: the server that exposes the folder may run as somebody else.
        partial = target.with_name(f"{_PARTIAL}{token_hex(8)}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        size = 0
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
                    size += len(chunk)
                await asyncio.to_thread(_flush, file)
            await asyncio.to_thread(self._write_details, key, content_type, metadata)
            await asyncio.to_thread(partial.replace, target)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(partial.unlink, missing_ok=True))
            raise
        return size

    async def size(self, key: str) -> int | None:
        found = await asyncio.to_thread(self._state, key)
        return None if found is None else found.st_size

    async def describe(self, key: str) -> Stored | None:
        found = await asyncio.to_thread(self._state, key)
        if found is None:
            return None
        etag = f"{found.st_mtime_ns:x}-{found.st_size:x}"
        modified_at = datetime.fromtimestamp(int(found.st_mtime), UTC)
        return Stored(found.st_size, *await asyncio.to_thread(self.details, key), etag, modified_at)

    async def open(self, key: str, part: range | None = None) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread(self.path(key).open, "rb")
        except (FileNotFoundError, IsADirectoryError):
            raise StoredFileNotFound(key) from None
        with file:
            if part is None:
                while chunk := await asyncio.to_thread(file.read, _CHUNK):
                    yield chunk
                return
            await asyncio.to_thread(file.seek, part.start)
            for start in range(part.start, part.stop, _CHUNK):
                yield await asyncio.to_thread(file.read, min(_CHUNK, part.stop - start))

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
        async for file in self._files(prefix):
            if not file.is_partial:
                yield file.key

    async def list_older(self, prefix: str, before: datetime) -> AsyncIterator[str]:
        async for file in self._files(prefix):
            if not file.is_partial and file.modified_at < before.timestamp():
                yield file.key

    async def drop_unfinished(self, prefix: str, before: datetime) -> int:
        dropped = 0
        async for file in self._files(prefix):
            if file.is_partial and file.modified_at < before.timestamp():
                await asyncio.to_thread((self._root / file.key).unlink, missing_ok=True)
                dropped += 1
        # Details are written before the file appears.
        async for file in self._files(f"{_DETAILS}/{checked_key(prefix)}"):
            described = self._root / file.key.removeprefix(f"{_DETAILS}/").removesuffix(".json")
            if file.modified_at < before.timestamp() and not await asyncio.to_thread(described.exists):
                await asyncio.to_thread((self._root / file.key).unlink, missing_ok=True)
        return dropped

    async def _files(self, prefix: str) -> AsyncIterator["_File"]:
        """Every file below a prefix, by name."""
        folders = os.walk(self._root / checked_key(prefix) if prefix else self._root, onerror=_complain)
        # Folder by folder: there may be millions of files.
        while (folder := await asyncio.to_thread(next, folders, None)) is not None:
            path, below, names = folder
            relative = Path(path).relative_to(self._root)
            below[:] = sorted(name for name in below if (relative / name).as_posix() not in _NOT_OURS)
            for file in await asyncio.to_thread(_described, self._root, relative, sorted(names)):
                yield file

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

    def _state(self, key: str) -> os.stat_result | None:
        try:
            found = self.path(key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found if stat.S_ISREG(found.st_mode) else None

    def _details_path(self, key: str, suffix: str = ".json") -> Path:
        return self._root / _DETAILS / f"{checked_key(key)}{suffix}"

    def _write_details(self, key: str, content_type: str, metadata: Mapping[str, str]) -> None:
        path = self._details_path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps({"contentType": content_type, "metadata": dict(metadata)}))


class _File(NamedTuple):
    """A file below the root, and when it was written, in Unix seconds."""

    key: str
    modified_at: float

    @property
    def is_partial(self) -> bool:
        return self.key.rpartition("/")[2].startswith(_PARTIAL)


def _described(root: Path, folder: Path, names: Sequence[str]) -> list[_File]:
    files = []
    for name in names:
        # Gone meanwhile is no error.
        with suppress(FileNotFoundError):
            files.append(_File((folder / name).as_posix(), (root / folder / name).lstat().st_mtime))
    return files


def _complain(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


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
