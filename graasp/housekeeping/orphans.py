"""Stored objects that nothing refers to: what a process left that died between storing them and writing their rows.

Only old ones go, so that no upload, copy or import in progress is touched, and only those whose keys have the forms
that this product makes: what else lies in a bucket is somebody else's.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import TextClause

from graasp.housekeeping import queries
from graasp.platform import Platform
from graasp.storage import FileStorage
from graasp.thumbnails.service import SIZES

_SAFE_AGE = timedelta(days=1)
_BATCH = 1000
# Fewer tell nothing of whether the database is the right one.
_FEW = 1000

_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SIZE = f"(?:{'|'.join(SIZES)})"
_ARCHIVES = ("item-export", "actions", "export", "zip-import")


@dataclass(frozen=True)
class _Area:
    """Objects of one kind, below one prefix.

    The statement tells which of them some row refers to, by the group in the form of their keys, or by the whole key.
    """

    storage: FileStorage
    prefix: str
    form: str
    referred: TextClause
    age: timedelta = _SAFE_AGE


class Counted(NamedTuple):
    """How many old objects there are below a prefix, and how many of them are orphans."""

    prefix: str
    objects: int = 0
    orphans: int = 0


Tell = Callable[[Counted], None]


async def survey(platform: Platform, tell: Tell) -> list[Counted]:
    """Count the orphans of each kind."""
    return [await _look_through(platform, area, tell, deleting=False) for area in _areas(platform)]


async def sweep(platform: Platform, tell: Tell) -> list[Counted]:
    """Delete the orphans of each kind, and count them. Raises StorageRefused."""
    return [await _look_through(platform, area, tell, deleting=True) for area in _areas(platform)]


async def drop_unfinished_uploads(platform: Platform) -> int:
    """Remove what uploads have left that nobody completes any more; how many there were."""
    before = datetime.now(UTC) - _SAFE_AGE
    return sum([await area.storage.drop_unfinished(area.prefix, before) for area in _areas(platform)])


def is_suspicious(found: Sequence[Counted]) -> bool:
    """Whether so much belongs to nothing that the storage may be that of another database."""
    # Of the archives of another server there never was a row.
    telling = [counted for counted in found if counted.prefix not in _ARCHIVES]
    orphans = sum(counted.orphans for counted in telling)
    return orphans > _FEW and 2 * orphans > sum(counted.objects for counted in telling)


async def _look_through(platform: Platform, area: _Area, tell: Tell, *, deleting: bool) -> Counted:
    counted = Counted(area.prefix)
    async for names in _batches(area):
        # From the primary: a replica that lags behind must not decide.
        rows = await platform.database.primary_reads.all(area.referred, names=list({*names.values()}))
        referred = {row["name"] for row in rows}
        orphans = [key for key, name in names.items() if name not in referred]
        if deleting:
            await area.storage.delete(*orphans)
        counted = Counted(area.prefix, counted.objects + len(names), counted.orphans + len(orphans))
        tell(counted)
    return counted


async def _batches(area: _Area) -> AsyncIterator[dict[str, str]]:
    """The keys of old objects, each with its name."""
    form = re.compile(f"{re.escape(area.prefix)}/{area.form}", re.DOTALL)
    batch: dict[str, str] = {}
    async for key in area.storage.list_older(area.prefix, datetime.now(UTC) - area.age):
        if known := form.fullmatch(key):
            batch[key] = known[1] if form.groups else key
        if len(batch) == _BATCH:
            yield batch
            batch = {}
    if batch:
        yield batch


def _areas(platform: Platform) -> list[_Area]:
    files, settings = platform.storage, platform.settings
    # Links to archives live longer than what is stored by mistake may.
    archive_age = settings.archive_lifetime + _SAFE_AGE
    packages = settings.h5p_path_prefix.strip("/")
    return [
        _Area(files, "files", "[0-9a-f]{4}/[0-9a-f]{4}/[0-9a-f]{4}-[0-9]+(?:[.].*)?", queries.FILES),
        _Area(files, "thumbnails", f"({_ID})/{_SIZE}", queries.ITEMS),
        _Area(files, "avatars", f"({_ID})/{_SIZE}", queries.ACCOUNTS),
        _Area(files, "apps/app-data", f"{_ID}/({_ID})", queries.APP_DATA),
        _Area(files, "apps/app-setting", f"{_ID}/{_ID}", queries.APP_SETTINGS),
        *(_Area(files, prefix, f"{_ID}.*", queries.ARCHIVES, archive_age) for prefix in _ARCHIVES),
        _Area(platform.packages, packages, f"({_ID})/.+", queries.PACKAGES),
    ]
