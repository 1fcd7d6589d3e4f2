"""Files of apps that nobody has any more."""

from uuid import UUID

from graasp.apps.files import queries
from graasp.db.database import Reader
from graasp.platform import Platform

_AT_ONCE = 1000


async def files_of_account(reader: Reader, account_id: UUID) -> list[str]:
    """The keys of the files that go with an account: those of its app data."""
    return [row["key"] for row in await reader.all(queries.OF_ACCOUNT, account_id=account_id)]


async def remove_files(platform: Platform, *keys: str) -> None:
    """Delete files whose rows are gone, but for those that a setting which was copied still names."""
    rows = await platform.database.primary_reads.all(queries.NAMED, keys=list(keys))
    named = {row["key"] for row in rows}
    free = [key for key in keys if key not in named]
    await platform.storage.delete(*free)
    await platform.urls.forget(*free)


async def remove_files_below(platform: Platform, folder: str) -> None:
    """The same for everything below the folder of an app that was deleted."""
    keys = [key async for key in platform.storage.list(folder)]
    for start in range(0, len(keys), _AT_ONCE):
        await remove_files(platform, *keys[start : start + _AT_ONCE])
