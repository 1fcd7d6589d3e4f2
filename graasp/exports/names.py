"""Names of archive entries that every system can unpack."""

import re
from pathlib import PurePosixPath

from pathvalidate import sanitize_filename

_LONGEST_BYTES = 180

# Content types and the extensions that downloads carry; others have none.
_EXTENSIONS = {
    "application/json": "json",
    "application/msword": "doc",
    "application/octet-stream": "bin",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/zip": "zip",
    "audio/mp4": "m4a",
    "audio/mpeg": "mpga",
    "audio/wav": "wav",
    "image/gif": "gif",
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/webp": "webp",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "markdown",
    "text/plain": "txt",
    "video/mp4": "mp4",
    "video/ogg": "ogv",
    "video/quicktime": "qt",
    "video/webm": "webm",
}


def safe_name(name: str) -> str:
    """One path segment, safe on Windows and macOS too, Unicode kept; never empty."""
    cleaned = sanitize_filename(name, replacement_text="_", platform="universal", max_len=_LONGEST_BYTES)
    cleaned = re.sub(r"[. ]+$", "_", cleaned)
    while len(cleaned.encode()) > _LONGEST_BYTES:
        stem, dot, extension = cleaned.rpartition(".")
        cleaned = f"{stem[:-1]}{dot}{extension}" if stem else cleaned[:-1]
    return cleaned if cleaned.strip("._ ") else f"_{cleaned.strip('. ')}"


def with_extension(name: str, extension: str) -> str:
    """The name, ending with the extension."""
    return name if not extension or name.endswith(f".{extension}") else f"{name}.{extension}"


def file_extension(name: str, mimetype: str | None) -> str:
    """The name's own extension, else the one of the content type, else none."""
    own = PurePosixPath(name).suffix.removeprefix(".")
    return own or _EXTENSIONS.get(mimetype or "", "")


class UniqueNames:
    """Numbers names that were taken before, in one folder; systems that ignore case count as well."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        stem, dot, extension = name.rpartition(".") if "." in name[1:] else (name, "", "")
        candidate, number = name, 1
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{stem} ({number}){dot}{extension}"
        self._taken.add(candidate.casefold())
        return candidate
