"""What a handler can rely on: attempts, limits, progress, cancellation, fencing."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from uuid import UUID

import pytest
import rq
from rq.serializers import JSONSerializer
from sqlalchemy import func, insert, select, update

from graasp.actions.tables import action
from graasp.jobs.control import cancel_job, requeue_job
from graasp.jobs.queries import CLAIM, FENCE
from graasp.jobs.reconciler import resume_orphans
from graasp.jobs.tables import job
from graasp.platform import Platform, UnitOfWork
from graasp.settings import Settings
from tests.worker.sample_jobs import (
    HEAVY_NOTE,
    IMPATIENT_NOTE,
    ONE_NOTE,
    SECRET_NOTE,
    SHORT_NOTE,
    STUBBORN_NOTE,
    Note,
)
from tests.worker.workers import enqueue, lines, row_of, until, until_state, working
from worker.execution import Outcome, RunningJob, Superseded, execute


async def test_failures_are_repeated_time_outs_and_cancellations_end_jobs_in_a_real_worker(
    fast_platform: Platform, fast_settings: Settings, tmp_path: Path
) -> None:
    platform = fast_platform

    async def start(name: str, spec: object, **note: object) -> UUID:
        return await enqueue(platform, spec, Note(file=tmp_path / name, **note))  # type: ignore[arg-type]

    with working(fast_settings):
        repeated = await start("repeated", SHORT_NOTE, fail_in=(1, 2))
        hopeless = await start("hopeless", SHORT_NOTE, fail_in=(1,), permanent=True)
        exhausted = await start("exhausted", SHORT_NOTE, fail_in=(1, 2, 3))
        slow = await start("slow", IMPATIENT_NOTE, hang_until=1)
        # It hangs in C code, once: only the kernel gets it out.
        stubborn = await start("stubborn", STUBBORN_NOTE, hang_until=1, stubborn=True)
        for job_id, state in (
            (repeated, "succeeded"),
            (hopeless, "failed"),
            (exhausted, "failed"),
            (slow, "failed"),
            (stubborn, "succeeded"),
        ):
            await until_state(platform, job_id, state)

        hanging = await start("hanging", HEAVY_NOTE, hang_until=9)
        connection = platform.jobs.transport.connection
        shown = rq.job.Job(str(hanging), connection=connection, serializer=JSONSerializer)
        await until(lambda: bool(shown.get_meta().get("progress")))
        shown.refresh()
        assert shown.description == "heavy-note: 1 of 2 pages <b>written</b>"
        await until(lambda: _has_progress(platform, hanging))
        assert await cancel_job(platform.database, hanging)
        await until_state(platform, hanging, "cancelled")

        # Of what has ended, RQ shows what the rows tell.
        short, heavy = (platform.jobs.transport.queue(name) for name in ("mail", "action-export"))
        await until(
            lambda: set(short.failed_job_registry.get_job_ids()) == {*map(str, (hopeless, exhausted, slow))}
        )
        await until(lambda: short.finished_job_registry.get_job_ids() == [str(repeated)])
        await until(lambda: heavy.canceled_job_registry.get_job_ids() == [str(hanging)])
        assert heavy.failed_job_registry.get_job_ids() == []

    assert lines(tmp_path / "repeated.started") == ["1", "2", "3"]
    assert lines(tmp_path / "repeated") == ["done"]
    for name, error in (
        ("hopeless", "PermanentError"),
        ("exhausted", "RuntimeError"),
        ("slow", "TimeoutError"),
        ("hanging", "JobCancelled"),
    ):
        assert lines(tmp_path / f"{name}.failed") == [error]
        assert lines(tmp_path / name) == []
    assert (await row_of(platform, hopeless))["error"] == "no use"
    assert "an accident" in (await row_of(platform, exhausted))["error"]


async def _has_progress(platform: Platform, job_id: UUID) -> bool:
    return (await row_of(platform, job_id))["progress"] == {
        "done": 1,
        "total": 2,
        "text": "pages <b>written</b>",
    }


async def test_a_second_delivery_does_nothing(fast_platform: Platform, tmp_path: Path) -> None:
    job_id = await enqueue(fast_platform, SHORT_NOTE, Note(file=tmp_path / "note", seconds=0.2))
    outcomes = await asyncio.gather(*(execute(fast_platform, job_id) for _ in range(3)))
    assert sorted(o.value for o in outcomes) == ["not_mine", "not_mine", "succeeded"]
    assert lines(tmp_path / "note") == ["done"]


async def test_a_job_that_is_not_due_yet_is_left_alone(fast_platform: Platform, tmp_path: Path) -> None:
    job_id = await enqueue(fast_platform, SHORT_NOTE, Note(file=tmp_path / "note", fail_in=(1,)))
    assert await execute(fast_platform, job_id) is Outcome.RETRIED
    assert await execute(fast_platform, job_id) is Outcome.NOT_MINE


async def test_only_the_latest_attempt_can_commit(fast_platform: Platform, tmp_path: Path) -> None:
    platform = fast_platform
    job_id = await enqueue(platform, SHORT_NOTE, Note(file=tmp_path / "note"))
    async with platform.database.transaction() as transaction:
        row = await transaction.first(CLAIM, job_id=job_id, worker_name="one")
    assert row is not None
    orphan = RunningJob(platform, SHORT_NOTE, row)
    async with orphan.unit_of_work() as uow:
        await uow.execute(insert(action), type="before", view="unknown", extra={})
    async with platform.database.transaction() as transaction:
        await transaction.execute(update(job).where(job.c.id == job_id).values(attempt=2))
    published = []

    async def publish() -> None:
        published.append("orphan")

    async def work_on(unit: Callable[[], AbstractAsyncContextManager[UnitOfWork]]) -> None:
        async with unit() as uow:
            uow.after_commit(publish)
            await uow.execute(insert(action), type="after", view="unknown", extra={})

    for unit in (orphan.unit_of_work, orphan.completing):
        with pytest.raises(Superseded):
            await work_on(unit)
    assert published == []
    assert [r["type"] for r in await platform.reads.all(select(action.c.type))] == ["before"]


async def test_a_job_that_commits_this_moment_is_not_taken_for_an_orphan(
    fast_platform: Platform, tmp_path: Path
) -> None:
    platform = fast_platform
    job_id = await enqueue(platform, SHORT_NOTE, Note(file=tmp_path / "note"))
    async with platform.database.transaction() as transaction:
        row = await transaction.first(CLAIM, job_id=job_id, worker_name="one")
    assert row is not None
    async with RunningJob(platform, SHORT_NOTE, row).completing() as uow:
        await uow.first(FENCE, job_id=job_id, job_attempt=1)
        assert await resume_orphans(platform.database, 0) == 0
    assert (await row_of(platform, job_id))["state"] == "succeeded"


async def test_a_cancelled_job_does_not_run(fast_platform: Platform, tmp_path: Path) -> None:
    job_id = await enqueue(fast_platform, SHORT_NOTE, Note(file=tmp_path / "note"))
    assert await cancel_job(fast_platform.database, job_id)
    assert not await cancel_job(fast_platform.database, job_id)
    assert await execute(fast_platform, job_id) is Outcome.NOT_MINE
    assert (await row_of(fast_platform, job_id))["state"] == "cancelled"
    assert lines(tmp_path / "note.started") == []


async def test_a_failed_job_that_is_queued_again_has_all_its_attempts(
    fast_platform: Platform, tmp_path: Path
) -> None:
    platform = fast_platform
    job_id = await enqueue(platform, SHORT_NOTE, Note(file=tmp_path / "note", fail_in=(1,), permanent=True))
    assert await execute(platform, job_id) is Outcome.FAILED
    assert await requeue_job(platform.database, platform.jobs, job_id)
    assert not await requeue_job(platform.database, platform.jobs, job_id)
    row = await row_of(platform, job_id)
    assert (row["state"], row["failures"], row["error"]) == ("queued", 0, None)
    assert await execute(platform, job_id) is Outcome.SUCCEEDED
    assert lines(tmp_path / "note.started") == ["1", "2"]


async def test_a_failed_job_is_not_queued_again_beside_a_live_one_for_the_same_thing(
    fast_platform: Platform, tmp_path: Path
) -> None:
    platform = fast_platform
    note = Note(file=tmp_path / "note", fail_in=(1,), permanent=True)
    failed = await enqueue(platform, ONE_NOTE, note)
    assert await execute(platform, failed) is Outcome.FAILED
    live = await enqueue(platform, ONE_NOTE, note)
    assert live != failed
    assert not await requeue_job(platform.database, platform.jobs, failed)


async def test_secrets_in_payloads_are_blanked_when_the_job_is_done(
    fast_platform: Platform, tmp_path: Path
) -> None:
    platform = fast_platform
    sent = await enqueue(platform, SECRET_NOTE, Note(file=tmp_path / "sent"))
    assert await execute(platform, sent) is Outcome.SUCCEEDED
    assert (await row_of(platform, sent))["payload"] is None
    failed = await enqueue(platform, SECRET_NOTE, Note(file=tmp_path / "failed", fail_in=(1,)))
    assert await execute(platform, failed) is Outcome.FAILED
    # It may still be wanted: it can be queued again.
    assert (await row_of(platform, failed))["payload"] is not None


async def test_a_job_without_a_handler_fails_with_a_reason(fast_platform: Platform, tmp_path: Path) -> None:
    job_id = await enqueue(fast_platform, HEAVY_NOTE, Note(file=tmp_path / "note"))
    async with fast_platform.database.transaction() as transaction:
        await transaction.execute(update(job).where(job.c.id == job_id).values(name="from-the-future"))
    assert await execute(fast_platform, job_id) is Outcome.FAILED
    assert "is the worker older than the core?" in (await row_of(fast_platform, job_id))["error"]


async def test_an_attempt_without_effect_stores_nothing(fast_platform: Platform, tmp_path: Path) -> None:
    job_id = await enqueue(fast_platform, IMPATIENT_NOTE, Note(file=tmp_path / "note", seconds=5))
    assert await execute(fast_platform, job_id) is Outcome.FAILED
    assert await fast_platform.reads.scalar(select(func.count()).select_from(action)) == 0


def test_stale_is_longer_than_a_heartbeat_and_shorter_than_two_minutes(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings()
    assert settings.job_heartbeat_seconds * 3 <= settings.job_stale_after_seconds
    assert settings.job_stale_after_seconds * 1.25 + settings.job_poll_seconds < 120
