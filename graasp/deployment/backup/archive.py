"""The file of a backup: a tar archive, written and read as a stream.

In this order: `database.dump` (pg_dump's custom format); `files/<key>` for every stored file, with its content type and
metadata in headers; `manifest.json`; `checksum`, the SHA-256 of every byte before it.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from graasp.deployment.backup.stored_files import Description
from graasp.storage.protocol import InvalidKey, checked_key

_FORMAT = 1
_DUMP = "database.dump"
_FILES = "files/"
_MANIFEST = "manifest.json"
_CHECKSUM = "checksum"
_CONTENT_TYPE = "GRAASP.content-type"
_METADATA = "GRAASP.metadata"
_LARGEST_MANIFEST = 1024 * 1024
_CHUNK = 1024 * 1024


class UnusableArchive(Exception):
    """The file is none of ours, damaged, or of a later version; the message says which."""


class Manifest(BaseModel):
    """What is in a backup. `rows`: of each table. `vanished`: files deleted while it was made."""

    model_config = ConfigDict(frozen=True)

    format: int = _FORMAT
    made_at: datetime
    version: str
    schema_revision: str | None
    # Major versions: of the server, and of the pg_dump that read it.
    postgres: int
    pg_dump: int
    rows: dict[str, int]
    files: int
    file_bytes: int
    vanished: int = 0


class ArchiveWriter:
    """Writes the parts in their order; each is given with its exact size."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = _Hashing(target)
        self._tar = tarfile.open(fileobj=self._target, mode="w", format=tarfile.PAX_FORMAT)  # type: ignore[call-overload]  # noqa: SIM115 - closed by `finish`

    def add_dump(self, size: int, content: IO[bytes]) -> None:
        self._add(_DUMP, size, content)

    def add_file(self, key: str, described: Description, content: IO[bytes]) -> None:
        headers = {
            _CONTENT_TYPE: described.content_type,
            _METADATA: json.dumps(dict(described.metadata)),
        }
        self._add(_FILES + key, described.size, content, headers)

    def finish(self, manifest: Manifest) -> None:
        """Write the end of the archive."""
        self._add_bytes(_MANIFEST, manifest.model_dump_json(indent=2).encode())
        self._add_bytes(_CHECKSUM, self._target.digest.hexdigest().encode())
        self._tar.close()

    def _add_bytes(self, name: str, content: bytes) -> None:
        self._add(name, len(content), io.BytesIO(content))

    def _add(self, name: str, size: int, content: IO[bytes], headers: dict[str, str] | None = None) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        member.pax_headers = headers or {}
        self._tar.addfile(member, content)
        _forget_members(self._tar)


class Archive:
    """A backup that was verified: whole, and as it was written."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self._path = path
        self.manifest = manifest

    def dump(self) -> Iterator[bytes]:
        """The saved database, in chunks."""
        with _members(self._path) as members:
            _, content = next(members)
            yield from iter(lambda: content.read(_CHUNK), b"")

    def files(self) -> Iterator[tuple[str, Description, IO[bytes]]]:
        """Key, description and content of every stored file; a content is read before the next one is asked for."""
        with _members(self._path) as members:
            for member, content in members:
                if member.name.startswith(_FILES):
                    yield member.name.removeprefix(_FILES), _described(member), content


def open_archive(path: Path) -> Archive:
    """Read a backup through once. Raises UnusableArchive."""
    try:
        manifest, end, checksum = _verified_parts(path)
    except (tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        raise UnusableArchive(f"{path} is not a backup, or is damaged: {error}") from error
    if _sha256(path, end) != checksum:
        raise UnusableArchive(f"{path} is damaged: its content is not what was written")
    return Archive(path, manifest)


def _verified_parts(path: Path) -> tuple[Manifest, int, str]:
    """The manifest, where the checksum begins, and what it says."""
    damaged = UnusableArchive(f"{path} is not a backup, or is damaged: parts are missing")
    files = size = 0
    manifest: Manifest | None = None
    with _members(path) as members:
        first = next(members, None)
        if first is None or first[0].name != _DUMP:
            raise damaged
        for member, content in members:
            if member.name == _CHECKSUM and manifest is not None:
                if (files, size) != (manifest.files, manifest.file_bytes):
                    raise damaged
                return manifest, member.offset, content.read(64).decode()
            if member.name == _MANIFEST:
                manifest = _manifest(path, content.read(_LARGEST_MANIFEST))
            else:
                _require_file(path, member)
                files, size = files + 1, size + member.size
    raise damaged


def _manifest(path: Path, content: bytes) -> Manifest:
    try:
        found = json.loads(content)
        if found["format"] != _FORMAT:
            raise UnusableArchive(
                f"{path} was made by a version that this one does not know: {found['version']}"
            )
        return Manifest.model_validate(found)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise UnusableArchive(f"{path} is damaged: its manifest can't be read") from error


def _require_file(path: Path, member: tarfile.TarInfo) -> None:
    try:
        if not member.name.startswith(_FILES):
            raise InvalidKey(member.name)
        checked_key(member.name.removeprefix(_FILES))
        _described(member)
    except (ValueError, KeyError) as error:
        raise UnusableArchive(f"{path} is not a backup: {member.name!r} is none of its parts") from error


def _described(member: tarfile.TarInfo) -> Description:
    return Description(
        member.size, member.pax_headers[_CONTENT_TYPE], json.loads(member.pax_headers[_METADATA])
    )


@contextmanager
def _members(path: Path) -> Iterator[Iterator[tuple[tarfile.TarInfo, IO[bytes]]]]:
    with tarfile.open(path, "r:") as tar:

        def each() -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
            while (member := tar.next()) is not None:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None:
                    raise tarfile.ReadError(f"{member.name!r} is no ordinary file")
                yield member, content
                _forget_members(tar)

        yield each()


def _forget_members(tar: Any) -> None:
    # It remembers every one, and there may be millions.
    tar.members.clear()


def _sha256(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (chunk := file.read(min(size, _CHUNK))):
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()


class _Hashing:
    """What a tar archive is written to, and what was written so far."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._target.write(data)
        self.digest.update(data)
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size
