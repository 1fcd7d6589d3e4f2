"""What a page says of itself, for people who are about to open it."""

import codecs
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urljoin, urlsplit

from graasp.decoding.process import CannotDecode, Decoder
from graasp.web.fetching import Page

Preview = dict[str, Any]
EMPTY: Preview = {"title": "", "description": "", "html": "", "thumbnails": [], "icons": []}

_PAGES = ("text/html", "application/xhtml+xml")
_LONGEST_TITLE = 500
_LONGEST_DESCRIPTION = 2000
_LONGEST_ADDRESS = 2000
_MOST_ADDRESSES = 5
# What browsers know of Python's encodings; others take their time, fail, or make what is no text.
_CHARSET = re.compile(
    r"utf-8|utf-16(-[bl]e)?|ascii|iso8859-\d+|cp(866|874|932|949|125\d)|koi8-[ru]|mac-(roman|cyrillic)"
    r"|gbk|gb2312|gb18030|big5(hkscs)?|euc_(jp|kr)|iso2022_jp|shift_jis|tis-620"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


async def preview_of(decoder: Decoder, page: Page) -> Preview:
    """Title, description, pictures and icons of an HTML page; empty for everything else."""
    if page.status >= 400 or page.content_type not in _PAGES:
        return EMPTY
    try:
        head = await decoder.head(_text(page))
    except CannotDecode:
        return EMPTY
    meta = head.meta
    titles = (meta.get("og:title"), meta.get("twitter:title"), head.title)
    descriptions = (meta.get("og:description"), meta.get("twitter:description"), meta.get("description"))
    pictures = (meta.get("og:image"), meta.get("og:image:url"), meta.get("twitter:image"))
    return EMPTY | {
        "title": one_line(_first(titles))[:_LONGEST_TITLE],
        "description": one_line(_first(descriptions))[:_LONGEST_DESCRIPTION],
        "thumbnails": _addresses(page.url, pictures),
        "icons": _addresses(page.url, head.icons),
    }


def one_line(text: str) -> str:
    """Control characters and tabs turned into spaces."""
    return _CONTROL.sub(" ", text).strip()


def _text(page: Page) -> str:
    try:
        name = codecs.lookup(page.charset or "utf-8").name
    except (LookupError, ValueError):
        name = "utf-8"
    return page.body.decode(name if _CHARSET.fullmatch(name) else "utf-8", errors="replace")


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
