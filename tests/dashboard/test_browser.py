"""The pages in a real browser: nothing is blocked by their own policy, and progress is seen."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.async_api import Page, async_playwright
from sqlalchemy import func, select, update

from graasp.dashboard import create_dashboard
from graasp.jobs.reconciler import refresh_view
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from tests.conftest import serving
from tests.worker.sample_jobs import HEAVY_NOTE, SHORT_NOTE, Note
from tests.worker.workers import enqueue, row_of, until_state, working

_CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(_CHROMIUM is None, reason="needs Debian's chromium (apt-get install chromium)"),
]


@pytest.fixture
async def url(make_settings: Callable[..., Settings]) -> AsyncIterator[str]:
    app = FastAPI()
    app.mount("/ui", create_dashboard(make_settings(node_env="development")))
    async with serving(app) as base:
        yield f"{base}/ui"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page that fails its test when the console or the policy complains."""
    problems: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        opened = await browser.new_page()
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on(
            "console", lambda message: problems.append(message.text) if message.type == "error" else None
        )
        yield opened
        await browser.close()
    # rq-dashboard asks for a list of instances that it does not have.
    assert [p for p in problems if "404" not in p] == []


async def test_a_running_job_shows_its_progress_and_is_cancelled_from_its_page(
    make_settings: Callable[..., Settings], platform: Platform, url: str, page: Page, tmp_path: Path
) -> None:
    settings = make_settings(job_heartbeat_seconds=0.3, job_poll_seconds=0.1, worker_grace_seconds=1)
    with working(settings, "--short-processes", "0"):
        job_id = await enqueue(platform, HEAVY_NOTE, Note(file=tmp_path / "note", hang_until=9))
        await until_state(platform, job_id, "running")
        await page.goto(f"{url}/0/view/jobs/action-export/started/8/asc/1")
        await page.get_by_text("heavy-note: 1 of 2 pages <b>written</b>").wait_for()
        await page.goto(f"{url}/")
        await page.locator("progress[max='2'][value='1']").wait_for()
        await page.get_by_text("1 of 2 pages <b>written</b>").wait_for()
        await page.get_by_role("link", name="heavy-note").click()
        await page.locator("progress[max='2'][value='1']").wait_for()
        await page.locator(".state", has_text="running").wait_for()
        await page.goto(f"{url}/0/view/workers")
        await page.get_by_role("cell", name="heavy-note").wait_for()
        await page.goto(f"{url}/0/view/job/{job_id}")
        await page.get_by_role("button", name="Cancel").click()
        await page.get_by_text("Do you really want to cancel this job?").wait_for()
        await page.get_by_role("button", name="Yes").click()
        await until_state(platform, job_id, "cancelled")
        await page.locator(".state", has_text="cancelled").wait_for()
        assert not await page.get_by_role("button", name="Cancel").is_visible()


async def test_a_failed_job_is_queued_again_by_its_button(
    platform: Platform, url: str, page: Page, tmp_path: Path
) -> None:
    job_id = await enqueue(platform, SHORT_NOTE, Note(file=tmp_path / "note"))
    await platform.jobs.flush()
    await platform.redis.flushall()
    async with platform.database.transaction() as transaction:
        failed = {"state": "failed", "error": "<img src=x onerror=alert(1)>", "finished_at": func.now()}
        await transaction.execute(update(job).where(job.c.id == job_id).values(**failed))
    await refresh_view(platform.database, platform.jobs, ["mail"], completed=30, failed=100)
    await page.goto(f"{url}/")
    await page.get_by_text("<img src=x onerror=alert(1)>").wait_for()
    await page.get_by_role("button", name="Requeue").wait_for()
    await page.locator("a.bad", has_text="1").click()
    await page.get_by_text("<img src=x onerror=alert(1)>").wait_for()
    await page.get_by_role("link", name="Requeue", exact=True).click()
    await until_state(platform, job_id, "queued")
    assert await platform.reads.scalar(select(func.count()).select_from(job)) == 1
    assert (await row_of(platform, job_id))["failures"] == 0
