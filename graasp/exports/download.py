"""One item as a file."""

import re
from pathlib import PurePosixPath
from urllib.parse import quote

import structlog

from graasp.db.database import Row
from graasp.etherpad.service import pad_html
from graasp.exports.leaves import Leaf, page_form, plain_form
from graasp.exports.names import with_extension
from graasp.h5p.layout import PackagePlace
from graasp.http.errors import DomainError, FormattedError
from graasp.items.errors import WrongItemType
from graasp.platform import Platform

log = structlog.get_logger(__name__)

_FORBIDDEN = re.compile(r'[/?<>\\:*|"\x00-\x1f\x80-\x9f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_LONGEST_BYTES = 255
# What JavaScript's encodeURI leaves as it is.
_KEPT = "-_.!~*'();/?:@&=+$,#"


async def item_as_file(platform: Platform, item: Row) -> Leaf:
    """The item's plain form.

    Raises WrongItemType for what has none, the storage's own error when the file is missing, EtherpadServerError.
    """
    if item["type"] == "etherpad":
        return page_form(await pad_html(platform, item))
    leaf = await plain_form(platform, item)
    if leaf is not None:
        return leaf
    if item["type"] == "file":
        raise platform.storage.not_found({"filepath": _key(item)})
    if item["type"] == "h5p":
        raise platform.packages.not_found({"filepath": _package_key(platform, item)})
    raise WrongItemType(item["type"])


async def exported_form(platform: Platform, item: Row) -> Leaf | None:
    """As `item_as_file`; nothing, with a line in the log, where that raises."""
    try:
        return await item_as_file(platform, item)
    except (DomainError, FormattedError) as error:
        log.info("item left out of the export", item_id=str(item["id"]), reason=error.message)
        return None


def download_header(item: Row, extension: str) -> str:
    """The Content-Disposition that names the download after the item."""
    segment = PurePosixPath(item["name"]).name or item["name"]
    name = _safe(f"{with_extension(segment, extension)}" if extension else f"{segment}.")
    return f'attachment; filename="{quote(name, safe=_KEPT)}"'


def archive_header(item: Row) -> str:
    """The Content-Disposition that names the archive of an item after it."""
    return f'filename="{quote(_safe(item["name"]), safe=_KEPT)}.zip"'


def _safe(name: str) -> str:
    """A name that every system accepts, as existing downloads have it."""
    cleaned = _FORBIDDEN.sub("_", name)
    cleaned = re.sub(r"^\.+$", "_", cleaned)
    cleaned = "_" if _RESERVED.fullmatch(cleaned) else cleaned
    cleaned = re.sub(r"[. ]+$", "_", cleaned)
    return cleaned.encode()[:_LONGEST_BYTES].decode(errors="ignore")


def _key(item: Row) -> object:
    file = item["extra"].get("file") if isinstance(item["extra"], dict) else None
    return file.get("path") if isinstance(file, dict) else None


def _package_key(platform: Platform, item: Row) -> str | None:
    place = PackagePlace.of(item)
    return place.package_key(platform.settings) if place else None
