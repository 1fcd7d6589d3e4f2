"""No accepted job is lost, and none has its effect twice: real workers, really killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from sqlalchemy import select

from graasp.embedded.redis_server import embedded_redis
from graasp.jobs.control import cancel_job
from graasp.jobs.tables import job
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from tests.worker.sample_jobs import HEAVY_NOTE, ONE_NOTE, SHORT_NOTE, Note

_FAST = {
    "job_heartbeat_seconds": 0.3,
    "job_stale_after_seconds": 2,
    "job_poll_seconds": 0.1,
    "worker_grace_seconds": 1,
}


@pytest.fixture
def fast_settings(make_settings: Callable[..., Settings]) -> Settings:
    """A worker that notices within seconds what takes a minute in an installation."""
    return make_settings(**_FAST)


@pytest.fixture
async def fast_platform(fast_settings: Settings, clean_services: None) -> AsyncIterator[Platform]:
    async with open_platform(fast_settings) as opened:
        yield opened


@contextmanager
def working(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker with one process for heavy jobs and one for short ones."""
    environment = {
        name.upper(): _text(value) for name, value in settings.model_dump().items() if value is not None
    }
    command = [sys.executable, "-m", "worker", "--processes", "1", "--handlers", "tests.worker.sample_jobs"]
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def _text(value: Any) -> str:
    if hasattr(value, "get_secret_value"):
        return str(value.get_secret_value())
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _enqueue(platform: Platform, spec: Any, note: Note) -> UUID:
    async with platform.unit_of_work() as uow:
        return await uow.enqueue(spec, note)


async def _until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


async def _state(platform: Platform, job_id: UUID) -> str:
    return str(await platform.reads.scalar(select(job.c.state).where(job.c.id == job_id)))


async def _until_state(platform: Platform, job_id: UUID, state: str, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while await _state(platform, job_id) != state:
        assert time.monotonic() < deadline, await _state(platform, job_id)
        await asyncio.sleep(0.05)


def _lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


async def test_killed_work_processes_and_workers_lose_nothing_and_double_nothing(
    fast_platform: Platform, fast_settings: Settings, tmp_path: Path
) -> None:
    note = Note(file=tmp_path / "note", hang_until=2)
    started = tmp_path / "note.started"
    with working(fast_settings) as worker:
        job_id = await _enqueue(fast_platform, HEAVY_NOTE, note)
        await _until(lambda: len(_lines(started)) == 1)
        # The forked process alone.
        deepest = max(psutil.Process(worker.pid).children(recursive=True), key=lambda p: len(p.parents()))
        deepest.kill()
        await _until(lambda: len(_lines(started)) == 2)
        # The whole worker, with everything below it.
        for process in [*psutil.Process(worker.pid).children(recursive=True), worker]:
            process.kill()
        worker.wait(10)
    with working(fast_settings):
        await _until_state(fast_platform, job_id, "succeeded")
    assert _lines(tmp_path / "note") == ["done"]


async def test_a_stopping_worker_hands_its_job_back_without_counting_a_failure(
    fast_platform: Platform, fast_settings: Settings, tmp_path: Path
) -> None:
    note = Note(file=tmp_path / "note", hang_until=1)
    with working(fast_settings) as worker:
        job_id = await _enqueue(fast_platform, HEAVY_NOTE, note)
        await _until(lambda: len(_lines(tmp_path / "note.started")) == 1)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    row = await fast_platform.reads.first(select(job.c.state, job.c.failures).where(job.c.id == job_id))
    assert row is not None
    assert (row["state"], row["failures"]) == ("queued", 0)
    with working(fast_settings):
        await _until_state(fast_platform, job_id, "succeeded")
    assert _lines(tmp_path / "note") == ["done"]


async def test_redis_may_be_away_and_come_back_empty(
    make_settings: Callable[..., Settings], clean_services: None, tmp_path: Path
) -> None:
    data = tmp_path / "redis"
    with embedded_redis(data) as url:
        settings = make_settings(redis_connection=url, **_FAST)
    async with open_platform(settings) as platform:
        # Accepted while Redis is down.
        job_id = await _enqueue(platform, SHORT_NOTE, Note(file=tmp_path / "note"))
        assert await _state(platform, job_id) == "queued"
        with embedded_redis(data) as url:
            settings = settings.model_copy(update={"redis_connection": url})
            async with open_platform(settings) as again:
                await again.jobs.relay()
                await again.redis.flushall()
            with working(settings):
                await _until_state(platform, job_id, "succeeded")
        assert _lines(tmp_path / "note") == ["done"]


async def test_a_failing_job_is_repeated_and_a_cancelled_one_ends(
    fast_platform: Platform, fast_settings: Settings, tmp_path: Path
) -> None:
    with working(fast_settings):
        repeated = await _enqueue(fast_platform, SHORT_NOTE, Note(file=tmp_path / "a", fail_in=(1, 2)))
        hopeless = await _enqueue(
            fast_platform, SHORT_NOTE, Note(file=tmp_path / "b", fail_in=(1,), permanent=True)
        )
        hanging = await _enqueue(fast_platform, HEAVY_NOTE, Note(file=tmp_path / "c", hang_until=9))
        await _until_state(fast_platform, repeated, "succeeded")
        await _until_state(fast_platform, hopeless, "failed")
        await _until(lambda: len(_lines(tmp_path / "c.started")) == 1)
        assert await cancel_job(fast_settings, hanging)
        await _until_state(fast_platform, hanging, "cancelled")
    assert _lines(tmp_path / "a.started") == ["1", "2", "3"]
    assert (_lines(tmp_path / "a"), _lines(tmp_path / "b"), _lines(tmp_path / "c")) == (["done"], [], [])


async def test_a_second_request_joins_the_live_job(fast_platform: Platform, tmp_path: Path) -> None:
    first = await _enqueue(fast_platform, ONE_NOTE, Note(file=tmp_path / "note", text="same"))
    second = await _enqueue(fast_platform, ONE_NOTE, Note(file=tmp_path / "note", text="same"))
    other = await _enqueue(fast_platform, ONE_NOTE, Note(file=tmp_path / "note", text="other"))
    assert first == second != other
