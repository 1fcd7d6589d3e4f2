"""The explorer of the API in a real browser: it works, and it asks nobody but this server."""

import asyncio
import shutil
from collections.abc import AsyncIterator

import httpx
import pytest
import yaml
from playwright.async_api import Browser, async_playwright

_CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(
    _CHROMIUM is None, reason="needs Debian's chromium (apt-get install chromium)"
)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield opened
        await opened.close()


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("path", ["/docs", "/api/docs"])
async def test_it_shows_and_tries_every_operation_with_this_server_alone(
    live_server: str, browser: Browser, path: str
) -> None:
    asked: list[str] = []
    problems: list[str] = []
    # High enough for everything: what can't be seen is not rendered.
    page = await browser.new_page(viewport={"width": 1200, "height": 20_000})
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await page.goto(f"{live_server}{path}")
    operation = page.locator("#operations-meta-health, [id$='-health']").first
    await operation.wait_for()
    document = (await httpx.AsyncClient().get(f"{live_server}/docs/json")).json()
    number = sum(len(methods) for methods in document["paths"].values())
    await page.locator(".opblock").nth(number - 1).wait_for()
    await operation.click()
    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_role("button", name="Execute").click()
    await operation.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
    assert problems == []
    assert {url for url in asked if not url.startswith((f"{live_server}/", "data:", "blob:"))} == set()
    await page.close()


async def test_the_document_is_the_same_wherever_and_however_it_is_read(client: httpx.AsyncClient) -> None:
    document = (await client.get("/docs/json")).json()
    assert document["info"] == {"title": "Graasp Backend API", "version": " "}
    assert (await client.get("/api/docs/json")).json() == document
    written = await asyncio.gather(*(client.get(f"{prefix}/docs/yaml") for prefix in ("", "/api")))
    assert all(yaml.load(each.text, yaml.CSafeLoader) == document for each in written)
    assert (await client.get("/api/docs/assets/swagger-ui.css")).status_code == 200
    assert (await client.get("/docs/assets/../../pyproject.toml")).status_code == 404
