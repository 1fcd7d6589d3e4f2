"""Runs the renderer: a process per picture, a few at a time."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Literal

import structlog

from graasp.thumbnails import renderer
from graasp.thumbnails.errors import FileIsNotImage

log = structlog.get_logger(__name__)

Kind = Literal["image", "pdf", "video"]

_TIMEOUT_S = 60.0


@asynccontextmanager
async def rendered(kind: Kind, file: BinaryIO, slots: asyncio.Semaphore) -> AsyncIterator[dict[str, Path]]:
    """The WebP files by size (small, medium, large, original), until the block ends. Raises FileIsNotImage."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="graasp-thumbnails-"))
    try:
        source = folder / "source"
        await asyncio.to_thread(_copy, file, source)
        async with slots:
            await _run(kind, source, folder)
        yield {size: folder / size for size in renderer.SIZES}
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


async def _run(kind: Kind, source: Path, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        # Isolated: it sees neither this process's environment nor the current folder.
        *(sys.executable, "-I", renderer.__file__, kind, source, folder),
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
        log.info("no thumbnail", kind=kind, exit_status=process.returncode, reason=reason)
        raise FileIsNotImage


def _copy(file: BinaryIO, target: Path) -> None:
    file.seek(0)
    with target.open("wb") as copy:
        shutil.copyfileobj(file, copy, 1024 * 1024)
