"""Files that people upload into apps, on their way into storage.

Everybody with an app's token may upload, guests too, who have no storage of their own. So each account has an allowance
for what it uploads into apps, apart from that of its items: nobody's files take space from anybody else, and whoever has
filled the storage with items can still hand in what an app asks for.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from graasp.apps.files import queries
from graasp.apps.files.keys import Area, file_key
from graasp.auth.gates import Caller
from graasp.db.database import Reader
from graasp.files.errors import StorageExceeded, UploadEmptyFile
from graasp.files.receiving import Incoming, store_bytes
from graasp.http.errors import TooManyFields
from graasp.http.uploads import Form, Part
from graasp.memberships.authorization import Access, Permission, authorize
from graasp.platform import Platform, UnitOfWork

_MOST_FIELDS = 5
_LONGEST_FIELD = 1024 * 1024


@dataclass(frozen=True)
class AppFile:
    """A stored file, the id of the row that is still to be made for it, and the text fields of its form."""

    row_id: UUID
    item_id: UUID
    key: str
    name: str
    mimetype: str
    size: int
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """What the row says of it."""
        return {"file": {"name": self.name, "path": self.key, "mimetype": self.mimetype}}


async def receive(platform: Platform, account_id: UUID, area: Area, item_id: UUID, form: Form) -> AppFile:
    """Store the first file of a form; further ones are dropped.

    Raises UploadEmptyFile when there is none, TooManyFields, BodyTooLarge, and what `store_bytes` and `Form` raise;
    then nothing is left in storage.
    """
    fields: list[tuple[str, str]] = []
    file: AppFile | None = None
    try:
        async with aclosing(form.parts()) as parts:
            async for part in parts:
                if not part.is_file:
                    if len(fields) == _MOST_FIELDS:
                        raise TooManyFields
                    fields.append((part.field, await _text(part)))
                elif file is None:
                    file = await _store(platform, account_id, area, item_id, part)
    except BaseException:
        if file:
            await asyncio.shield(platform.storage.delete(file.key))
        raise
    if file is None:
        raise UploadEmptyFile
    # Of several fields of one name the first counts.
    return replace(file, fields=dict(reversed(fields)))


async def keep(uow: UnitOfWork, caller: Caller, file: AppFile, needed: Permission) -> Access:
    """Count a stored file as the caller's, who still has to have the permission on the app's item.

    Its bytes go again if this unit of work does not succeed. Raises StorageExceeded, and what `authorize` raises.
    """
    uow.after_rollback(lambda: uow.platform.storage.delete(file.key))
    access = await authorize(uow, caller.id, file.item_id, needed)
    await uow.first(queries.LOCK_ACCOUNT, account_id=caller.id)
    total = await used_bytes(uow, caller.id) + file.size
    if total > uow.platform.settings.max_app_storage_bytes:
        raise StorageExceeded(total)
    await uow.execute(
        queries.COUNT, id=file.row_id, item_id=file.item_id, account_id=caller.id, size=file.size
    )
    return access


async def used_bytes(reader: Reader, account_id: UUID) -> int:
    """What the files that an account has uploaded into apps take."""
    return int(await reader.scalar(queries.USED, account_id=account_id))


async def _store(platform: Platform, account_id: UUID, area: Area, item_id: UUID, part: Part) -> AppFile:
    row_id = uuid4()
    key = file_key(area, item_id, row_id)
    incoming = Incoming(part.file_name, part.content_type, part.chunks())
    used = await used_bytes(platform.reads, account_id)
    allowed = platform.settings.max_app_storage_bytes
    stored = await store_bytes(platform, account_id, incoming, key, used=used, allowed=allowed)
    return AppFile(row_id, item_id, key, part.file_name, stored.mimetype, stored.size)


async def _text(part: Part) -> str:
    # PostgreSQL has no NUL character.
    return (await part.value(_LONGEST_FIELD)).decode(errors="replace").replace("\0", "")
