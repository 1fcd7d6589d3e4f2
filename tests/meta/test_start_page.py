"""The page at `/` in development: where to go, what is up, and a first job with three clicks."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright
from sqlalchemy import select

from graasp.app import create_app
from graasp.demo.people import PASSWORD
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from tests.command_line import run_graasp
from tests.conftest import serving
from tests.worker.workers import environment

_CHROMIUM = shutil.which("chromium")


@pytest.fixture
def development(make_settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    (tmp_path / "mailbox-url").write_text("http://localhost:1080/\n")
    return make_settings(
        node_env="development",
        development_folder=tmp_path,
        meilisearch_url="http://127.0.0.1:9",
        library_client_host=None,
        client_host="http://127.0.0.1:3000",
    )


@pytest.fixture
async def url(development: Settings, platform: Platform) -> AsyncIterator[str]:
    app = create_app(development)
    async with app.router.lifespan_context(app), serving(app) as base:
        yield base


async def test_it_links_what_runs_and_tells_what_is_down_from_what_was_never_set_up(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, follow_redirects=True) as client:
        page = (await client.get("/")).text
        for link in ("/ui/", "/docs", "/metrics"):
            assert f'href="{link}"' in page
            assert (await client.get(link)).status_code == 200
        assert (await client.get("/ui")).url.path == "/ui/"
    assert 'href="http://localhost:1080/"' in page
    assert "not-reachable" in page  # meilisearch
    assert page.count("not set up") == 2  # etherpad, iframely
    assert "Sign in" not in page


async def test_outside_development_there_is_none(client: httpx.AsyncClient) -> None:
    for path in ("/", "/start.js", "/ui", "/ui/", "/metrics"):
        assert (await client.get(path)).status_code == 404


@pytest.mark.browser
@pytest.mark.skipif(_CHROMIUM is None, reason="needs Debian's chromium (apt-get install chromium)")
async def test_a_newcomer_signs_in_and_asks_for_exports(
    url: str, development: Settings, platform: Platform, tmp_path: Path
) -> None:
    assert (await run_graasp(tmp_path, "seed", "demo", **environment(development))).code == 0
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(url)
        await page.get_by_text(PASSWORD).first.wait_for()
        await page.get_by_role("button", name="Sign in").first.click()
        await page.get_by_text("Signed in as Amina").wait_for()
        for name in ("Actions as CSV", "The folder as a zip"):
            await page.get_by_role("button", name=name).click()
            await page.get_by_text(f"{name}: asked for").wait_for()
        # Whom the actions would be refused is not offered them.
        await page.get_by_role("button", name="Sign in").nth(1).click()
        await page.get_by_text("Signed in as Bruno").wait_for()
        await page.get_by_text("may not have its actions").wait_for()
        assert not await page.get_by_role("button", name="Actions as CSV").is_visible()
        assert await page.get_by_role("button", name="The folder as a zip").is_visible()
        await browser.close()
    assert problems == []
    asked = await platform.reads.all(select(job.c.name).order_by(job.c.name))
    assert [row["name"] for row in asked] == ["export-actions", "export-folder-zip"]
