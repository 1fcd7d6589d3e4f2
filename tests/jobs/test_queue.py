"""The outbox: rows with the transaction, Redis after the commit."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from sqlalchemy import func, select, update

from graasp.jobs.reconciler import find_lost, refresh_view, resume_orphans
from graasp.jobs.relay import relay
from graasp.jobs.retention import forget_ended_jobs
from graasp.jobs.tables import job
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from tests.statements import counted
from tests.worker.sample_jobs import ALL, HEAVY_NOTE, ONE_NOTE, SECRET_NOTE, SHORT_NOTE, Note
from worker.execution import execute

_NOTE = Note(file=Path("note"))


async def _enqueue(platform: Platform, spec: object = SHORT_NOTE, **options: object) -> UUID:
    async with platform.unit_of_work() as uow:
        return await uow.enqueue(spec, _NOTE, **options)  # type: ignore[arg-type]


async def _change(platform: Platform, job_id: UUID | None = None, **values: object) -> None:
    statement = update(job).values(**values)
    async with platform.database.transaction() as transaction:
        await transaction.execute(statement if job_id is None else statement.where(job.c.id == job_id))


def _queued(platform: Platform, name: str = "mail") -> list[str]:
    return platform.jobs.transport.queue(name).get_job_ids()


async def test_a_committed_job_is_handed_to_its_queue_with_its_id_and_nothing_else(
    platform: Platform,
) -> None:
    job_id = await _enqueue(platform, HEAVY_NOTE)
    await platform.jobs.flush()
    assert _queued(platform, "action-export") == [str(job_id)]
    handed = Job.fetch(str(job_id), connection=platform.jobs.transport.connection, serializer=JSONSerializer)
    assert (handed.func_name, handed.args, handed.kwargs) == ("worker.entry.run_job", [str(job_id)], {})
    assert await platform.reads.scalar(select(job.c.pushed_at).where(job.c.id == job_id)) is not None


async def test_a_job_of_a_transaction_that_fails_never_existed(platform: Platform) -> None:
    async def fail() -> None:
        async with platform.unit_of_work() as uow:
            await uow.enqueue(SHORT_NOTE, _NOTE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await platform.jobs.flush()
    assert await platform.reads.scalar(select(func.count()).select_from(job)) == 0
    assert _queued(platform) == []


async def test_many_jobs_are_written_in_one_statement_and_all_handed_over(platform: Platform) -> None:
    async with platform.unit_of_work() as uow:
        with counted(platform.database) as statements:
            await uow.enqueue_all(SHORT_NOTE, [_NOTE, _NOTE, _NOTE])
            await uow.enqueue_all(SHORT_NOTE, [])
    assert len(statements) == 1
    await platform.jobs.flush()
    rows = await platform.reads.all(select(job.c.id))
    assert sorted(_queued(platform)) == sorted(str(row["id"]) for row in rows)
    assert len(rows) == 3


async def test_what_no_transaction_covers_is_undone_only_after_a_rollback(platform: Platform) -> None:
    undone: list[str] = []

    async def undo() -> None:
        undone.append("undone")

    async with platform.unit_of_work() as uow:
        uow.after_rollback(undo)
    assert undone == []

    async def fail() -> None:
        async with platform.unit_of_work() as uow:
            uow.after_rollback(undo)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert undone == ["undone"]


async def test_a_request_joins_the_live_job_for_the_same_thing(platform: Platform) -> None:
    first, *others = await asyncio.gather(*(_enqueue(platform, ONE_NOTE) for _ in range(8)))
    assert {first} == set(others)
    await platform.jobs.flush()
    assert _queued(platform) == [str(first)]
    await _change(platform, first, state="succeeded")
    assert await _enqueue(platform, ONE_NOTE) != first


async def test_a_delayed_job_is_handed_over_when_its_time_has_come(platform: Platform) -> None:
    job_id = await _enqueue(platform, delay=timedelta(hours=1))
    await platform.jobs.flush()
    await relay(platform.database, platform.jobs)
    assert _queued(platform) == []
    await _change(platform, job_id, run_at=func.now() - timedelta(seconds=1))
    assert await relay(platform.database, platform.jobs) == 1
    assert _queued(platform) == [str(job_id)]


async def test_jobs_are_accepted_while_redis_is_away_and_handed_over_by_the_relay(
    make_settings: Callable[..., Settings], platform: Platform
) -> None:
    async with open_platform(make_settings(redis_connection="redis://127.0.0.1:1")) as without_redis:
        ids = [await _enqueue(without_redis) for _ in range(3)]
    await _change(platform, run_at=func.now() - timedelta(seconds=1))
    assert await relay(platform.database, platform.jobs) == 3
    assert sorted(_queued(platform)) == sorted(map(str, ids))


async def test_an_emptied_redis_is_filled_again_at_once(platform: Platform) -> None:
    await relay(platform.database, platform.jobs)
    ids = [await _enqueue(platform) for _ in range(3)]
    await platform.jobs.flush()
    await _change(platform, run_at=func.now() - timedelta(seconds=1))
    await platform.redis.flushall()
    assert await relay(platform.database, platform.jobs) == 3
    assert sorted(_queued(platform)) == sorted(map(str, ids))


async def test_a_job_that_was_taken_from_its_queue_but_never_started_is_handed_over_again(
    platform: Platform,
) -> None:
    taken, waiting = await _enqueue(platform), await _enqueue(platform)
    await platform.jobs.flush()
    assert _queued(platform) == [str(taken), str(waiting)]
    await platform.redis.lpop("rq:queue:mail")
    # The first relay notices that it is the first.
    await relay(platform.database, platform.jobs)
    assert await find_lost(platform.database, platform.jobs, older_than_s=30) == 0
    await _change(
        platform, run_at=func.now() - timedelta(minutes=1), pushed_at=func.now() - timedelta(minutes=1)
    )
    assert await find_lost(platform.database, platform.jobs, older_than_s=30) == 1
    assert await relay(platform.database, platform.jobs) == 1
    assert sorted(_queued(platform)) == sorted([str(taken), str(waiting)])


async def test_what_redis_holds_in_shreds_does_not_hold_up_a_job(platform: Platform) -> None:
    job_id = await _enqueue(platform)
    await platform.jobs.flush()
    await platform.redis.delete("rq:queue:mail", f"rq:job:{job_id}")
    await platform.redis.hset(f"rq:job:{job_id}", "meta", "{}")
    await _change(platform, run_at=func.now() - timedelta(minutes=1), pushed_at=None)
    assert await relay(platform.database, platform.jobs) == 1
    assert _queued(platform) == [str(job_id)]


async def test_only_one_relay_works_at_a_time(platform: Platform) -> None:
    for _ in range(5):
        await _enqueue(platform)
    await platform.jobs.flush()
    await platform.redis.flushall()
    await _change(platform, run_at=func.now() - timedelta(minutes=1), pushed_at=None)
    handed = await asyncio.gather(*(relay(platform.database, platform.jobs) for _ in range(4)))
    assert sum(handed) == 5
    assert len(_queued(platform)) == 5


async def test_a_running_job_without_heartbeat_is_queued_again_as_another_attempt(platform: Platform) -> None:
    dead, alive = await _enqueue(platform), await _enqueue(platform)
    await _change(platform, state="running", attempt=1, heartbeat_at=func.now())
    await _change(platform, dead, heartbeat_at=func.now() - timedelta(seconds=61))
    assert await resume_orphans(platform.database, stale_after_s=60) == 1
    rows = await platform.reads.all(select(job.c.id, job.c.state, job.c.attempt, job.c.failures))
    assert {row["id"]: (row["state"], row["attempt"], row["failures"]) for row in rows} == {
        dead: ("queued", 2, 1),
        alive: ("running", 1, 0),
    }


async def test_the_history_shown_is_the_newest_of_the_rows_even_after_redis_lost_it(
    platform: Platform,
) -> None:
    ids = [await _enqueue(platform) for _ in range(5)]
    await platform.jobs.flush()
    for minutes, job_id in enumerate(ids):
        await _change(
            platform,
            job_id,
            state="failed",
            error=f"reason {minutes}",
            started_at=func.now(),
            finished_at=func.now() - timedelta(minutes=minutes),
        )
    await platform.redis.flushall()

    async def shown(failed: int) -> list[str]:
        await refresh_view(platform.database, platform.jobs, ["mail"], completed=3, failed=failed)
        return platform.jobs.transport.queue("mail").failed_job_registry.get_job_ids()

    assert set(await shown(3)) == {*map(str, ids[:3])}
    assert set(await shown(2)) == {*map(str, ids[:2])}
    copy = Job.fetch(str(ids[0]), connection=platform.jobs.transport.connection, serializer=JSONSerializer)
    result = copy.latest_result()
    assert (copy.get_status(), result and result.exc_string) == (JobStatus.FAILED, "reason 0")
    await _change(platform, ids[0], state="queued", run_at=func.now() - timedelta(minutes=1), pushed_at=None)
    await relay(platform.database, platform.jobs)
    await shown(3)
    assert _queued(platform) == [str(ids[0])]


async def test_what_ended_long_ago_is_forgotten_and_secrets_sooner(platform: Platform) -> None:
    old, recent, live = [await _enqueue(platform) for _ in range(3)]
    secret = await _enqueue(platform, SECRET_NOTE)
    await _change(platform, state="failed", finished_at=func.now() - timedelta(days=2))
    await _change(platform, old, finished_at=func.now() - timedelta(days=31))
    await _change(platform, live, state="queued", finished_at=None)
    assert await forget_ended_jobs(platform.database, ALL, days=30) == 1
    rows = {row["id"]: row["payload"] for row in await platform.reads.all(select(job.c.id, job.c.payload))}
    assert rows.keys() == {recent, live, secret}
    assert rows[secret] is None
    assert rows[recent] is not None


async def test_a_job_in_the_future_of_another_attempt_is_shown_as_scheduled(
    platform: Platform, tmp_path: Path
) -> None:
    async with platform.unit_of_work() as uow:
        job_id = await uow.enqueue(SHORT_NOTE, Note(file=tmp_path / "note", fail_in=(1,)))
    await execute(platform, job_id)
    await _change(platform, job_id, run_at=func.now() + timedelta(hours=1))
    await refresh_view(platform.database, platform.jobs, ["mail"], completed=3, failed=3)
    registry = platform.jobs.transport.queue("mail").scheduled_job_registry
    assert registry.get_job_ids() == [str(job_id)]
    copy = Job.fetch(str(job_id), connection=platform.jobs.transport.connection, serializer=JSONSerializer)
    assert copy.description is not None
    assert copy.description.startswith("short-note: again at ")
    assert "an accident" in copy.description
