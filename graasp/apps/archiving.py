"""The settings of apps on their way into archives and out of them again; those with a file stay behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from graasp.apps import queries
from graasp.db.database import Reader
from graasp.db.statements import dumps
from graasp.platform import UnitOfWork


async def archived_settings(reader: Reader, item_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """By app item, what its settings say: `{name, data, createdAt, updatedAt}`; one statement."""
    found: dict[UUID, list[dict[str, Any]]] = {}
    if not item_ids:
        return found
    for row in await reader.all(queries.SETTINGS_WITHOUT_FILE, item_ids=list(item_ids)):
        setting = {"name": row["name"], "data": row["data"]}
        times = {"createdAt": row["created_at"], "updatedAt": row["updated_at"]}
        found.setdefault(row["item_id"], []).append(setting | times)
    return found


@dataclass(frozen=True)
class NewSetting:
    """A setting of an app item that was made in the same unit of work; without times it is made now."""

    item_id: UUID
    name: str
    data: Any
    created_at: datetime | None
    updated_at: datetime | None


async def insert_settings(uow: UnitOfWork, settings: Sequence[NewSetting], creator_id: UUID) -> None:
    """Make settings in one statement."""
    if settings:
        await uow.execute(
            queries.INSERT_SETTINGS,
            creator_id=creator_id,
            ids=[uuid4() for _ in settings],
            item_ids=[setting.item_id for setting in settings],
            names=[setting.name for setting in settings],
            contents=[dumps(setting.data) for setting in settings],
            created=[setting.created_at for setting in settings],
            updated=[setting.updated_at for setting in settings],
        )
