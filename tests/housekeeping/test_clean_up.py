"""The hourly clean-up: scheduled once, and everything that is over goes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select, update

from graasp.auth.tables import revoked_session
from graasp.downloads.service import offer
from graasp.downloads.tables import download
from graasp.housekeeping.jobs import CLEAN_UP, CleanUp
from graasp.jobs.tables import job
from graasp.platform import Platform
from tests.factories import Factory
from worker.execution import Outcome
from worker.schedule import tick

RunJobs = Callable[[], Awaitable[list[Outcome]]]

KEY = "item-export/x.zip"


async def _chunks() -> AsyncIterator[bytes]:
    yield b"archive"


async def test_it_is_due_once_an_hour(platform: Platform) -> None:
    at = datetime(2024, 1, 1, 10, 0, tzinfo=UTC)
    # A new installation only starts the clock.
    assert "clean-up" not in await tick(platform, at)
    assert "clean-up" not in await tick(platform, at + timedelta(minutes=16))
    assert "clean-up" in await tick(platform, at + timedelta(minutes=18))
    assert "clean-up" not in await tick(platform, at + timedelta(minutes=19))
    assert "clean-up" in await tick(platform, at + timedelta(minutes=78))


async def test_archives_sessions_and_jobs_that_are_over_go(
    platform: Platform, factory: Factory, run_jobs: RunJobs
) -> None:
    member = await factory.member()
    await platform.storage.put(KEY, _chunks(), content_type="application/zip", metadata={})
    past = datetime.now(UTC) - timedelta(days=365)
    async with platform.unit_of_work() as uow:
        await offer(uow, account_id=member["id"], storage_key=KEY, file_name="x.zip")
        await uow.execute(update(download).values(expires_at=past))
        for session_id, expires_at in (("old", past), ("live", datetime.now(UTC) + timedelta(days=1))):
            await uow.execute(
                insert(revoked_session).values(
                    session_id=session_id, account_id=member["id"], expires_at=expires_at
                )
            )
        await uow.enqueue(CLEAN_UP, CleanUp())
    assert await run_jobs() == [Outcome.SUCCEEDED]
    async with platform.unit_of_work() as uow:
        await uow.execute(update(job).values(finished_at=past))
        await uow.enqueue(CLEAN_UP, CleanUp())
    assert await run_jobs() == [Outcome.SUCCEEDED]

    assert await platform.storage.size(KEY) is None
    assert await factory.count(download) == 0
    (session,) = await platform.reads.all(select(revoked_session.c.session_id))
    assert session["session_id"] == "live"
    (last,) = await platform.reads.all(select(job.c.result))
    assert last["result"] == {"archives": 0, "revocations": 0, "jobs": 1, "deletions": 0}


async def test_two_that_are_asked_for_are_one(platform: Platform, factory: Factory) -> None:
    async with platform.unit_of_work() as uow:
        assert await uow.enqueue(CLEAN_UP, CleanUp()) == await uow.enqueue(CLEAN_UP, CleanUp())
    assert await factory.count(job) == 1
