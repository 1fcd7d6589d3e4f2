"""What an uploaded file really is, and what of it is kept."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import BinaryIO

import filetype
import nh3
import pypdf
import structlog

log = structlog.get_logger(__name__)

_CHUNK = 256 * 1024
_HEAD = 8 * 1024
_INDEXED_PAGES = 10
_LARGEST_HTML = 20 * 1024 * 1024
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream")

# The policy for uploaded pages: text and tables, nothing that loads or runs.
_HTML_TAGS = frozenset(
    [
        "address",
        "article",
        "aside",
        "footer",
        "header",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hgroup",
        "main",
        "nav",
        "section",
        "blockquote",
        "dd",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "hr",
        "li",
        "menu",
        "ol",
        "p",
        "pre",
        "ul",
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "br",
        "cite",
        "code",
        "data",
        "dfn",
        "em",
        "i",
        "kbd",
        "mark",
        "q",
        "rb",
        "rp",
        "rt",
        "rtc",
        "ruby",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "time",
        "u",
        "var",
        "wbr",
        "caption",
        "col",
        "colgroup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
    ]
)


def detected_type(declared: str, head: bytes) -> str:
    """The declared content type; what the bytes say where nothing was declared, or where they contradict an image."""
    found = filetype.guess(head)
    actual = found.mime if found else None
    if declared in _UNTOLD:
        return actual or ("text/plain" if declared == "" else declared)
    if (
        declared.startswith(("image/", "video/", "audio/"))
        and _looks_like_markup(head)
        and "svg" not in declared
    ):
        return "text/html"
    return declared


def _looks_like_markup(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    return start.startswith((b"<!doctype", b"<html", b"<script", b"<svg", b"<?xml"))


async def chunks_of(file: BinaryIO) -> AsyncIterator[bytes]:
    """The file from its start, piece by piece."""
    await asyncio.to_thread(file.seek, 0)
    while chunk := await asyncio.to_thread(file.read, _CHUNK):
        yield chunk


async def head_of(file: BinaryIO) -> bytes:
    await asyncio.to_thread(file.seek, 0)
    return await asyncio.to_thread(file.read, _HEAD)


async def safe_html(file: BinaryIO) -> BinaryIO:
    """The page without anything that runs; what is beyond 20 MiB is dropped."""
    await asyncio.to_thread(file.seek, 0)
    raw = await asyncio.to_thread(file.read, _LARGEST_HTML)
    return io.BytesIO((await asyncio.to_thread(_clean, raw.decode(errors="replace"))).encode())


def _clean(page: str) -> str:
    return nh3.clean(
        page,
        tags=set(_HTML_TAGS),
        clean_content_tags={"script", "style", "textarea", "option"},
        attributes={"a": {"href", "name", "target"}},
        url_schemes={"http", "https", "ftp", "mailto", "tel"},
        link_rel=None,
    )


async def pdf_text(file: BinaryIO) -> str:
    """The text of the first pages, in one line; nothing for a file that can't be read."""
    await asyncio.to_thread(file.seek, 0)
    try:
        return await asyncio.to_thread(_first_pages, file)
    except Exception as error:
        # The parser raises whatever a broken file leads it to.
        log.info("no text from a PDF", reason=type(error).__name__)
        return ""


def _first_pages(file: BinaryIO) -> str:
    pages = pypdf.PdfReader(file).pages[:_INDEXED_PAGES]
    return " ".join(" ".join(page.extract_text().split()) for page in pages).replace("\0", " ")
