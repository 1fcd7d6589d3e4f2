"""How the admins of an item have set up its app."""

from typing import Any
from uuid import UUID, uuid4

import orjson

from graasp.apps.content import has_file
from graasp.apps.files.keys import Area, file_key
from graasp.apps.files.receiving import keep, receive
from graasp.apps.files.removal import remove_files
from graasp.apps.settings import queries
from graasp.apps.settings.errors import (
    AppSettingNotFound,
    NotAppSettingFile,
    PreventAppSettingFileUpdate,
)
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.db.statements import dumps
from graasp.http.uploads import Form
from graasp.items.packing import Wire, generic_item
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import Platform, UnitOfWork

TOPIC = "app-settings"

_LONGEST_UPLOADED_NAME = 500


async def list_for(reader: Reader, account_id: UUID | None, item_id: UUID, name: str) -> list[Wire]:
    """The settings of an app, the oldest first; of every name unless one is given."""
    await authorize(reader, account_id, item_id)
    rows = await reader.all(queries.LIST, item_id=item_id, name=name)
    return [_shown(row, orjson.Fragment(row["data"])) | {"creator": _creator(row)} for row in rows]


async def create(uow: UnitOfWork, caller: Caller, item_id: UUID, name: str, data: dict[str, Any]) -> Wire:
    await authorize(uow, caller.id, item_id, Permission.ADMIN)
    return await _insert(uow, caller, uuid4(), item_id, name, data)


async def update(
    uow: UnitOfWork, caller: Caller, item_id: UUID, setting_id: UUID, data: dict[str, Any]
) -> Wire:
    """Replace what a setting says. Raises AppSettingNotFound, PreventAppSettingFileUpdate."""
    await authorize(uow, caller.id, item_id, Permission.ADMIN)
    row = await _find_to_change(uow, item_id, setting_id)
    if has_file(row["data"]):
        raise PreventAppSettingFileUpdate(str(setting_id))
    changed = await uow.first(queries.UPDATE, id=setting_id, data=dumps(data))
    assert changed is not None
    _announce(uow, "patch", item_id, _bare(changed))
    return _shown(changed, changed["data"])


async def delete(uow: UnitOfWork, caller: Caller, item_id: UUID, setting_id: UUID) -> None:
    """Delete a setting and its file. Raises AppSettingNotFound."""
    access = await authorize(uow, caller.id, item_id, Permission.ADMIN)
    row = await _find_to_change(uow, item_id, setting_id)
    await uow.execute(queries.DELETE, id=setting_id)
    # The file of another setting, of which this one is a copy, is that one's.
    if row["file_key"] == (key := file_key(Area.SETTINGS, item_id, setting_id)):
        uow.after_commit(lambda: remove_files(uow.platform, key))
    gone = _bare(row) | {"creator": _creator(row), "item": generic_item(access.item)}
    _announce(uow, "delete", item_id, gone)


async def upload(platform: Platform, caller: Caller, item_id: UUID, form: Form) -> Wire:
    """Store the file of a form as a setting, which is called as the form's `name` says, or `file`.

    The transaction is short however large the file. Raises what `receive` and `keep` raise.
    """
    await authorize(platform.reads, caller.id, item_id, Permission.ADMIN)
    file = await receive(platform, caller.id, Area.SETTINGS, item_id, form)
    name = file.fields.get("name") or "file"
    async with platform.unit_of_work() as uow:
        await keep(uow, caller, file, Permission.ADMIN)
        return await _insert(uow, caller, file.row_id, item_id, name[:_LONGEST_UPLOADED_NAME], file.data)


async def file_url(
    platform: Platform, reader: Reader, caller: Caller, item_id: UUID, setting_id: UUID
) -> str:
    """A link to the file of a setting.

    Raises AppSettingNotFound, NotAppSettingFile, and the storage's own error when the file is gone.
    """
    await authorize(reader, caller.id, item_id)
    row = await reader.first(queries.FIND, id=setting_id, item_id=item_id)
    if row is None:
        raise AppSettingNotFound(str(setting_id))
    if row["file_key"] is None:
        raise NotAppSettingFile(str(setting_id))
    return await platform.urls.existing(row["file_key"])


async def _insert(
    uow: UnitOfWork, creator: Caller, setting_id: UUID, item_id: UUID, name: str, data: dict[str, Any]
) -> Wire:
    row = await uow.first(
        queries.CREATE,
        id=setting_id,
        item_id=item_id,
        creator_id=creator.id,
        name=name,
        data=dumps(data),
    )
    assert row is not None
    _announce(uow, "post", item_id, _bare(row))
    return _shown(row, row["data"])


async def _find_to_change(uow: UnitOfWork, item_id: UUID, setting_id: UUID) -> Row:
    row = await uow.first(queries.FIND_TO_CHANGE, id=setting_id, item_id=item_id)
    if row is None:
        raise AppSettingNotFound(str(setting_id))
    return row


def _announce(uow: UnitOfWork, op: str, item_id: UUID, setting: Wire) -> None:
    uow.publish(TOPIC, str(item_id), {"kind": "app-settings", "op": op, "appSetting": setting})


def _shown(row: Row, data: Any) -> Wire:
    return {
        "id": row["id"],
        "name": row["name"],
        "data": data,
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }


def _bare(row: Row) -> Wire:
    """As websocket messages show it."""
    return _shown(row, row["data"]) | {"itemId": row["item_id"], "creatorId": row["creator_id"]}


def _creator(row: Row) -> Wire | None:
    return None if row["creator_id"] is None else {"id": row["creator_id"], "name": row["creator_name"]}
