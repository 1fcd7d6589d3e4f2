"""Hostile HTML is parsed where it can do no harm."""

from contextlib import suppress

import pytest

from graasp.decoding import program
from graasp.decoding.process import CannotDecode, Decoder
from graasp.html import sanitize
from tests.pages_to_parse import unclosed

PARAGRAPH = '<p class="ql-align-right">some <strong>text</strong> &amp; more</p>'


@pytest.mark.parametrize("paragraphs", [1, 100, 1000])
async def test_html_of_any_length_is_cleaned_alike(paragraphs: int) -> None:
    html = PARAGRAPH * paragraphs
    assert await Decoder().safe_html(html) == html
    assert await Decoder().safe_html(html + "<script>x()</script>") == html
    assert await Decoder().safe_page(html) == "<p>some <strong>text</strong> &amp; more</p>" * paragraphs
    head = await Decoder().head(f"<title>A page</title><meta name='Author' content='a'>{html}")
    assert (head.title, head.meta, head.icons) == ("A page", {"author": "a"}, [])


@pytest.mark.parametrize("number", [60, 400])
async def test_html_that_becomes_much_more_than_it_was_is_refused(number: int) -> None:
    assert len(sanitize(unclosed(number))) > 8 * len(unclosed(number))
    with pytest.raises(CannotDecode):
        await Decoder().safe_html(unclosed(number))
    with pytest.raises(CannotDecode):
        await Decoder().safe_page(unclosed(number))


@pytest.mark.parametrize(
    "html",
    [
        unclosed(400),
        "<div>" * 3000,
        "&" * 50_000,
        "<p>" + "&" * 50_000,
        "<a " + " ".join(f"a{n}" for n in range(20_000)) + ">",
        "<a " + " ".join(f"a{n}='>'" for n in range(20_000)) + ">",
    ],
    ids=["unclosed", "nested", "entities", "text", "attributes", "quotes"],
)
async def test_what_takes_long_is_not_parsed_here(html: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed_here(*_: object) -> str:
        raise AssertionError("nobody is served meanwhile")

    monkeypatch.setattr(program, "parse_html", parsed_here)
    with suppress(CannotDecode):
        await Decoder().safe_html(html)


async def test_a_page_that_fills_memory_has_no_head() -> None:
    assert (await Decoder().head(unclosed(60))).title == "A page"
    with pytest.raises(CannotDecode):
        await Decoder().head(unclosed(2500))
