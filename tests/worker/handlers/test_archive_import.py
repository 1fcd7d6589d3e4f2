"""The job that imports an archive: what becomes of it when something fails on the way."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, func, select, update

from graasp.accounts.tables import account
from graasp.items.tables import item
from graasp.jobs.tables import job
from graasp.platform import Platform
from tests.conftest import Published, RunJobs
from tests.factories import Factory
from tests.imports.archives import zipped
from worker.execution import Outcome

Send = Callable[[bytes], Any]


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member()


@pytest.fixture
def send(client: httpx.AsyncClient, anna: Any, cookie_for: Callable[[UUID], dict[str, str]]) -> Send:
    async def post(content: bytes) -> None:
        files = {"file": ("a.zip", content, "application/zip")}
        answer = await client.post("/api/items/zip-import", files=files, headers=cookie_for(anna["id"]))
        assert answer.status_code == 202

    return post


async def _stored(platform: Platform) -> set[str]:
    return {
        key.partition("/")[0] for top in ("files", "zip-import") async for key in platform.storage.list(top)
    }


async def _make_due(platform: Platform) -> None:
    async with platform.database.transaction() as transaction:
        await transaction.execute(update(job).values(run_at=func.now()))


async def test_while_storage_fails_the_job_is_repeated_and_nothing_is_half_done(
    send: Send,
    platform: Platform,
    run_jobs: RunJobs,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await send(zipped({"a.bin": b"a", "z.bin": b"z"}))
    keep, kept = platform.storage.put, []

    async def fail_after_one(key: str, *arguments: Any, **options: Any) -> int:
        if kept:
            raise OSError("the disk is full")
        kept.append(key)
        return await keep(key, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(platform.storage, "put", fail_after_one)
        assert await run_jobs() == [Outcome.RETRIED]
    assert await _stored(platform) == {"zip-import"}
    assert await platform.reads.scalar(select(func.count()).select_from(item)) == 0
    await platform.realtime.flush()
    assert await published() == []
    await _make_due(platform)
    assert await run_jobs() == [Outcome.SUCCEEDED]
    assert await _stored(platform) == {"files"}
    names = await platform.reads.all(select(item.c.name).order_by(item.c.name))
    assert [row["name"] for row in names] == ["a.bin", "z.bin"]


async def test_an_archive_that_is_gone_is_told(
    send: Send, platform: Platform, run_jobs: RunJobs, published: Published
) -> None:
    await send(zipped({"a.bin": b"a"}))
    await platform.storage.delete_folder("zip-import")
    assert await run_jobs() == [Outcome.FAILED]
    await platform.realtime.flush()
    ((_, _, body),) = await published()
    assert [error["name"] for error in body["errors"]] == ["INVALID_ARCHIVE_FILE"]


async def test_nothing_is_made_for_an_account_that_is_gone(
    send: Send, platform: Platform, run_jobs: RunJobs, anna: Any
) -> None:
    await send(zipped({"a.bin": b"a"}))
    async with platform.database.transaction() as transaction:
        await transaction.execute(delete(account).where(account.c.id == anna["id"]))
    assert await run_jobs() == [Outcome.FAILED]
    assert await _stored(platform) == set()
    assert await platform.reads.scalar(select(func.count()).select_from(item)) == 0
