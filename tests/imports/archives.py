"""Archives as people and attackers make them."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import orjson

Files = Mapping[str, bytes] | Sequence[tuple[str | zipfile.ZipInfo, bytes]]


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive; names that end in `/` are folders."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(name, content, None if isinstance(name, zipfile.ZipInfo) else method)
    return file.getvalue()


def element(kind: str = "folder", name: str = "item", **fields: Any) -> dict[str, Any]:
    """An element of a manifest."""
    extra = {"folder": {"folder": {}}, "document": {"document": {"content": "<p>x</p>"}}}.get(kind, {})
    return {"id": str(uuid4()), "name": name, "type": kind, "settings": {}, "extra": extra} | fields


def graasp_archive(manifest: Any, entries: Mapping[str, bytes] | None = None) -> bytes:
    return zipped({**(entries or {}), "graasp-manifest.json": orjson.dumps(manifest)})


def named_beside(written: bytes, beside: str, checksum_of: bytes | None = None) -> bytes:
    """An archive whose entry has a name of old, and one in UTF-8 beside it."""
    entry = zipfile.ZipInfo("x" * len(written))
    checksum = zlib.crc32(checksum_of or written)
    name = beside.encode()
    entry.extra = struct.pack("<HHHHBI", 1, 0, 0x7075, 5 + len(name), 1, checksum) + name
    return zipped([(entry, b"x")]).replace(entry.filename.encode(), written)
