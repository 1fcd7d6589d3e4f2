"""What plays packages: the pages, the player's files, and those of packages."""

import shutil
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import async_playwright
from starlette.responses import HTMLResponse

from graasp.settings import Settings
from tests.conftest import serving
from tests.packages import SCRIPT, package

_CHROMIUM = shutil.which("chromium")
_SCRIPT = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


@pytest.fixture
async def content(send: Any) -> str:
    """The address of the unpacked content of a package."""
    files = {"content/drawn.svg": _SCRIPT, "content/film.mp4": bytes(range(100))}
    body = (await send(package(files=files))).json()
    return f"/api/items/h5p-content/{body['extra']['h5p']['contentFilePath']}"


served_here = pytest.mark.parametrize("settings", [None, "local", "shared"], indirect=True)


@served_here
async def test_files_of_a_package_are_read_by_anybody_and_run_nothing(
    client: httpx.AsyncClient, content: str
) -> None:
    for name, content_type in (
        ("h5p.json", "application/json"),
        ("content/drawn.svg", "image/svg+xml"),
        ("H5P.Hello-1.0/hello.js", "text/javascript; charset=utf-8"),
    ):
        answer = await client.get(f"{content}/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
        assert answer.headers["content-security-policy"].startswith("sandbox;default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


@served_here
async def test_players_of_films_jump(client: httpx.AsyncClient, content: str) -> None:
    film = f"{content}/content/film.mp4"
    bytes_of_it = bytes(range(100))
    whole = await client.get(film)
    assert (whole.status_code, whole.content) == (200, bytes_of_it)
    assert (whole.headers["accept-ranges"], whole.headers["content-length"]) == ("bytes", "100")
    etag, modified = whole.headers["etag"], whole.headers["last-modified"]

    for asked, start, stop in (
        ("10-19", 10, 20),
        ("90-", 90, 100),
        ("-5", 95, 100),
        ("-500", 0, 100),
        ("0-999", 0, 100),
    ):
        part = await client.get(film, headers={"Range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, bytes_of_it[start:stop]), asked
        assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/100"
        assert part.headers["content-length"] == str(stop - start)
        assert part.headers["etag"] == etag

    behind = await client.get(film, headers={"Range": "bytes=100-"})
    assert (behind.status_code, behind.headers["content-range"]) == (416, "bytes */100")
    # What is no range, or more than one, is answered with the whole.
    for asked in ("bytes=x", "bytes=9-3", "items=0-1", "bytes=0-1,5-6"):
        answer = await client.get(film, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (200, bytes_of_it), asked
    for seen, status in (
        (etag, 206),
        (modified, 206),
        ('"another"', 200),
        (f"W/{etag}", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
    ):
        answer = await client.get(film, headers={"Range": "bytes=0-1", "If-Range": seen})
        assert answer.status_code == status, seen


@pytest.mark.parametrize(
    "path",
    [
        "nothing.json",
        "content",
        "",
        "../course.h5p",
        "..%2Fcourse.h5p",
        "%2e%2e/%2e%2e/x.json",
        "..%5C..%5Cx.json",
        "content/..%00.json",
        "content/page.html",
    ],
)
@served_here
async def test_nothing_else_is_read(client: httpx.AsyncClient, content: str, path: str) -> None:
    assert (await client.get(f"{content}/{path}")).status_code == 404


@pytest.mark.parametrize(
    "path", ["x/content/h5p.json", f"{UUID(int=1)}/content/h5p.json", "../files/content/a.json"]
)
async def test_there_is_no_such_content(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/api/items/h5p-content/{path}")).status_code == 404


@pytest.mark.parametrize("path", ["playing.py", "..%2Froutes.py", "%2Fetc%2Fpasswd", "", "styles"])
async def test_only_files_of_the_player_are_assets(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/api/items/h5p-assets/{path}")).status_code == 404


async def test_the_pages_and_who_may_show_them(client: httpx.AsyncClient) -> None:
    content_id = uuid4()
    for path in (
        f"/h5p-integration?contentId={content_id}",
        f"/h5p-integration?contentId=x&content={content_id}",
        f"/api/items/h5p-assets/integration.html?content={content_id}",
        f"/api/items/h5p-assets/frame.html?content={content_id}",
    ):
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert policy.endswith("frame-ancestors 'self' http://client.test http://library.test")
        assert "'unsafe-inline' " not in policy
        assert "https:" not in policy
        assert policy.startswith("sandbox allow-scripts ") == ("frame.html" in path)
        assert str(content_id) in answer.text
    for path in ("/h5p-integration", "/h5p-integration?contentId=%22%3E%3Cscript%3E"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
        assert "script" not in answer.text


@pytest.mark.parametrize("settings", ["s3"], indirect=True)
async def test_packages_in_a_public_bucket_are_not_served_here(
    client: httpx.AsyncClient, content: str
) -> None:
    for path in (f"{content}/h5p.json", f"/h5p-integration?contentId={uuid4()}"):
        assert (await client.get(path)).status_code == 404


@pytest.mark.browser
@pytest.mark.skipif(_CHROMIUM is None, reason="needs Debian's chromium (apt-get install chromium)")
class TestInABrowser:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(node_env="development")

    @pytest.fixture
    async def client_page(self, live_server: str, send: Any) -> AsyncIterator[tuple[str, str, str]]:
        """A page of a client that shows a package; the page, the server, the content's id."""
        spying = b"""
          const found = [];
          for (const look of [() => document.cookie, () => parent.document.title, () => top.document.title])
            try { look(); found.push("open"); } catch (error) { found.push(error.name); }
          document.title = found.join(" ");
        """
        files = {"H5P.Hello-1.0/hello.js": b"%s;%s" % (SCRIPT.encode(), spying)}
        content_id = (await send(package(files=files))).json()["extra"]["h5p"]["contentId"]
        url = f"{live_server}/h5p-integration?contentId={content_id}&content={content_id}"
        shown = FastAPI()

        @shown.get("/")
        async def show() -> HTMLResponse:
            listen = "onmessage = (event) => { (window.told ??= []).push([event.origin, event.data]); }"
            return HTMLResponse(
                f'<link rel="icon" href="data:,"><script>{listen}</script><iframe src="{url}"></iframe>'
            )

        async with serving(shown) as base:
            yield base, live_server, content_id

    async def test_a_package_plays_without_anything_from_elsewhere(
        self, client_page: tuple[str, str, str]
    ) -> None:
        base, server, content_id = client_page
        problems: list[str] = []
        requests: list[str] = []
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
            page = await browser.new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
            page.on("request", lambda request: requests.append(request.url))
            await page.goto(base)
            inner = page.frame_locator("iframe").frame_locator("#content")
            await inner.get_by_text("Hello from a package").wait_for()
            await page.wait_for_function("window.told?.some(([, data]) => data.height >= 321)")
            told = await page.evaluate("window.told")
            playing = next(f for f in page.frames if "frame.html" in f.url)
            assert await playing.title() == "SecurityError SecurityError SecurityError"
            await browser.close()
        assert {origin for origin, _ in told} == {server}
        assert {data["contentId"] for _, data in told} == {content_id}
        assert [url for url in requests if not url.startswith((base, server, "data:"))] == []
        assert problems == []
