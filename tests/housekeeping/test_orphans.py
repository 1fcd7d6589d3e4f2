"""What nothing refers to goes from storage once it is old, on disk and in a bucket; everything else stays."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from moto.s3.models import s3_backends
from sqlalchemy import insert, select
from typer.testing import CliRunner, Result

from graasp.apps.tables import app_data, app_setting
from graasp.downloads.tables import download
from graasp.housekeeping import orphans
from graasp.housekeeping.commands import storage_commands
from graasp.housekeeping.jobs import SWEEP_STORAGE, SweepStorage
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from graasp.storage.local import LocalStorage
from graasp.thumbnails.service import thumbnail_keys
from tests.conftest import BUCKET
from tests.factories import Factory
from tests.worker.workers import environment
from worker.execution import Outcome
from worker.schedule import tick

RunJobs = Callable[[], Awaitable[list[Outcome]]]
Store = Callable[..., Awaitable[str]]

HOURS = timedelta(hours=1)


@pytest.fixture(params=["local", "s3"])
def settings(request: pytest.FixtureRequest, make_settings: Any) -> Settings:
    found: Settings = request.getfixturevalue("s3_settings") if request.param == "s3" else make_settings()
    return found


@pytest.fixture
async def store(platform: Platform) -> AsyncIterator[Store]:
    """Store something under a key, so long ago; until the test ends, since others have the same bucket."""
    keys: list[str] = []

    async def make(key: str, age: timedelta = 25 * HOURS) -> str:
        keys.append(key)
        await platform.storage.put(key, _chunks(), content_type="text/plain", metadata={})
        _make_older(platform, key, age)
        return key

    yield make
    await platform.storage.delete(*keys)


async def _chunks() -> AsyncIterator[bytes]:
    yield b"bytes"


def _make_older(platform: Platform, key: str, age: timedelta) -> None:
    then = datetime.now(UTC) - age
    if isinstance(platform.storage, LocalStorage):
        path = platform.storage.path(key)
        os.utime(path, (then.timestamp(), then.timestamp()))
    else:
        bucket = s3_backends["123456789012"]["aws"].buckets[BUCKET]
        bucket.keys[key].last_modified = then.replace(tzinfo=None)


def _file_key() -> str:
    return f"files/0a1b/2c3d/4e5f-{uuid4().int}.pdf"


async def _sweep(platform: Platform, run_jobs: RunJobs) -> dict[str, Any]:
    async with platform.unit_of_work() as uow:
        await uow.enqueue(SWEEP_STORAGE, SweepStorage())
    assert await run_jobs() == [Outcome.SUCCEEDED]
    (row,) = await platform.reads.all(select(job.c.result))
    return {name: count for name, count in row["result"].items() if count}


async def _is_there(platform: Platform, key: str) -> bool:
    return await platform.storage.size(key) is not None


async def test_what_a_killed_process_left_goes_once_it_is_old(
    platform: Platform, store: Store, run_jobs: RunJobs
) -> None:
    keys = [
        _file_key(),
        *thumbnail_keys(f"thumbnails/{uuid4()}"),
        *thumbnail_keys(f"avatars/{uuid4()}"),
        f"apps/app-data/{uuid4()}/{uuid4()}",
        f"apps/app-setting/{uuid4()}/{uuid4()}",
        f"h5p-content/{(content_id := uuid4())}/x.h5p",
        f"h5p-content/{content_id}/content/libraries/a/b.js",
    ]
    archives = [f"{kind}/{uuid4()}/x.zip" for kind in ("item-export", "actions", "export", "zip-import")]
    for key in keys:
        await store(key)
    for key in archives:
        await store(key, timedelta(days=9))

    assert await _sweep(platform, run_jobs) == {
        "files": 1,
        "thumbnails": 4,
        "avatars": 4,
        "apps/app-data": 1,
        "apps/app-setting": 1,
        "h5p-content": 2,
        "item-export": 1,
        "actions": 1,
        "export": 1,
        "zip-import": 1,
    }
    assert not any([await _is_there(platform, key) for key in (*keys, *archives)])


async def test_what_is_young_may_still_get_its_row(
    platform: Platform, store: Store, run_jobs: RunJobs
) -> None:
    # Links to archives that another server mailed live for a week.
    keys = [
        await store(_file_key(), 23 * HOURS),
        await store(f"h5p-content/{uuid4()}/content/h5p.json", 23 * HOURS),
        await store(f"item-export/{uuid4()}.zip", timedelta(days=7)),
    ]
    assert await _sweep(platform, run_jobs) == {}
    assert all([await _is_there(platform, key) for key in keys])


async def test_what_some_row_refers_to_stays(
    platform: Platform, factory: Factory, store: Store, run_jobs: RunJobs
) -> None:
    member = await factory.member()
    key, recycled_key, old_key = _file_key(), _file_key(), _file_key()
    file = await factory.item(type="file", extra={"file": {"path": key}})
    recycled = await factory.item(type="file", extra={"file": {"path": recycled_key}})
    await factory.recycle(recycled)
    await factory.item(type="file", extra={"file": {"key": old_key}})
    package = uuid4()
    await factory.item(type="h5p", extra={"h5p": {"contentId": str(package)}})
    app = await factory.item(type="app")
    answer = await factory.insert(
        app_data, item_id=app["id"], account_id=member["id"], type="file", visibility="member", data={}
    )
    shared_key = f"apps/app-setting/{uuid4()}/{uuid4()}"
    setting = await factory.insert(app_setting, item_id=app["id"], name="own", data={})
    await factory.insert(app_setting, item_id=app["id"], name="shared", data={"file": {"path": shared_key}})
    archive_key = f"item-export/{uuid4()}.zip"
    async with platform.unit_of_work() as uow:
        await uow.execute(
            insert(download).values(
                token_hash=b"x",
                account_id=member["id"],
                storage_key=archive_key,
                file_name="x.zip",
                expires_at=datetime.now(UTC) + HOURS,
            )
        )
    keys = [
        key,
        recycled_key,
        old_key,
        *thumbnail_keys(f"thumbnails/{file['id']}"),
        *thumbnail_keys(f"avatars/{member['id']}"),
        f"h5p-content/{package}/content/content.json",
        f"apps/app-data/{app['id']}/{answer['id']}",
        f"apps/app-setting/{app['id']}/{setting['id']}",
        shared_key,
        archive_key,
    ]
    for one in keys:
        await store(one, timedelta(days=30))
    assert await _sweep(platform, run_jobs) == {}
    assert all([await _is_there(platform, one) for one in keys])


async def test_what_this_product_does_not_make_is_left_alone(
    platform: Platform, store: Store, run_jobs: RunJobs
) -> None:
    keys = [
        await store(key)
        for key in ("files/notes.txt", "files/0a1b/2c3d/x.pdf", "h5p-content/index.html", "backups/all.sql")
    ]
    assert await _sweep(platform, run_jobs) == {}
    assert all([await _is_there(platform, key) for key in keys])


async def test_uploads_that_nobody_completes_are_dropped(platform: Platform, tmp_path: Path) -> None:
    key = _file_key()
    now = datetime.now(UTC)
    if isinstance(platform.storage, LocalStorage):
        await platform.storage.put(key, _chunks(), content_type="text/plain", metadata={})
        path = platform.storage.path(key)
        partial = path.with_name(".upload-x")
        partial.write_bytes(b"half")
        # Details without a file, as between two steps of an upload.
        details = tmp_path / "files/.details" / f"{_file_key()}.json"
        details.write_text("{}")
        assert await platform.storage.drop_unfinished("files", now - HOURS) == 0
        assert partial.exists()
        assert details.exists()
        assert await platform.storage.drop_unfinished("files", now + HOURS) == 1
        assert not partial.exists()
        assert not details.exists()
        assert platform.storage.details(key) == ("text/plain", {})
    else:
        client: Any = platform.storage._client  # type: ignore[attr-defined]
        for name in (key, f"others/{key}"):
            await client.create_multipart_upload(Bucket=BUCKET, Key=name)
        # The stand-in says of every upload that it began in 2010.
        assert await platform.storage.drop_unfinished("files", datetime(2010, 1, 1, tzinfo=UTC)) == 0
        assert await orphans.drop_unfinished_uploads(platform) == 1
        (other,) = (await client.list_multipart_uploads(Bucket=BUCKET))["Uploads"]
        assert other["Key"] == f"others/{key}"
        await client.abort_multipart_upload(Bucket=BUCKET, Key=other["Key"], UploadId=other["UploadId"])


async def test_every_batch_is_one_statement(
    platform: Platform, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "_BATCH", 3)
    keys = [await store(_file_key()) for _ in range(7)]
    statements: list[str] = []
    platform.database.observers.append(statements.append)
    told: list[orphans.Counted] = []
    assert (await orphans.survey(platform, told.append))[0] == ("files", 7, 7)
    assert (len(statements), told) == (3, [("files", 3, 3), ("files", 6, 6), ("files", 7, 7)])
    assert all([await _is_there(platform, key) for key in keys])
    await orphans.sweep(platform, told.append)
    assert not any([await _is_there(platform, key) for key in keys])


async def test_the_storage_of_another_database_is_not_emptied(
    platform: Platform, store: Store, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "_FEW", 2)
    keys = [await store(_file_key()) for _ in range(3)]
    async with platform.unit_of_work() as uow:
        await uow.enqueue(SWEEP_STORAGE, SweepStorage())
    assert await run_jobs() == [Outcome.FAILED]
    (row,) = await platform.reads.all(select(job.c.error))
    assert "graasp storage orphans" in row["error"]
    assert all([await _is_there(platform, key) for key in keys])


async def test_it_is_due_once_a_week(platform: Platform) -> None:
    sunday = datetime(2024, 1, 7, 4, 0, tzinfo=UTC)
    await tick(platform, sunday)
    assert "sweep-storage" in await tick(platform, sunday + timedelta(minutes=24))
    assert "sweep-storage" not in await tick(platform, sunday + timedelta(days=6))
    assert "sweep-storage" in await tick(platform, sunday + timedelta(days=7, minutes=24))


async def test_the_command_line_counts_and_deletes(
    platform: Platform, settings: Settings, store: Store
) -> None:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(storage_commands, ["orphans", *arguments], env=environment(settings))

    key = await store(_file_key())
    looked = await asyncio.to_thread(call)
    assert looked.exit_code == 0, looked.stderr
    assert ["files/", "1", "1"] in [line.split() for line in looked.stdout.splitlines()]
    assert await _is_there(platform, key)
    assert (await asyncio.to_thread(call, "--delete")).exit_code == 0
    assert not await _is_there(platform, key)
