"""A stored object as an answer, or the part of it that was asked for: players of films jump."""

import re
from email.utils import format_datetime
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from graasp.storage.protocol import FileStorage, StoredFileNotFound

_ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)


class _BehindTheEnd(Exception):
    """There are no bytes where the range begins."""


async def stored_response(
    storage: FileStorage, key: str, asked: Headers, *, content_type: str, headers: dict[str, str]
) -> Response:
    """The object's bytes: all of them, or the one range that the request's headers ask for.

    Raises StoredFileNotFound, InvalidKey.
    """
    stored = await storage.describe(key)
    if stored is None:
        raise StoredFileNotFound(key)
    etag, modified = f'"{stored.etag}"', format_datetime(stored.modified_at, usegmt=True)
    headers = headers | {"Accept-Ranges": "bytes", "ETag": etag, "Last-Modified": modified}
    part = None
    # Parts of what has changed since do not fit those that the client has.
    if asked.get("if-range") in (None, etag, modified):
        try:
            part = _part(asked.get("range", ""), stored.size)
        except _BehindTheEnd:
            headers["Content-Range"] = f"bytes */{stored.size}"
            return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    status = HTTPStatus.OK
    if part:
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{stored.size}"
    headers["Content-Length"] = str(len(part) if part else stored.size)
    return StreamingResponse(
        storage.open(key, part), status_code=status, media_type=content_type, headers=headers
    )


def _part(wanted: str, size: int) -> range | None:
    """The offsets of a range; nothing, hence the whole, for several of them and for what is none."""
    found = _ONE_RANGE.fullmatch(wanted)
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    start = int(first) if first else max(size - int(last), 0)
    stop = int(last) + 1 if first and last else size
    if start >= size:
        raise _BehindTheEnd
    return range(start, min(stop, size)) if start < stop else None
