"""Links in mails: they expire, and each use asks whether the right is still there."""

import hashlib
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from uuid import UUID

from graasp.downloads import queries
from graasp.downloads.errors import DownloadNotFound
from graasp.http.errors import DomainError, FormattedError
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import Platform, UnitOfWork

# Long enough for a slow connection to begin; the download itself may take as long as it takes.
_STORAGE_LINK = timedelta(minutes=10)
_MARGIN = timedelta(hours=1)
_TOKEN_BYTES = 32


async def offer(
    uow: UnitOfWork,
    *,
    account_id: UUID,
    storage_key: str,
    file_name: str,
    item_id: UUID | None = None,
    permission: Permission | None = None,
) -> str:
    """A link to an archive, for one account; with an item, only as long as the account holds the permission.

    The archive is deleted when its last link has expired.
    """
    settings = uow.platform.settings
    token = token_urlsafe(_TOKEN_BYTES)
    await uow.execute(
        queries.INSERT,
        token_hash=_hash(token),
        account_id=account_id,
        item_id=item_id,
        permission=permission.wire if permission else None,
        storage_key=storage_key,
        file_name=file_name,
        expires_at=datetime.now(UTC) + settings.archive_lifetime,
    )
    return f"{settings.api_url}/api/downloads/{token}"


async def announce(platform: Platform, *, account_id: UUID, storage_key: str, within: timedelta) -> None:
    """Note an archive before it is written, by a job that ends `within` a time.

    Should the job die before the archive is offered, the clean-up finds it.
    """
    async with platform.unit_of_work() as uow:
        await uow.execute(
            queries.INSERT,
            # Of a token that nobody knows.
            token_hash=_hash(token_urlsafe(_TOKEN_BYTES)),
            account_id=account_id,
            item_id=None,
            permission=None,
            storage_key=storage_key,
            file_name="",
            expires_at=datetime.now(UTC) + within + _MARGIN,
        )


async def resolve(platform: Platform, token: str) -> str:
    """The storage's own short-lived link. Raises DownloadNotFound, whatever the reason."""
    row = await platform.reads.first(queries.BY_TOKEN, token_hash=_hash(token))
    if row is None or row["account_id"] is None:
        raise DownloadNotFound
    if row["item_id"] is not None:
        needed = Permission.from_wire(row["permission"] or "read")
        try:
            await authorize(platform.reads, row["account_id"], row["item_id"], needed)
        except (DomainError, FormattedError):
            raise DownloadNotFound from None
    if await platform.storage.size(row["storage_key"]) is None:
        raise DownloadNotFound
    return await platform.storage.url(
        row["storage_key"], expires=_STORAGE_LINK, download_name=row["file_name"]
    )


async def remove_orphans(platform: Platform) -> int:
    """Delete the archives nobody can fetch any more, object first; how many there were."""
    removed = 0
    while rows := await platform.reads.all(queries.ORPHANED):
        for row in rows:
            await platform.storage.delete(row["storage_key"])
            async with platform.unit_of_work() as uow:
                await uow.execute(queries.DELETE, ids=row["ids"])
            removed += 1
    return removed


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
