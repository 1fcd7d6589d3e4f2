"""No accepted job is lost, and none has its effect twice: real workers, really killed."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import func, select

from graasp.actions.tables import action
from graasp.db.database import DatabaseUnavailable
from graasp.embedded.redis_server import EmbeddedRedis, run_redis
from graasp.jobs.tables import job
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from tests.worker.sample_jobs import HEAVY_NOTE, SHORT_NOTE, SINGLE_NOTE, Note
from tests.worker.workers import (
    enqueue,
    forked_process,
    kill_everything,
    lines,
    row_of,
    until,
    until_state,
    work_processes,
    working,
)


async def _stored(platform: Platform) -> int:
    return int(await platform.reads.scalar(select(func.count()).select_from(action)))


async def test_a_killed_process_and_a_killed_worker_lose_nothing_and_double_nothing(
    fast_platform: Platform, fast_settings: Settings, tmp_path: Path
) -> None:
    note, started = Note(file=tmp_path / "note", hang_until=2), tmp_path / "note.started"
    with working(fast_settings) as worker:
        job_id = await enqueue(fast_platform, HEAVY_NOTE, note)
        await until(lambda: len(lines(started)) == 1)
        forked_process(worker).kill()
        await until(lambda: len(lines(started)) == 2)
        kill_everything(worker)
    with working(fast_settings):
        await until_state(fast_platform, job_id, "succeeded")
    assert lines(tmp_path / "note") == ["done"]
    assert lines(tmp_path / "note.failed") == []
    assert await _stored(fast_platform) == 1


async def test_a_job_that_is_tried_only_once_survives_the_death_of_its_process(
    fast_platform: Platform, fast_settings: Settings, tmp_path: Path
) -> None:
    note = Note(file=tmp_path / "note", hang_until=1)
    with working(fast_settings) as worker:
        job_id = await enqueue(fast_platform, SINGLE_NOTE, note)
        await until(lambda: len(lines(tmp_path / "note.started")) == 1)
        # Only the parent: what it forked is told, and hands its job back.
        [heavy] = work_processes(worker, "heavy")
        heavy.kill()
        await until_state(fast_platform, job_id, "succeeded")
    assert lines(tmp_path / "note") == ["done"]
    assert lines(tmp_path / "note.failed") == []


async def test_a_job_that_kills_every_process_fails_in_the_end_and_its_owner_is_told(
    fast_platform: Platform, fast_settings: Settings, tmp_path: Path
) -> None:
    with working(fast_settings) as worker:
        job_id = await enqueue(fast_platform, SINGLE_NOTE, Note(file=tmp_path / "note", hang_until=99))
        for deaths in (1, 2, 3):
            await until(lambda deaths=deaths: len(lines(tmp_path / "note.started")) == deaths)
            forked_process(worker).kill()
        await until_state(fast_platform, job_id, "failed")
    assert lines(tmp_path / "note.failed") == ["PermanentError"]


async def test_an_orphan_that_goes_on_can_not_publish(
    fast_platform: Platform, fast_settings: Settings, tmp_path: Path
) -> None:
    with working(fast_settings) as first:
        job_id = await enqueue(fast_platform, HEAVY_NOTE, Note(file=tmp_path / "note", seconds=1))
        await until(lambda: len(lines(tmp_path / "note.started")) == 1)
        orphan = forked_process(first)
        orphan.suspend()
        with working(fast_settings):
            await until_state(fast_platform, job_id, "succeeded")
            orphan.resume()
            await until(lambda: not orphan.is_running())
    assert lines(tmp_path / "note.started") == ["1", "3"]
    assert lines(tmp_path / "note") == ["done"]
    assert await _stored(fast_platform) == 1
    assert (await row_of(fast_platform, job_id))["state"] == "succeeded"


async def test_a_stopping_worker_hands_its_job_back_without_counting_a_failure(
    fast_platform: Platform, fast_settings: Settings, tmp_path: Path
) -> None:
    notes = {spec: Note(file=tmp_path / spec.name, hang_until=1) for spec in (HEAVY_NOTE, SHORT_NOTE)}
    with working(fast_settings) as worker:
        ids = [await enqueue(fast_platform, spec, note) for spec, note in notes.items()]
        for note in notes.values():
            await until(lambda note=note: len(lines(note.file.with_suffix(".started"))) == 1)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    for job_id in ids:
        row = await row_of(fast_platform, job_id)
        assert (row["state"], row["failures"], row["attempt"]) == ("queued", 0, 1)
    with working(fast_settings, "--burst") as worker:
        assert worker.wait(40) == 0
    for job_id, note in zip(ids, notes.values(), strict=True):
        assert (await row_of(fast_platform, job_id))["state"] == "succeeded"
        assert lines(note.file) == ["done"]


async def test_a_job_that_ends_within_the_grace_is_not_handed_back(
    fast_platform: Platform, make_fast_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    with working(make_fast_settings(worker_grace_seconds=20)) as worker:
        job_id = await enqueue(fast_platform, HEAVY_NOTE, Note(file=tmp_path / "note", seconds=1.5))
        await until(lambda: len(lines(tmp_path / "note.started")) == 1)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    assert (await row_of(fast_platform, job_id))["state"] == "succeeded"


async def test_workers_stopped_and_killed_again_and_again_take_every_job_once(
    fast_platform: Platform, fast_settings: Settings, tmp_path: Path
) -> None:
    jobs = 150
    async with fast_platform.unit_of_work() as uow:
        for number in range(jobs):
            await uow.enqueue(SHORT_NOTE, Note(file=tmp_path / "note", text=f"{number}", seconds=0.005))
    with working(fast_settings, "--short-processes", "2") as worker:
        for signum in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
            done = len(lines(tmp_path / "note"))
            await until(lambda done=done: len(lines(tmp_path / "note")) > min(done + 15, jobs - 1))
            work_processes(worker, "short")[0].send_signal(signum)
        await until(lambda: len(lines(tmp_path / "note")) >= jobs)
        await until(lambda: _all_ended(fast_platform))
    # A line may be missing when its process died between the commit and the line; a row never is.
    assert await _stored(fast_platform) == jobs
    assert len(set(lines(tmp_path / "note"))) == len(lines(tmp_path / "note"))


async def _all_ended(platform: Platform) -> bool:
    live = select(func.count()).select_from(job).where(job.c.state.in_(["queued", "running"]))
    return not await platform.reads.scalar(live)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with run_redis(tmp_path / "redis", options=("appendonly no",)) as server:
        yield server


@pytest.fixture
async def platform_on_own_redis(
    make_fast_settings: Callable[..., Settings], own_redis: EmbeddedRedis, clean_services: None
) -> AsyncIterator[Platform]:
    async with open_platform(make_fast_settings(redis_connection=own_redis.url)) as platform:
        yield platform


async def test_redis_may_be_away_and_come_back_empty(
    platform_on_own_redis: Platform, own_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    platform, redis = platform_on_own_redis, own_redis.program
    waiting = [await enqueue(platform, SHORT_NOTE, Note(file=tmp_path / f"a{n}")) for n in range(3)]
    await platform.jobs.flush()
    redis.kill()
    away = [await enqueue(platform, SHORT_NOTE, Note(file=tmp_path / f"b{n}")) for n in range(3)]
    with working(platform.settings):
        await asyncio.sleep(1)
        redis.start()
        redis.wait_until_ready()
        for job_id in (*waiting, *away):
            await until_state(platform, job_id, "succeeded")
        # And once more in the middle of a heavy job, which goes on.
        running = await enqueue(platform, HEAVY_NOTE, Note(file=tmp_path / "c", seconds=4))
        await until(lambda: len(lines(tmp_path / "c.started")) == 1)
        redis.kill()
        await asyncio.sleep(0.5)
        redis.start()
        redis.wait_until_ready()
        await until_state(platform, running, "succeeded")
        afterwards = [
            await enqueue(platform, spec, Note(file=tmp_path / f"d-{spec.name}"))
            for spec in (SHORT_NOTE, HEAVY_NOTE)
        ]
        for job_id in afterwards:
            await until_state(platform, job_id, "succeeded")
    assert await _stored(platform) == len(waiting) + len(away) + 1 + len(afterwards)
    for file in tmp_path.glob("[abcd]*"):
        if not file.suffix:
            assert lines(file) == ["done"], file


async def test_whoever_enqueues_does_not_wait_for_a_redis_that_does_not_answer(
    platform_on_own_redis: Platform, own_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    redis = own_redis.program.process
    assert redis is not None
    redis.send_signal(signal.SIGSTOP)
    try:
        async with asyncio.timeout(1.5):
            ids = [
                await enqueue(platform_on_own_redis, SHORT_NOTE, Note(file=tmp_path / f"{n}"))
                for n in range(20)
            ]
    finally:
        redis.send_signal(signal.SIGCONT)
    with ExitStack() as stack:
        worker = stack.enter_context(working(platform_on_own_redis.settings, "--burst"))
        assert worker.wait(40) == 0
    for job_id in ids:
        assert (await row_of(platform_on_own_redis, job_id))["state"] == "succeeded"


async def test_a_job_survives_the_loss_of_its_database_connections(
    fast_platform: Platform, fast_settings: Settings, database_url: str, tmp_path: Path
) -> None:
    with working(fast_settings):
        job_id = await enqueue(fast_platform, HEAVY_NOTE, Note(file=tmp_path / "note", seconds=2))
        await until(lambda: len(lines(tmp_path / "note.started")) == 1)
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'graasp' and pid <> pg_backend_pid()"
        )
        await connection.close()
        enqueued = [job_id]

        async def another_is_enqueued() -> bool:
            # Whoever meets a connection that is just being cut is told to come back.
            with suppress(DatabaseUnavailable):
                enqueued.append(await enqueue(fast_platform, SHORT_NOTE, Note(file=tmp_path / "short")))
            return len(enqueued) == 2

        await until(another_is_enqueued)
        for each in enqueued:
            await until_state(fast_platform, each, "succeeded")
    assert (lines(tmp_path / "note"), lines(tmp_path / "short")) == (["done"], ["done"])
