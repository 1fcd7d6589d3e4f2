"""Zip archives of strangers: looked over before anything of them is read, and read in pieces of bounded size.

Nothing is ever unpacked into a folder.
"""

import asyncio
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import BinaryIO, NamedTuple, cast

_PIECE = 256 * 1024
# Of the archive's own table of contents, which is read as a whole.
_LARGEST_CONTENTS = 16 * 1024 * 1024
_MOST_LEVELS = 100
# Text shrinks tenfold, blank pictures a hundredfold; few archives hold nothing else.
_HIGHEST_RATIO = 250
_HIGHEST_RATIO_OF_ALL = 100
_SMALL = 10 * 1024 * 1024
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_IS_UTF_8 = 0x800
# What Windows writes in Western Europe; it has letters where the format's own has frames.
_OLD_CHARACTER_SET = "cp850"
_FIELD = struct.Struct("<HH")
_UNICODE_PATH = 0x7075
# Those in texts count as well: who writes prose uses few.
_BEFORE_VALUES = (b",", b"[", b"{")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SPECIAL = (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)
_DRIVE = re.compile(r"[A-Za-z]:/")
# What some systems leave beside the files themselves.
_LITTER = "__MACOSX"
_LOCAL_HEADER_BYTES = 30
_BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    EOFError,
    OverflowError,
    RuntimeError,
    ValueError,
    OSError,
)


class UnsafeArchive(Exception):
    """No archive, a broken one, or one that would do harm; the message says why."""


@dataclass(frozen=True)
class ArchiveLimits:
    """Of what is in an archive: how many files and folders, and how many bytes once unpacked."""

    entries: int
    unpacked_bytes: int


class ArchiveEntry(NamedTuple):
    """A file of an archive, or a folder: the parts of its path, none of which climbs."""

    parts: tuple[str, ...]
    size: int
    is_folder: bool
    source: zipfile.ZipInfo

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def folder(self) -> tuple[str, ...]:
        """The folder it lies in, or is."""
        return self.parts if self.is_folder else self.parts[:-1]


class Archive:
    """An archive that was looked over. Several entries may be read at once."""

    def __init__(self, opened: zipfile.ZipFile, entries: Sequence[ArchiveEntry]) -> None:
        self.entries = entries
        self._opened = opened

    async def chunks(self, entry: ArchiveEntry) -> AsyncGenerator[bytes, None]:
        """The bytes of an entry. Raises UnsafeArchive when they are not what the archive says."""
        try:
            file = await asyncio.to_thread(self._opened.open, entry.source)
            with file:
                while piece := await asyncio.to_thread(file.read, _PIECE):
                    yield piece
        except _BROKEN as error:
            raise UnsafeArchive(f"{'/'.join(entry.parts)!r} can't be read") from error

    async def read(self, entry: ArchiveEntry, *, at_most: int) -> bytes:
        """A whole entry. Raises UnsafeArchive when it is larger than `at_most` bytes, or broken."""
        if entry.size > at_most:
            raise UnsafeArchive(f"{'/'.join(entry.parts)!r} is too large")
        async with aclosing(self.chunks(entry)) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def read_json(self, entry: ArchiveEntry, *, at_most: int, most_values: int) -> bytes:
        """As `read`, the text of JSON that tells of no more than so many values.

        Parsed, a value takes up to a thousand bytes, however short it is written.
        """
        written = await self.read(entry, at_most=at_most)
        if sum(written.count(sign) for sign in _BEFORE_VALUES) > most_values:
            raise UnsafeArchive(f"{'/'.join(entry.parts)!r} holds too much")
        return written


@asynccontextmanager
async def open_archive(file: BinaryIO, limits: ArchiveLimits) -> AsyncIterator[Archive]:
    """An archive in a file, until the block ends. Raises UnsafeArchive."""
    opened, entries = await asyncio.to_thread(_look_over, file, limits)
    with opened:
        yield Archive(opened, entries)


def _look_over(file: BinaryIO, limits: ArchiveLimits) -> tuple[zipfile.ZipFile, Sequence[ArchiveEntry]]:
    try:
        opened = zipfile.ZipFile(cast("BinaryIO", _BoundedReads(file)))
    except _BROKEN as error:
        raise UnsafeArchive("it is no zip archive, or a broken one") from error
    infos = opened.infolist()
    if len(infos) > limits.entries:
        raise UnsafeArchive(f"it has more than {limits.entries} entries")
    _check_extent(infos, opened.start_dir)
    unpacked = sum(info.file_size for info in infos)
    if unpacked > limits.unpacked_bytes:
        raise UnsafeArchive(f"it unpacks to more than {limits.unpacked_bytes} bytes")
    if unpacked > 10 * _SMALL and unpacked > _HIGHEST_RATIO_OF_ALL * opened.start_dir:
        raise UnsafeArchive("it unpacks to suspiciously much")
    entries = [_entry(info) for info in infos]
    entries = [entry for entry in entries if entry.parts and entry.parts[0] != _LITTER]
    _check_names(entries, limits.entries)
    return opened, entries


def _check_extent(infos: Sequence[zipfile.ZipInfo], end: int) -> None:
    """Entries that share their bytes unpack to much more than there is."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    beginnings = [info.header_offset for info in ordered] + [end]
    for info, next_one in zip(ordered, beginnings[1:], strict=True):
        if info.header_offset < 0:
            raise UnsafeArchive("its beginning is missing")
        if info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size > next_one:
            raise UnsafeArchive("its entries overlap")


def _entry(info: zipfile.ZipInfo) -> ArchiveEntry:
    shown = repr(info.filename[:200])
    if info.flag_bits & _ENCRYPTED:
        raise UnsafeArchive("it is encrypted")
    if info.compress_type not in _METHODS:
        raise UnsafeArchive(f"{shown} is compressed in an unknown way")
    if stat.S_IFMT(info.external_attr >> 16) in _SPECIAL:
        raise UnsafeArchive(f"{shown} is a link or a device")
    if info.file_size > _SMALL and info.file_size > _HIGHEST_RATIO * max(1, info.compress_size):
        raise UnsafeArchive(f"{shown} unpacks to suspiciously much")
    return ArchiveEntry(_parts(info), info.file_size, info.filename.endswith(("/", "\\")), info)


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    name = _decoded(info)
    if "\0" in info.orig_filename or "\0" in name:
        raise UnsafeArchive("a name has the NUL character")
    path = name.replace("\\", "/")
    if path.startswith("/") or _DRIVE.match(path):
        raise UnsafeArchive(f"{name[:200]!r} is an absolute path")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise UnsafeArchive(f"{name[:200]!r} leads out of the archive")
    if len(parts) > _MOST_LEVELS:
        raise UnsafeArchive("its folders are nested too deep")
    return parts


def _decoded(info: zipfile.ZipInfo) -> str:
    """Many systems write UTF-8 without saying so, or beside a name of old; what it can't be is such a name."""
    if info.flag_bits & _IS_UTF_8:
        return info.filename
    written = info.filename.encode("cp437")
    try:
        return (_name_beside(info, written) or written).decode()
    except UnicodeError:
        return written.decode(_OLD_CHARACTER_SET)


def _name_beside(info: zipfile.ZipInfo, written: bytes) -> bytes | None:
    """The name in UTF-8 that some programs add to the one in the character set of their system."""
    rest = info.extra
    while len(rest) >= _FIELD.size:
        tag, size = _FIELD.unpack_from(rest)
        field, rest = rest[_FIELD.size : _FIELD.size + size], rest[_FIELD.size + size :]
        # Not of a name that was changed since by a program that does not know the field.
        if tag == _UNICODE_PATH and field[1:5] == zlib.crc32(written).to_bytes(4, "little"):
            return field[5:]
    return None


def _check_names(entries: Sequence[ArchiveEntry], most: int) -> None:
    """No two of a name; and no more than so many files and folders, of which many need no entry of their own."""
    number = 0
    before: ArchiveEntry | None = None
    # What lies in something comes directly behind it.
    for entry in sorted(entries, key=lambda entry: (entry.parts, entry.is_folder)):
        if before and not before.is_folder and entry.parts[: len(before.parts)] == before.parts:
            shown = repr("/".join(before.parts)[:200])
            if entry.parts == before.parts and not entry.is_folder:
                raise UnsafeArchive(f"there are two of {shown}")
            raise UnsafeArchive(f"{shown} is both a file and a folder")
        known = before.folder if before else ()
        number += len(entry.folder) - _alike(known, entry.folder) + (not entry.is_folder)
        if number > most:
            raise UnsafeArchive(f"it has more than {most} files and folders")
        before = entry


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many parts two paths begin with alike."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


class _BoundedReads(io.RawIOBase):
    """A file of which nothing is read in large pieces, whatever it says of itself."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            size = _LARGEST_CONTENTS + 1
        if size > _LARGEST_CONTENTS + 1:
            raise zipfile.BadZipFile("the table of contents is too large")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
