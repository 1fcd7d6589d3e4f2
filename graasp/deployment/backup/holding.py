"""Content that is held until it is known to be whole."""

from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, cast

_IN_MEMORY_BYTES = 1024 * 1024


def held_content(folder: Path | None) -> IO[bytes]:
    """An empty file to write to and read from: in memory while it is small, then in the folder, until it is closed."""
    where = None if folder is None else str(folder)
    return cast(IO[bytes], SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=where))
