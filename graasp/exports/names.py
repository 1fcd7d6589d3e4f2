"""Names of archive entries that every system can unpack."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import PurePosixPath

from pathvalidate import sanitize_filename

_LONGEST_BYTES = 180
_LONGEST_EXTENSION_BYTES = 20
# They show a name in another order than it has, `exe.txt` for one.
_REVERSING = re.compile("[\u202a-\u202e\u2066-\u2069]")

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
    """One path segment of at most 180 bytes, safe on Windows and macOS too, Unicode kept; never empty.

    What is too long loses the end of its stem: it keeps its extension.
    """
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > _LONGEST_EXTENSION_BYTES:
        stem, dot, extension = name, "", ""
    room = _LONGEST_BYTES - len(f"{dot}{extension}".encode())
    cut = f"{stem.encode()[:room].decode(errors='ignore')}{dot}{extension}"
    ended = re.sub(r"[. ]+$", "_", _REVERSING.sub("_", cut))
    cleaned = sanitize_filename(ended, replacement_text="_", platform="universal")
    return cleaned if cleaned.strip("._ ") else f"_{cleaned.strip('. ')}"


def with_extension(name: str, extension: str) -> str:
    """The name, ending with the extension."""
    return name if not extension or name.endswith(f".{extension}") else f"{name}.{extension}"


def file_extension(name: str, mimetype: str | None) -> str:
    """The name's own extension, else the one of the content type, else none."""
    own = PurePosixPath(name).suffix.removeprefix(".")
    return own or _EXTENSIONS.get(mimetype or "", "")


class UniqueNames:
    """Numbers names that were taken before, in one folder; systems that ignore case, or compose accents, count too."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str, *others: Callable[[str], str]) -> str:
        """The name, numbered until it is free, and so is what each of `others` makes of it; all are taken."""
        stem, dot, extension = name.rpartition(".") if "." in name[1:] else (name, "", "")
        candidate, number = name, 1
        while any(
            _compared(wanted) in self._taken for wanted in (candidate, *(o(candidate) for o in others))
        ):
            number += 1
            candidate = f"{stem} ({number}){dot}{extension}"
        self._taken.update(_compared(wanted) for wanted in (candidate, *(o(candidate) for o in others)))
        return candidate


def _compared(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
