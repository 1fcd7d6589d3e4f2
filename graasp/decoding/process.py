"""Runs the decoding program: a process per file, a few at a time."""

import asyncio
import io
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import orjson
import structlog

from graasp.decoding import program
from graasp.html.heads import Head

log = structlog.get_logger(__name__)

PictureKind = Literal["image", "pdf", "video"]
HtmlKind = Literal["html", "page", "head"]
Kind = PictureKind | Literal["pdf-text"] | HtmlKind

_TIMEOUT_S = 60.0
_AT_ONCE = 2
# Up to this a parser takes a tenth of a second at worst, much less as a rule, and a process as long. Characters times
# tags and entities: what an unclosed tag costs is paid again by those that follow, and of an entity by all text before.
_HARMLESS_HTML = 5_000_000
# Of what may be one tag: its attributes are compared with each other.
_HARMLESS_TAG = 30_000


class CannotDecode(Exception):
    """The file is none of its kind, broken, or a decoder gave up on it."""


class TooMuchWork(CannotDecode):
    """More than allowed, but perhaps not broken."""


class Bounds(NamedTuple):
    """What may be spent on a file while somebody waits: pixels to decode, and seconds, those until its turn included."""

    pixels: int
    seconds: float | None = None


_WIDEST = Bounds(100_000_000)


class Decoder:
    """Decodes files that nobody trusts."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)
        # Somebody who saves a text does not wait for what others upload.
        self._html_slots = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def pictures(
        self, kind: PictureKind, file: BinaryIO, bounds: Bounds = _WIDEST
    ) -> AsyncIterator[dict[str, Path]]:
        """WebP files by size (small, medium, large, original), until the block ends.

        Raises CannotDecode, TooMuchWork.
        """
        async with self._decoded(kind, file, self._slots, bounds) as folder:
            yield {size: folder / size for size in program.SIZES}

    async def pdf_text(self, file: BinaryIO, bounds: Bounds = _WIDEST) -> str:
        """The text of the first ten pages, in one line. Raises CannotDecode, TooMuchWork."""
        async with self._decoded("pdf-text", file, self._slots, bounds) as folder:
            return await asyncio.to_thread((folder / program.TEXT).read_text, encoding="utf-8")

    async def safe_html(self, html: str) -> str:
        """As `graasp.html.sanitize`, of any length. Raises CannotDecode for what can't be cleaned in time."""
        return await self._parsed("html", html)

    async def safe_page(self, html: str) -> str:
        """As `graasp.html.pages.safe_page`, of any length. Raises CannotDecode for what can't be cleaned in time."""
        return await self._parsed("page", html)

    async def head(self, html: str) -> Head:
        """As `graasp.html.heads.read_head`, of any length. Raises CannotDecode for what can't be read in time."""
        return Head(**orjson.loads(await self._parsed("head", html)))

    async def _parsed(self, kind: HtmlKind, html: str) -> str:
        if _is_harmless(html):
            try:
                return program.parse_html(kind, html)
            except program.Refused as refusal:
                raise CannotDecode from refusal
        slots = self._slots if kind == "page" else self._html_slots
        async with self._decoded(kind, io.BytesIO(html.encode()), slots) as folder:
            return (await asyncio.to_thread((folder / program.TEXT).read_bytes)).decode()

    @asynccontextmanager
    async def _decoded(
        self, kind: Kind, file: BinaryIO, slots: asyncio.Semaphore, bounds: Bounds = _WIDEST
    ) -> AsyncIterator[Path]:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="graasp-decoding-"))
        try:
            source = folder / "source"
            await asyncio.to_thread(_copy, file, source)
            try:
                async with asyncio.timeout(bounds.seconds), slots:
                    await _run(kind, source, folder, bounds.pixels)
            except TimeoutError:
                raise TooMuchWork from None
            yield folder
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


def _is_harmless(html: str) -> bool:
    """Whether HTML can be parsed while everybody waits."""
    marks = html.count("<") + html.count("&")
    return len(html) * marks <= _HARMLESS_HTML and max(map(len, html.split("<"))) <= _HARMLESS_TAG


async def _run(kind: Kind, source: Path, folder: Path, most_pixels: int) -> None:
    process = await asyncio.create_subprocess_exec(
        # Isolated: it sees neither this process's environment nor the current folder.
        *(sys.executable, "-I", "-m", program.__name__, kind, source, folder, str(most_pixels)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"VIPS_CONCURRENCY": "1", "TMPDIR": str(folder), "PATH": os.defpath},
        cwd=folder,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), _TIMEOUT_S)
    except TimeoutError:
        said = b"timeout"
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    if process.returncode:
        reason = said.decode(errors="replace").strip()[-500:]
        log.info("not decoded", kind=kind, exit_status=process.returncode, reason=reason)
        raise TooMuchWork if process.returncode == program.TOO_MANY_PIXELS else CannotDecode


def _copy(file: BinaryIO, target: Path) -> None:
    file.seek(0)
    with target.open("wb") as copy:
        shutil.copyfileobj(file, copy, 1024 * 1024)
