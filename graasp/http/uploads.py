"""Multipart requests, read as they arrive: no file is ever held in memory as a whole."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, NamedTuple, cast
from urllib.parse import unquote

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from graasp.http.errors import (
    BadRequest,
    BodyTooLarge,
    NotMultipart,
    RequestFileTooLarge,
    UnsupportedMediaType,
)

# What the wire calls "not multipart"; every other type is an unsupported one.
_NOT_FORMS = ("", "application/json", "text/plain")
_PIECE = 1024 * 1024
_IN_MEMORY = 1024 * 1024
_LARGEST_FIELDS = 1024 * 1024
_MOST_PARTS = 1000
_EXTENDED_NAME = re.compile(rb"filename\*\s*=\s*\"?([\w-]+)'[^']*'([^;\"]+)", re.IGNORECASE)


class _Begin(NamedTuple):
    headers: dict[bytes, bytes]


class _End:
    """The end of a part."""


_Event = _Begin | _End | bytes


class Part:
    """One field or file of a form. Its bytes are read before the next part, or dropped."""

    def __init__(self, form: "Form", headers: dict[bytes, bytes]) -> None:
        disposition = headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition.decode("latin-1"))
        self.field = _decoded(options.get(b"name", b""))
        self.is_file = b"filename" in options or _EXTENDED_NAME.search(disposition) is not None
        self.file_name = _bare_name(_file_name(disposition, options))
        declared = headers.get(b"content-type", b"").decode("latin-1")
        self.content_type = declared.partition(";")[0].strip().lower()
        self._form = form

    async def chunks(self) -> AsyncIterator[bytes]:
        """The part's bytes, in pieces of about 1 MiB. Raises BadRequest when the form breaks off."""
        buffer = bytearray()
        while isinstance(event := await self._form.next_event(), bytes):
            buffer += event
            if len(buffer) >= _PIECE:
                yield bytes(buffer)
                buffer.clear()
        if buffer:
            yield bytes(buffer)

    async def value(self, most: int) -> bytes:
        """The whole part, when it has at most so many bytes. Raises BodyTooLarge."""
        value = b""
        async for chunk in self.chunks():
            value += chunk
            if len(value) > most:
                raise BodyTooLarge
        return value


class Form:
    """The parts of a multipart request, one after the other.

    Raises NotMultipart or UnsupportedMediaType when made from another request, BadRequest for a malformed one.
    """

    def __init__(self, request: Request) -> None:
        content_type = request.headers.get("content-type", "")
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            bare = content_type.partition(";")[0].strip().lower()
            raise NotMultipart if bare in _NOT_FORMS else UnsupportedMediaType(content_type)
        self._stream = request.stream()
        self._events: deque[_Event] = deque()
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._is_complete = False
        self._in_part = False
        self._parser = self._parser_of(options.get(b"boundary", b""))

    async def parts(self) -> AsyncGenerator[Part, None]:
        """Every part in turn; what was not read of one is dropped. Raises BadRequest."""
        for _ in range(_MOST_PARTS):
            event = await self.next_event()
            while self._in_part or (event is not None and not isinstance(event, _Begin)):
                event = await self.next_event()
            if event is None:
                return
            self._in_part = True
            yield Part(self, event.headers)
        raise BadRequest("body must NOT have more than 1000 parts")

    async def next_event(self) -> _Event | None:
        """What comes next in the form; nothing at its end."""
        while not self._events:
            if self._is_complete:
                return None
            chunk = await anext(self._stream, b"")
            if not chunk:
                raise BadRequest("body must be multipart/form-data")
            try:
                self._parser.write(chunk)
            except FormParserError:
                raise BadRequest("body must be multipart/form-data") from None
        event = self._events.popleft()
        if isinstance(event, _End):
            self._in_part = False
        return event

    def _parser_of(self, boundary: bytes) -> MultipartParser:
        if not boundary:
            raise BadRequest("body must be multipart/form-data")
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": lambda: self._events.append(_Begin(self._headers)),
                    "on_part_data": lambda data, start, end: self._events.append(data[start:end]),
                    "on_part_end": lambda: self._events.append(_End()),
                    "on_end": self._on_end,
                },
            )
        except FormParserError:
            raise BadRequest("body must be multipart/form-data") from None

    def _on_part_begin(self) -> None:
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_end(self) -> None:
        self._is_complete = True


@dataclass(frozen=True)
class UploadedFile:
    """A received file: its name without folders, the declared content type (lower case, no parameters), its bytes."""

    name: str
    content_type: str
    size: int
    file: BinaryIO


class SingleFile(NamedTuple):
    """The first file of a form, when there is one, and the form's text fields."""

    file: UploadedFile | None
    fields: dict[str, str]


@asynccontextmanager
async def received_file(
    request: Request, *, max_bytes: int, accept: Callable[[Part], None] | None = None
) -> AsyncIterator[SingleFile]:
    """The first file part, whatever its field is called, on disk when it is large, until the block ends.

    `accept` may refuse it, by raising, before any of it is read.

    Text fields may come before or after it; further files are dropped. Raises RequestFileTooLarge as soon as the
    file is, BodyTooLarge for fields above 1 MiB, and what `Form` raises.
    """
    fields: dict[str, str] = {}
    spared = _LARGEST_FIELDS
    with SpooledTemporaryFile(_IN_MEMORY) as opened:
        file = cast("BinaryIO", opened)
        uploaded = None
        async with aclosing(Form(request).parts()) as parts:
            async for part in parts:
                if part.is_file:
                    if uploaded is None:
                        if accept:
                            accept(part)
                        size = await _save(part, file, max_bytes)
                        uploaded = UploadedFile(part.file_name, part.content_type, size, file)
                    continue
                value = await part.value(spared)
                spared -= len(value)
                fields.setdefault(part.field, value.decode(errors="replace"))
        yield SingleFile(uploaded, fields)


async def _save(part: Part, file: BinaryIO, max_bytes: int) -> int:
    size = 0
    async for chunk in part.chunks():
        size += len(chunk)
        if size > max_bytes:
            raise RequestFileTooLarge
        await asyncio.to_thread(file.write, chunk)
    await asyncio.to_thread(file.seek, 0)
    return size


def _file_name(disposition: bytes, options: dict[bytes, bytes]) -> str:
    extended = _EXTENDED_NAME.search(disposition)
    if extended:
        charset = "latin-1" if extended[1].lower() == b"iso-8859-1" else "utf-8"
        return unquote(extended[2].decode("latin-1").strip(), charset)
    return _decoded(options.get(b"filename", b""))


def _bare_name(name: str) -> str:
    """Without folders of any system, and without what no database stores; never empty."""
    bare = name.replace("\\", "/").rpartition("/")[2].replace("\0", "")
    return bare if bare.strip(". ") else "file"


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
