"""What every storage does."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import ClassVar, NamedTuple, Protocol

from graasp.http.errors import DomainError


class StoredFileNotFound(Exception):
    """There is no object under this key."""


class StorageRefused(Exception):
    """The storage could not do what it was told; the same may succeed later."""


class InvalidKey(ValueError):
    """A key no storage accepts: empty, absolute, climbing, or with characters that are none of names."""


class Stored(NamedTuple):
    """What is known of an object: its size in bytes, what `put` was told of it, a tag of its content, and when it was
    stored, to the second.
    """

    size: int
    content_type: str
    metadata: Mapping[str, str]
    etag: str
    modified_at: datetime


class FileStorage(Protocol):
    """Objects by key. Everything streams: no object is ever held in memory as a whole."""

    not_found: ClassVar[type[DomainError]]
    """What clients are told when an object is missing; its data is `{"filepath": key}`."""

    async def put(
        self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, metadata: Mapping[str, str]
    ) -> int:
        """Store a stream; the number of bytes. Nothing is left behind when the stream or the storage fails."""
        ...

    async def size(self, key: str) -> int | None:
        """The size in bytes; nothing when there is no such object."""
        ...

    async def describe(self, key: str) -> Stored | None:
        """What is known of the object; nothing when there is no such object."""
        ...

    def open(self, key: str, part: range | None = None) -> AsyncIterator[bytes]:
        """The object's bytes, or those at the offsets of a part that lies within it. Raises StoredFileNotFound."""
        ...

    async def copy(self, source: str, target: str, *, metadata: Mapping[str, str]) -> None:
        """Copy an object with its content type. Raises StoredFileNotFound."""
        ...

    async def delete(self, *keys: str) -> None:
        """Delete objects; those that are not there are no error. Raises StorageRefused."""
        ...

    async def delete_folder(self, prefix: str) -> None:
        """Delete every object whose key begins with `prefix/`."""
        ...

    def list(self, prefix: str = "") -> AsyncIterator[str]:
        """The keys that begin with `prefix/`; every key without one."""
        ...

    def list_older(self, prefix: str, before: datetime) -> AsyncIterator[str]:
        """As `list`, of what was stored before a moment."""
        ...

    async def drop_unfinished(self, prefix: str, before: datetime) -> int:
        """Remove what uploads that began before a moment, and never ended, have left; how many there were."""
        ...

    async def url(self, key: str, *, expires: timedelta, download_name: str | None = None) -> str:
        """A link that serves the object until it expires; with a name, browsers save it under that name."""
        ...


# Of one part: with the ending of its details still a file name.
_LONGEST_PART_BYTES = 250
_LONGEST_KEY_BYTES = 900


def checked_key(key: str) -> str:
    """The key itself. Raises InvalidKey for one that could reach outside the storage."""
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or len(key.encode()) > _LONGEST_KEY_BYTES:
        raise InvalidKey(key)
    if any(part in (".", "..") or len(part.encode()) > _LONGEST_PART_BYTES for part in key.split("/")):
        raise InvalidKey(key)
    if any(ord(character) < 32 or character in "\\\x7f" for character in key):
        raise InvalidKey(key)
    return key
