"""What a page says of itself, for people who are about to open it."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from graasp.web.fetching import Page

Preview = dict[str, Any]
EMPTY: Preview = {"title": "", "description": "", "html": "", "thumbnails": [], "icons": []}

_PAGES = ("text/html", "application/xhtml+xml")
_LONGEST_TITLE = 500
_LONGEST_DESCRIPTION = 2000
_LONGEST_ADDRESS = 2000
_MOST_ADDRESSES = 5
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def preview_of(page: Page) -> Preview:
    """Title, description, pictures and icons of an HTML page; empty for everything else."""
    if page.status >= 400 or page.content_type not in _PAGES:
        return EMPTY
    parsed = LexborHTMLParser(_text(page))
    meta = _meta(parsed)
    titles = (meta.get("og:title"), meta.get("twitter:title"), _title(parsed))
    descriptions = (meta.get("og:description"), meta.get("twitter:description"), meta.get("description"))
    pictures = (meta.get("og:image"), meta.get("og:image:url"), meta.get("twitter:image"))
    icons = (
        node.attributes.get("href")
        for node in parsed.css("link[rel][href]")
        if "icon" in (node.attributes.get("rel") or "").lower().split()
    )
    return EMPTY | {
        "title": one_line(_first(titles))[:_LONGEST_TITLE],
        "description": one_line(_first(descriptions))[:_LONGEST_DESCRIPTION],
        "thumbnails": _addresses(page.url, pictures),
        "icons": _addresses(page.url, icons),
    }


def one_line(text: str) -> str:
    """Control characters and tabs turned into spaces."""
    return _CONTROL.sub(" ", text).strip()


def _text(page: Page) -> str:
    try:
        return page.body.decode(page.charset or "utf-8", errors="replace")
    except LookupError:
        return page.body.decode(errors="replace")


def _meta(parsed: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in parsed.css("meta[content]"):
        name = node.attributes.get("property") or node.attributes.get("name")
        content = node.attributes.get("content")
        if name and content:
            found.setdefault(name.lower(), content)
    return found


def _title(parsed: LexborHTMLParser) -> str | None:
    node = parsed.css_first("head > title")
    return node.text() if node else None


def _first(texts: Iterable[str | None]) -> str:
    return next((text for text in texts if text and text.strip()), "")


def _addresses(base: str, found: Iterable[str | None]) -> list[str]:
    """Absolute http(s) addresses, each once."""
    addresses: dict[str, None] = {}
    for address in found:
        try:
            absolute = urljoin(base, (address or "").strip())
            is_web = urlsplit(absolute).scheme in ("http", "https")
        except ValueError:
            continue
        if address and is_web and len(absolute) <= _LONGEST_ADDRESS:
            addresses[absolute] = None
    return list(addresses)[:_MOST_ADDRESSES]
