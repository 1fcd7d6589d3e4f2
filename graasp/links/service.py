"""What an embedded link shows: its URL, and what is known of the page behind it."""

import asyncio
import ipaddress
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from publicsuffixlist import PublicSuffixList

from graasp.links.errors import InvalidUrl
from graasp.links.preview import EMPTY, Preview, one_line, preview_of
from graasp.platform import Platform
from graasp.web.certificates import certificates
from graasp.web.fetching import CannotFetch, Page

log = structlog.get_logger(__name__)

# How a link is shown unless its author says otherwise.
LINK_SETTINGS: Mapping[str, Any] = {"showLinkButton": True, "showLinkIframe": False}

_SERVICE_TIMEOUT_S = 8.0
_LARGEST_ANSWER = 1024 * 1024
_LARGEST_HEAD = 512 * 1024
_LONGEST_URL = 8192
_HAS_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_UNFRAMEABLE = ("frame-ancestors 'none'", "frame-ancestors 'self'")


async def link_content(platform: Platform, url: str) -> dict[str, Any]:
    """A link's extra. Raises InvalidUrl; a page of which nothing is known leaves the descriptions empty."""
    require_linkable(url)
    return {"url": url} | await _preview(platform, url)


def leads_to(stored: Mapping[str, Any], url: str) -> bool:
    """Whether what is stored of a link has this URL already."""
    return bool(stored.get("url") == url)


async def link_metadata(platform: Platform, link: str) -> dict[str, Any]:
    """What is known of a page, and whether it may be shown in a frame. Raises InvalidUrl."""
    url = link if _HAS_SCHEME.match(link) else f"https://{link}"
    require_linkable(url)
    preview, page = await asyncio.gather(_service_preview(platform, url), _page(platform, url))
    if preview is None:
        preview = await preview_of(platform.decoder, page) if page else EMPTY
    return preview | {"isEmbeddingAllowed": page is not None and _is_frameable(page)}


def require_linkable(url: str) -> None:
    """http(s), no user name in it, and a host that is localhost, an address, or below a real top-level domain."""
    if len(url) > _LONGEST_URL:
        raise InvalidUrl(url[:_LONGEST_URL])
    try:
        parts = urlsplit(url)
        valid = (
            parts.scheme in ("http", "https") and "@" not in parts.netloc and _is_host(parts.hostname or "")
        )
        _ = parts.port
    except (ValueError, UnicodeError):
        valid = False
    if not valid:
        raise InvalidUrl(url)


def _is_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("idna").decode().rstrip(".")
        labels = name.split(".")
        return len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) and _has_real_suffix(name)
    return True


def _has_real_suffix(name: str) -> bool:
    return _suffixes().publicsuffix(name) is not None


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


async def _preview(platform: Platform, url: str) -> Preview:
    if platform.settings.embedded_link_item_iframely_href_origin:
        return await _service_preview(platform, url) or EMPTY
    page = await _page(platform, url)
    return await preview_of(platform.decoder, page) if page else EMPTY


async def _page(platform: Platform, url: str) -> Page | None:
    try:
        return await platform.web.get(url, most_bytes=_LARGEST_HEAD)
    except CannotFetch as error:
        log.info("page not fetched", reason=str(error))
        return None


def _is_frameable(page: Page) -> bool:
    policy = page.headers.get("content-security-policy", "").lower()
    options = page.headers.get("x-frame-options", "").lower().strip()
    return not any(rule in policy for rule in _UNFRAMEABLE) and options not in ("sameorigin", "deny")


async def _service_preview(platform: Platform, url: str) -> Preview | None:
    """What the metadata service knows; nothing without one, empty when it fails."""
    service = platform.settings.embedded_link_item_iframely_href_origin
    if service is None:
        return None
    try:
        async with httpx.AsyncClient(
            timeout=_SERVICE_TIMEOUT_S, trust_env=False, verify=certificates()
        ) as client:
            answer = await client.get(f"{service}/iframely", params={"uri": url})
        if not answer.is_success or len(answer.content) > _LARGEST_ANSWER:
            return EMPTY
        found = answer.json()
        meta, links = found.get("meta") or {}, found.get("links") or []
        return EMPTY | {
            "title": one_line(_storable(meta.get("title"))),
            "description": _storable(meta.get("description")).strip(),
            "html": _storable(found.get("html")),
            "thumbnails": [_storable(link["href"]) for link in links if "thumbnail" in link.get("rel", ())],
            "icons": [_storable(link["href"]) for link in links if "icon" in link.get("rel", ())],
        }
    except (httpx.HTTPError, ValueError, AttributeError, KeyError, TypeError) as error:
        log.warning("no link metadata", reason=type(error).__name__)
        return EMPTY


def _storable(told: Any) -> str:
    """A text without what JSON can say and no database can keep."""
    return str(told or "").replace("\0", "").encode(errors="replace").decode()
