"""The settings of apps that are copied; what people did in them stays with the original."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from graasp.apps import queries
from graasp.apps.files.keys import Area, file_key
from graasp.db.database import Reader
from graasp.platform import UnitOfWork
from graasp.storage.copies import ObjectCopy


class SettingCopy(NamedTuple):
    """A setting to be made for a copied item, and the file it has."""

    id: UUID
    item_id: UUID
    source_id: UUID
    file: ObjectCopy | None


async def plan_settings(
    reader: Reader, copies_of: Mapping[UUID, Sequence[UUID]], account_id: UUID
) -> list[SettingCopy]:
    """The settings of app items for the copies of each; one statement."""
    if not copies_of:
        return []
    rows = await reader.all(queries.SETTINGS_OF, item_ids=list(copies_of))
    return [
        _copy(row["id"], row["file_key"], item_id, account_id)
        for row in rows
        for item_id in copies_of[row["item_id"]]
    ]


def _copy(source_id: UUID, source_key: str | None, item_id: UUID, account_id: UUID) -> SettingCopy:
    setting_id = uuid4()
    if source_key is None:
        return SettingCopy(setting_id, item_id, source_id, None)
    file = ObjectCopy(
        source=source_key,
        target=file_key(Area.SETTINGS, item_id, setting_id),
        metadata={"item": str(setting_id), "member": str(account_id)},
        is_optional=True,
    )
    return SettingCopy(setting_id, item_id, source_id, file)


async def copy_settings(uow: UnitOfWork, copies: Sequence[SettingCopy]) -> None:
    """Make the planned settings in one statement; their items are there."""
    if copies:
        await uow.execute(
            queries.COPY_SETTINGS,
            ids=[copy.id for copy in copies],
            item_ids=[copy.item_id for copy in copies],
            source_ids=[copy.source_id for copy in copies],
            file_keys=[copy.file.target if copy.file else None for copy in copies],
        )
