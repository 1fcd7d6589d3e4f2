"""Real workers, and what tests wait for."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import psutil
from sqlalchemy import select

from graasp.db.database import Row
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings

_PATIENCE_S = 40.0


@contextmanager
def working(
    settings: Settings, *options: str, output: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker that knows the jobs of the tests, with one process for heavy jobs and one for short ones.

    What it logs goes to `output`. At the end it is killed: how it stops is for the tests that ask it to.
    """
    command = [
        sys.executable,
        *("-m", "worker", "--processes", "1", "--handlers", "tests.worker.sample_jobs"),
        *options,
    ]
    process = subprocess.Popen(command, env={**os.environ, **environment(settings)}, stdout=output)
    try:
        yield process
    finally:
        if process.poll() is None:
            kill_everything(process)


def environment(settings: Settings) -> dict[str, str]:
    """The variables that make these settings."""
    return {name.upper(): _text(value) for name, value in settings.model_dump().items() if value is not None}


def _text(value: Any) -> str:
    if hasattr(value, "get_secret_value"):
        return str(value.get_secret_value())
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def work_processes(worker: subprocess.Popen[bytes], kind: str) -> list[psutil.Process]:
    """The worker's processes of a kind, without those that they fork."""
    return [p for p in psutil.Process(worker.pid).children() if kind in p.cmdline()]


def forked_process(worker: subprocess.Popen[bytes]) -> psutil.Process:
    """The process that runs a heavy job now."""
    [heavy] = work_processes(worker, "heavy")
    [child] = heavy.children()
    return child


def kill_everything(worker: subprocess.Popen[bytes]) -> None:
    """`kill -9` of the worker and of everything below it, at once."""
    everything = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
    for act in (psutil.Process.suspend, psutil.Process.kill):
        for process in everything:
            with suppress(psutil.NoSuchProcess):
                act(process)
    worker.wait(10)


async def enqueue(platform: Platform, spec: Any, payload: Any) -> UUID:
    async with platform.unit_of_work() as uow:
        return await uow.enqueue(spec, payload)


async def row_of(platform: Platform, job_id: UUID) -> Row:
    row = await platform.reads.first(select(job).where(job.c.id == job_id))
    assert row is not None
    return row


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.05)


async def until_state(platform: Platform, job_id: UUID, state: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while (row := await row_of(platform, job_id))["state"] != state:
        assert time.monotonic() < deadline, dict(row)
        await asyncio.sleep(0.05)


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []
