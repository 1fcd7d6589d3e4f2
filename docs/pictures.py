"""Takes the pictures of README and guides from the running product: `make pictures`. Needs Debian's chromium."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pyvips
from dotenv import dotenv_values
from playwright.async_api import Browser, Page, async_playwright

from graasp.demo.people import people
from graasp.deployment.maintenance_page import maintenance_page
from graasp.embedded.process import free_port

_IMAGES = Path(__file__).parent / "images"
_PATIENCE_S = 120.0
_WIDTH, _HEIGHT = 1200, 800
_UNDER_WAY = re.compile(r"\d{3},\d{3} bytes of the archive written")
# Enough for an export that is still running when its picture is taken.
_MORE_ACTIONS = """
    insert into action (type, view, extra, geolocation, created_at, account_id, item_id)
    select type, view, extra, geolocation, created_at - n * interval '7 seconds', account_id, item_id
    from action, generate_series(1, 150) n
"""


@contextmanager
def _running() -> Iterator[tuple[str, dict[str, str | None]]]:
    """`graasp up` on data of its own: its address, its variables."""
    with tempfile.TemporaryDirectory(prefix="graasp-pictures-") as folder:
        data, port = Path(folder) / "data", free_port()
        command = [str(Path(sysconfig.get_path("scripts")) / "graasp"), "up", "--data", str(data), "--seed"]
        process = subprocess.Popen(command, env=os.environ | {"PORT": str(port)}, cwd=folder)
        try:
            base = f"http://localhost:{port}"
            _wait_for(f"{base}/health")
            yield base, dotenv_values(data / "environment")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(url)


async def _sign_in(page: Page, base: str, name: str) -> None:
    await page.goto(base)
    await page.get_by_role("row", name=name).get_by_role("button").click()
    await page.get_by_text(f"Signed in as {name}").wait_for()


async def _ask(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name).click()
    await page.get_by_text(f"{name}: asked for").wait_for()


async def _take(browser: Browser, base: str) -> None:
    page = await browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT}, color_scheme="light")
    owner, _, reader = people()[:3]
    # A reader may not export the actions of others: this job fails, and its reason is seen.
    await _sign_in(page, base, reader.name)
    await _ask(page, "Actions as JSON")
    await _sign_in(page, base, owner.name)
    mailbox = await page.get_by_role("link", name="Mailbox").get_attribute("href")
    for name in ("The folder as a zip", "Actions as CSV"):
        await _ask(page, name)

    await page.goto(f"{base}/ui/")
    await page.locator("tr", has_text="running").get_by_text(_UNDER_WAY).wait_for()
    await page.locator("#queues tr[data-role=queue]").first.wait_for()
    _keep(await page.screenshot(), "dashboard")

    while not await page.get_by_text("The actions of").count():
        await asyncio.sleep(0.5)
        await page.goto(f"{mailbox}?to={owner.email}")
    await page.get_by_text("The actions of").first.click()
    await page.frame_locator("iframe").get_by_text("Download the archive").wait_for()
    _keep(await page.screenshot(), "mailbox")


async def _take_maintenance(browser: Browser, folder: Path) -> None:
    file = folder / "maintenance.html"
    tomorrow = datetime.now(UTC).replace(hour=16, minute=0) + timedelta(days=1)
    file.write_text(maintenance_page(ends_at=tomorrow), "utf-8")
    page = await browser.new_page(viewport={"width": 900, "height": 600}, color_scheme="light")
    await page.goto(file.as_uri())
    _keep(await page.screenshot(), "maintenance")


def _keep(png: bytes, name: str) -> None:
    """With a palette: a third of the size."""
    _IMAGES.mkdir(exist_ok=True)
    pyvips.Image.new_from_buffer(png, "").pngsave(str(_IMAGES / f"{name}.png"), palette=True, strip=True)


async def main() -> None:
    with _running() as (base, variables):
        with psycopg.connect(variables["DB_CONNECTION"] or "") as connection:
            connection.execute(_MORE_ACTIONS)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            await _take(browser, base)
            with tempfile.TemporaryDirectory() as folder:
                await _take_maintenance(browser, Path(folder))
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
