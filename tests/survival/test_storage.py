"""Storage fails in the middle of something: a clear answer, nothing half-done, and everything works afterwards."""

import asyncio
import random
import resource
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import boto3
import httpx
import psutil
import pytest
from sqlalchemy import func, select

from graasp.exports.tables import item_export_request
from graasp.items.tables import item
from graasp.jobs.tables import job
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from tests.conftest import BUCKET
from tests.cores import running_core
from tests.factories import Factory, Row
from tests.proxies import Proxy, proxy_to
from tests.worker.workers import row_of, until, until_state, work_processes, working

Cookie = Callable[[UUID], dict[str, str]]

MEGABYTE = 1024 * 1024
# A picture, a document or a video would be looked at; these bytes are nothing.
NOISE = random.Random(1).randbytes(24 * MEGABYTE)


@pytest.fixture
async def member(factory: Factory) -> Row:
    return await factory.member()


@pytest.fixture
async def proxy(s3_endpoint: str) -> AsyncIterator[Proxy]:
    port = urlsplit(s3_endpoint).port
    assert port is not None
    async with proxy_to(port) as opened:
        yield opened


@pytest.fixture
def bucket(s3_endpoint: str) -> Callable[[], set[str]]:
    """The keys that were added to the bucket during the test."""
    client = boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )

    def keys() -> set[str]:
        listed = client.list_objects_v2(Bucket=BUCKET)
        return {entry["Key"] for entry in listed.get("Contents", [])}

    before = keys()
    return lambda: keys() - before


async def upload(browser: httpx.AsyncClient, content: bytes) -> httpx.Response:
    files = {"file": ("noise.bin", content, "application/octet-stream")}
    return await browser.post("/api/items/upload", files=files)


async def stored_items(platform: Platform) -> int:
    number: int = await platform.reads.scalar(
        select(func.count()).select_from(item).where(item.c.type == "file")
    )
    return number


def says_it_failed(answer: httpx.Response) -> bool:
    body = answer.json()
    return (answer.status_code, body["code"]) == (500, "GPFERR010") and "Error" not in body["message"]


async def test_a_bucket_that_fails_in_the_middle_of_an_upload(
    s3_settings: Settings,
    proxy: Proxy,
    bucket: Callable[[], set[str]],
    platform: Platform,
    member: Row,
    cookie_for: Cookie,
    tmp_path: Path,
) -> None:
    settings = s3_settings.model_copy(update={"s3_file_item_host": f"http://127.0.0.1:{proxy.port}"})
    with running_core(settings, tmp_path / "core.log") as core:
        async with httpx.AsyncClient(
            base_url=core.url, headers=cookie_for(member["id"]), timeout=120
        ) as browser:
            proxy.fail_after(12 * MEGABYTE)
            assert says_it_failed(await upload(browser, NOISE))
            # Nor does it begin while there is no storage.
            assert says_it_failed(await upload(browser, NOISE[:1000]))
            assert await stored_items(platform) == 0
            assert bucket() == set()
            assert (await browser.get("/api/members/current/storage")).json()["current"] == 0

            await proxy.open()
            assert (await upload(browser, NOISE)).status_code == 204
            assert await stored_items(platform) == 1
            [key] = bucket()
            found = await platform.reads.scalar(select(item.c.extra["file"]["path"].astext))
            assert found == key
        assert core.is_alive


async def test_a_full_disk_in_the_middle_of_an_upload(
    settings: Settings, platform: Platform, member: Row, cookie_for: Cookie, tmp_path: Path
) -> None:
    with running_core(settings, tmp_path / "core.log") as core:
        async with httpx.AsyncClient(
            base_url=core.url, headers=cookie_for(member["id"]), timeout=60
        ) as browser:
            limit_files(core.process.pid, 2 * MEGABYTE)
            assert says_it_failed(await upload(browser, NOISE))
            assert await stored_items(platform) == 0
            assert files_below(tmp_path / "files") == []
            assert (await upload(browser, NOISE[:MEGABYTE])).status_code == 204

            limit_files(core.process.pid, resource.RLIM_INFINITY)
            assert (await upload(browser, NOISE)).status_code == 204
            assert await stored_items(platform) == 2
        assert core.is_alive


async def test_a_folder_that_can_not_be_written_to(
    make_settings: Callable[..., Settings],
    platform: Platform,
    member: Row,
    cookie_for: Cookie,
    tmp_path: Path,
) -> None:
    root = tmp_path / "not-a-folder"
    root.write_text("")
    with running_core(make_settings(file_storage_root_path=root), tmp_path / "core.log") as core:
        async with httpx.AsyncClient(base_url=core.url, headers=cookie_for(member["id"])) as browser:
            assert says_it_failed(await upload(browser, NOISE[:1000]))
            assert await stored_items(platform) == 0
            root.unlink()
            assert (await upload(browser, NOISE[:1000])).status_code == 204
        assert core.is_alive


@pytest.fixture
async def folder(factory: Factory, member: Row) -> Row:
    return await factory.owned_item(member, name="course")


async def with_a_file(factory: Factory, platform: Platform, folder: Row, member: Row) -> None:
    """A file below the folder, in the storage of the platform."""

    async def chunks() -> AsyncIterator[bytes]:
        yield NOISE[: 4 * MEGABYTE]

    key = f"files/{folder['id']}"
    await platform.storage.put(key, chunks(), content_type="application/octet-stream", metadata={})
    described = {"name": "noise.bin", "path": key, "mimetype": "application/octet-stream", "content": ""}
    extra = {"file": described | {"size": 4 * MEGABYTE}}
    await factory.item(folder, creator=member, type="file", name="noise.bin", extra=extra)


async def request_export(app_url: str, folder: Row, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=app_url, headers=headers) as browser:
        answer = await browser.post(f"/api/items/{folder['id']}/export")
        assert answer.status_code == 202


async def the_export(platform: Platform) -> UUID:

    found: UUID = await platform.reads.scalar(select(job.c.id).where(job.c.name == "export-folder-zip"))
    return found


async def test_a_bucket_that_fails_in_the_middle_of_an_export(
    s3_settings: Settings,
    proxy: Proxy,
    bucket: Callable[[], set[str]],
    factory: Factory,
    live_server: str,
    member: Row,
    folder: Row,
    cookie_for: Cookie,
    mails: list[EmailMessage],
) -> None:
    fast = {"job_poll_seconds": 0.1, "worker_grace_seconds": 1, "job_heartbeat_seconds": 0.5}
    settings = s3_settings.model_copy(update=fast | {"s3_file_item_host": f"http://127.0.0.1:{proxy.port}"})
    async with open_platform(settings) as on_s3:
        await with_a_file(factory, on_s3, folder, member)
        before = bucket()
        proxy.fail_after(MEGABYTE)
        await request_export(live_server, folder, cookie_for(member["id"]))
        export = await the_export(on_s3)
        with working(settings) as worker:
            await until(lambda: _has_failed_once(on_s3, export))
            assert await _requests(on_s3) == 0
            assert mails == []
            assert bucket() == before
            await proxy.open()
            await until_state(on_s3, export, "succeeded")
            await until(lambda: len(mails) > 0)
            worker.terminate()
            await asyncio.to_thread(worker.wait, 40)
        assert await _requests(on_s3) == 1
        assert [str(mail["To"]) for mail in mails] == [member["email"]]
        [archive] = bucket() - before
        assert archive.endswith(".zip")


async def test_a_full_disk_in_the_middle_of_an_export(
    make_settings: Callable[..., Settings],
    factory: Factory,
    platform: Platform,
    live_server: str,
    member: Row,
    folder: Row,
    cookie_for: Cookie,
    mails: list[EmailMessage],
    tmp_path: Path,
) -> None:
    settings = make_settings(job_poll_seconds=0.1, worker_grace_seconds=1, job_heartbeat_seconds=0.5)
    await with_a_file(factory, platform, folder, member)
    before = files_below(tmp_path / "files")
    with working(settings) as worker:
        await until(lambda: len(work_processes(worker, "heavy")) == 1)
        [heavy] = work_processes(worker, "heavy")
        limit_files(heavy.pid, 2 * MEGABYTE)
        await request_export(live_server, folder, cookie_for(member["id"]))
        export = await the_export(platform)
        await until(lambda: _has_failed_once(platform, export))
        assert await _requests(platform) == 0
        assert files_below(tmp_path / "files") == before
        limit_files(heavy.pid, resource.RLIM_INFINITY)
        await until_state(platform, export, "succeeded")
        await until(lambda: len(mails) > 0)
    assert await _requests(platform) == 1
    assert [str(mail["To"]) for mail in mails] == [member["email"]]


async def _has_failed_once(platform: Platform, job_id: UUID) -> bool:
    row = await row_of(platform, job_id)
    return row["state"] == "queued" and row["failures"] == 1


async def _requests(platform: Platform) -> int:
    number: int = await platform.reads.scalar(select(func.count()).select_from(item_export_request))
    return number


def limit_files(process_id: int, largest: int) -> None:
    """As if the disk were full: a file grows to this size and no further."""
    psutil.Process(process_id).rlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))


def files_below(root: Path) -> list[Any]:
    return sorted(path for path in (root / "objects").rglob("*") if path.is_file())
