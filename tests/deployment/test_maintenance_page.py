"""The page that people see while the product is under maintenance."""

import re
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.async_api import Browser, Page, async_playwright
from selectolax.lexbor import LexborHTMLParser

from graasp.deployment.front_door import front_door
from graasp.deployment.maintenance_page import languages, maintenance_page, preferred_language
from graasp.mail.texts import LANGUAGES, RIGHT_TO_LEFT
from tests.command_line import run_graasp
from tests.conftest import serving

_CHROMIUM = shutil.which("chromium")
_END = datetime(2040, 3, 1, 23, 30, tzinfo=UTC)


def _shown(page: str) -> list[str]:
    """The languages whose text a reader without scripts sees."""
    sections = LexborHTMLParser(page).css("section")
    return [str(each.attributes["lang"]) for each in sections if "hidden" not in each.attributes]


def test_it_speaks_the_languages_of_the_product() -> None:
    assert languages() == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_server_shows_one_language_of_all_that_are_in_it(language: str) -> None:
    page = LexborHTMLParser(maintenance_page(language, _END))
    html, title = page.css_first("html"), page.css_first("title")
    section = page.css_first(f"section[lang={language}]")
    assert _shown(maintenance_page(language, _END)) == [language]
    assert html.attributes["lang"] == language
    assert html.attributes["dir"] == section.attributes["dir"]
    assert (html.attributes["dir"] == "rtl") == (language in RIGHT_TO_LEFT)
    assert title.text() == section.css_first("h1").text()
    time = section.css_first("time")
    assert (time.attributes["datetime"], time.text()) == ("2040-03-01T23:30:00+00:00", "2040-03-01 23:30 UTC")


def test_every_language_has_words_of_its_own() -> None:
    sections = LexborHTMLParser(maintenance_page(None, _END)).css("section")
    assert len({section.text() for section in sections}) == len(LANGUAGES)
    for section in sections:
        assert all(len(part.text(strip=True)) > 3 for part in section.css("h1, p, a"))


def test_as_a_file_it_shows_all_of_them_until_the_browser_has_chosen() -> None:
    assert _shown(maintenance_page()) == list(LANGUAGES)


def test_without_a_planned_end_it_announces_none() -> None:
    assert not LexborHTMLParser(maintenance_page("en")).css("time, .end")


def test_it_is_one_file_that_needs_nothing_else() -> None:
    page = LexborHTMLParser(maintenance_page(None, _END, back_to="https://example.org/?a=1&b=2"))
    assert not page.css("[src], link[rel=stylesheet], iframe, object, embed, form")
    assert [link.attributes["href"][:5] for link in page.css("link")] == ["data:"]
    assert {link.attributes["href"] for link in page.css("a")} == {"https://example.org/?a=1&b=2"}
    assert "url(" not in maintenance_page()
    assert "@import" not in maintenance_page()


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"),
        ("*", "en"),
        ("nl,pl;q=0.8", "en"),
        ("fr", "fr"),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"),
        ("AR_eg,AR-eg", "ar"),
        ("nl, de;q=0.3, it;q=0.7", "it"),
        ("de;q=0, es;q=0.1", "es"),
        ("it,de", "it"),
        ("de;q=0.5, ar", "ar"),
        ("en;q=2, es;q=0.9", "en"),
    ],
)
def test_the_reader_is_spoken_to_in_the_language_that_was_asked_for(accept: str, language: str) -> None:
    assert preferred_language(accept) == language


@given(st.text(alphabet=st.sampled_from("aefrnitdes,;=q0.19 -*\t\u0660"), max_size=60))
def test_whatever_a_browser_asks_for_there_is_a_language(accept: str) -> None:
    assert preferred_language(accept) in LANGUAGES


async def test_the_command_writes_it_for_gateways_and_web_sites(tmp_path: Path) -> None:
    options = ("--until", "2040-03-02T00:30+01:00", "--back-to", "https://example.org")
    written = await run_graasp(tmp_path, "maintenance-page", "--output", "page.html", *options)
    printed = await run_graasp(tmp_path, "maintenance-page")
    assert (written.code, printed.code) == (0, 0), written.errors + printed.errors
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page == maintenance_page(None, _END, back_to="https://example.org")
    assert printed.output == maintenance_page()
    for wrong in (("--until", "2040-03-02T00:30"), ("--until", "soon"), ("--back-to", "javascript:alert()")):
        assert (await run_graasp(tmp_path, "maintenance-page", *wrong)).code == 2


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def _opened(browser: Browser, url: str, locale: str) -> tuple[Page, list[str]]:
    """The page as a reader in Tokyo sees it; what the browser complained about, and what it loaded besides."""
    page = await browser.new_page(locale=locale, timezone_id="Asia/Tokyo")
    noticed: list[str] = []
    page.on("pageerror", lambda error: noticed.append(str(error)))
    page.on("request", lambda request: request.url.startswith((url, "data:")) or noticed.append(request.url))
    # The answer itself is one that a browser complains about.
    page.on("console", lambda message: "503" in message.text or noticed.append(message.text))
    await page.goto(url)
    return page, noticed


@pytest.mark.browser
@pytest.mark.skipif(_CHROMIUM is None, reason="needs Debian's chromium")
@pytest.mark.parametrize("is_file", [False, True], ids=["from a server", "as a file"])
@pytest.mark.parametrize(
    ("locale", "language", "heading", "day"),
    [
        ("en-GB", "en", "Graasp is under maintenance", "2 March"),
        ("fr-CH", "fr", "Graasp est en maintenance", "2 mars"),
        ("es", "es", "Graasp está en mantenimiento", "2 de marzo"),
        ("it", "it", "Graasp è in manutenzione", "2 marzo"),
        ("de-AT", "de", "Graasp wird gewartet", "2. März"),
        ("ar-EG", "ar", "تخضع Graasp للصيانة", "مارس"),
        ("pl", "en", "Graasp is under maintenance", "March 2"),
    ],
)
async def test_a_reader_sees_the_own_language_and_the_end_in_the_own_time(
    browser: Browser, tmp_path: Path, is_file: bool, locale: str, language: str, heading: str, day: str
) -> None:
    (tmp_path / "page.html").write_text(maintenance_page(ends_at=_END), "utf-8")
    async with serving(front_door(_END)) as base:
        url = (tmp_path / "page.html").as_uri() if is_file else f"{base}/home"
        page, noticed = await _opened(browser, url, locale)
        assert await page.get_by_role("heading").all_inner_texts() == [heading]
        assert await page.title() == heading
        end = await page.locator("time:visible").inner_text()
        assert day in end
        assert re.search(r"\b0?8:30|٨:٣٠", end), end
        right_to_left = language in RIGHT_TO_LEFT
        assert await page.evaluate("getComputedStyle(document.querySelector('main')).direction") == (
            "rtl" if right_to_left else "ltr"
        )
        assert await page.locator("button[aria-pressed=true]").get_attribute("lang") == language

        await page.get_by_role("button", name="Deutsch").click()
        assert await page.get_by_role("heading").all_inner_texts() == ["Graasp wird gewartet"]
        assert await page.locator("html").get_attribute("lang") == "de"
        assert await page.get_by_role("navigation", name="Sprachen").is_visible()
        await page.close()
    assert noticed == []


@pytest.mark.browser
@pytest.mark.skipif(_CHROMIUM is None, reason="needs Debian's chromium")
async def test_an_end_that_has_passed_is_not_shown_and_dark_is_dark(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(maintenance_page(ends_at=datetime.now(UTC) - timedelta(minutes=1)), "utf-8")
    page, noticed = await _opened(browser, file.as_uri(), "en")
    assert not await page.locator(".end:visible").count()
    colours = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        colours.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(246, 246, 251)", "rgb(18, 18, 28)"]
    await page.close()
    assert noticed == []


@pytest.mark.browser
@pytest.mark.skipif(_CHROMIUM is None, reason="needs Debian's chromium")
async def test_it_can_be_tried_again_by_keyboard(browser: Browser) -> None:
    async with serving(front_door()) as url:
        page, _ = await _opened(browser, f"{url}/builder?x=1", "en")
        async with page.expect_navigation():
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
        assert page.url == f"{url}/builder?x=1"
        await page.close()
