"""What an embedded link shows: its URL, and what the metadata service knows of it."""

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog

from graasp.items.errors import InvalidUrl
from graasp.platform import Platform

log = structlog.get_logger(__name__)

_TIMEOUT_S = 5.0
_MAX_BYTES = 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_EMPTY: dict[str, Any] = {"title": "", "description": "", "html": "", "thumbnails": [], "icons": []}


async def link_content(platform: Platform, url: str) -> dict[str, Any]:
    """A link's extra. Raises InvalidUrl; a metadata service that fails leaves the descriptions empty."""
    require_linkable(url)
    service = platform.settings.embedded_link_item_iframely_href_origin
    metadata = await _metadata(service, url) if service else _EMPTY
    return {"url": url} | metadata


def require_linkable(url: str) -> None:
    """http(s), no user name in it, and a host that is localhost, an address, or a domain."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
        valid = parts.scheme in ("http", "https") and "@" not in parts.netloc and _is_host(host)
        _ = parts.port
    except (ValueError, UnicodeError):
        valid = False
    if not valid:
        raise InvalidUrl(url)


def _is_host(host: str) -> bool:
    if host == "localhost" or _HOST.fullmatch(host.lower()):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _metadata(service: str, url: str) -> dict[str, Any]:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
            answer = await client.get(f"{service}/iframely", params={"uri": url})
        if not answer.is_success or len(answer.content) > _MAX_BYTES:
            return _EMPTY
        found = answer.json()
        meta = found.get("meta") or {}
        links = found.get("links") or []
        return {
            "title": _CONTROL.sub(" ", str(meta.get("title") or "")).strip(),
            "description": str(meta.get("description") or "").strip(),
            "html": str(found.get("html") or ""),
            "thumbnails": [link["href"] for link in links if "thumbnail" in link.get("rel", ())],
            "icons": [link["href"] for link in links if "icon" in link.get("rel", ())],
        }
    except (httpx.HTTPError, ValueError, AttributeError, KeyError, TypeError) as error:
        log.warning("no link metadata", reason=type(error).__name__)
        return _EMPTY
