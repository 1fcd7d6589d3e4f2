"""What people leave in apps: answers, drawings, files."""

from typing import Any, Literal
from uuid import UUID, uuid4

import orjson

from graasp.accounts.errors import MemberNotFound
from graasp.apps.content import has_file
from graasp.apps.data import queries
from graasp.apps.data.errors import (
    AppDataNotAccessible,
    AppDataNotFound,
    CannotModifyOtherMembers,
    NotAppDataFile,
    PreventAppDataFileUpdate,
)
from graasp.apps.files.keys import Area
from graasp.apps.files.receiving import keep, receive
from graasp.apps.files.removal import remove_files
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.db.statements import dumps
from graasp.http.responses import dump_json
from graasp.http.uploads import Form
from graasp.items.packing import Wire, generic_item
from graasp.memberships.authorization import Access, Permission, authorize
from graasp.platform import Platform, UnitOfWork

Visibility = Literal["member", "item"]

TOPIC = "app-data"


async def list_for(reader: Reader, caller: Caller, item_id: UUID, kind: str) -> list[orjson.Fragment]:
    """What the caller may see of an app, the oldest first; of every type unless one is named."""
    access = await authorize(reader, caller.id, item_id)
    if access.permission is Permission.ADMIN:
        rows = await reader.all(queries.ALL, item_id=item_id, type=kind)
    else:
        rows = await reader.all(queries.VISIBLE, item_id=item_id, type=kind, reader_id=caller.id)
    # The same in all of them, and written once.
    item = dump_json(generic_item(access.item)).decode()
    return [orjson.Fragment(f'{{"item":{item},{row["wire"][1:]}') for row in rows]


async def create(
    uow: UnitOfWork,
    caller: Caller,
    item_id: UUID,
    kind: str,
    data: dict[str, Any],
    *,
    account_id: UUID | None,
    visibility: Visibility,
) -> Wire:
    """Leave something about an account: the caller's own unless another one is named. Raises MemberNotFound."""
    access = await authorize(uow, caller.id, item_id)
    subject_id = account_id or caller.id
    row = await _insert(uow, uuid4(), subject_id, caller, item_id, kind, data, visibility)
    if row is None:
        raise MemberNotFound(subject_id)
    made = _whole(row, access)
    _announce(uow, "post", made)
    return made


async def update(uow: UnitOfWork, caller: Caller, item_id: UUID, data_id: UUID, data: dict[str, Any]) -> Wire:
    """Replace what its creator or a writer of the item may replace.

    Raises AppDataNotFound, PreventAppDataFileUpdate, CannotModifyOtherMembers.
    """
    access = await authorize(uow, caller.id, item_id)
    row = await _find_to_change(uow, item_id, data_id)
    if has_file(row["data"]) or row["type"] == "file":
        raise PreventAppDataFileUpdate(str(data_id))
    _require(access, caller, row, Permission.WRITE)
    changed = await uow.first(queries.UPDATE, id=data_id, data=dumps(data))
    assert changed is not None
    made = _whole({**row, **changed}, access)
    _announce(uow, "patch", made)
    return made


async def delete(uow: UnitOfWork, caller: Caller, item_id: UUID, data_id: UUID) -> None:
    """Delete what its creator or an admin of the item may delete, and its file.

    Raises AppDataNotFound, CannotModifyOtherMembers.
    """
    access = await authorize(uow, caller.id, item_id)
    row = await _find_to_change(uow, item_id, data_id)
    _require(access, caller, row, Permission.ADMIN)
    await uow.execute(queries.DELETE, id=data_id)
    if key := row["file_key"]:
        uow.after_commit(lambda: remove_files(uow.platform, key))
    gone = _whole(row, access)
    del gone["member"]
    _announce(uow, "delete", gone)


async def upload(platform: Platform, caller: Caller, item_id: UUID, form: Form) -> Wire:
    """Store the file of a form as the caller's own; the transaction is short however large the file.

    Raises what `receive` and `keep` raise.
    """
    await authorize(platform.reads, caller.id, item_id)
    file = await receive(platform, caller.id, Area.DATA, item_id, form)
    async with platform.unit_of_work() as uow:
        access = await keep(uow, caller, file, Permission.READ)
        row = await _insert(uow, file.row_id, caller.id, caller, item_id, "file", file.data, "member")
        assert row is not None
        return _shown(row, access)


async def file_url(platform: Platform, reader: Reader, caller: Caller, item_id: UUID, data_id: UUID) -> str:
    """A link to the file of what the caller may see.

    Raises AppDataNotFound, AppDataNotAccessible, NotAppDataFile, and the storage's own error when the file is gone.
    """
    access = await authorize(reader, caller.id, item_id)
    row = await reader.first(queries.FIND, id=data_id, item_id=item_id)
    if row is None:
        raise AppDataNotFound(str(data_id))
    is_own = row["visibility"] == "member" and row["account_id"] == caller.id
    if not (is_own or row["visibility"] == "item" or access.permission is Permission.ADMIN):
        raise AppDataNotAccessible({"appDataId": str(data_id), "accountId": str(caller.id)})
    if row["file_key"] is None:
        raise NotAppDataFile(str(data_id))
    return await platform.urls.existing(row["file_key"])


async def _insert(
    uow: UnitOfWork,
    data_id: UUID,
    account_id: UUID,
    creator: Caller,
    item_id: UUID,
    kind: str,
    data: dict[str, Any],
    visibility: Visibility,
) -> Row | None:
    return await uow.first(
        queries.CREATE,
        id=data_id,
        account_id=account_id,
        creator_id=creator.id,
        item_id=item_id,
        type=kind,
        data=dumps(data),
        visibility=visibility,
    )


async def _find_to_change(uow: UnitOfWork, item_id: UUID, data_id: UUID) -> Row:
    row = await uow.first(queries.FIND_TO_CHANGE, id=data_id, item_id=item_id)
    if row is None:
        raise AppDataNotFound(str(data_id))
    return row


def _require(access: Access, caller: Caller, row: Row, needed: Permission) -> None:
    """That it is the caller's own work, or that the caller has the permission on the item."""
    if row["creator_id"] != caller.id and (access.permission is None or access.permission < needed):
        raise CannotModifyOtherMembers(str(row["id"]))


def _announce(uow: UnitOfWork, op: str, made: Wire) -> None:
    # What is for one account alone is not for everybody who reads the item.
    if made["visibility"] == "item":
        uow.publish(TOPIC, str(made["itemId"]), {"kind": "app-data", "op": op, "appData": made})


def _shown(row: Row, access: Access) -> Wire:
    """As lists and uploads show it."""
    account = _account(row)
    return {
        "id": row["id"],
        "account": account,
        "item": generic_item(access.item),
        "data": row["data"],
        "type": row["type"],
        "visibility": row["visibility"],
        "creator": _creator(row),
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        # What old apps read.
        "member": account,
    }


def _whole(row: Row, access: Access) -> Wire:
    """As changes and websocket messages show it."""
    ids = {"accountId": row["account_id"], "itemId": row["item_id"], "creatorId": row["creator_id"]}
    return _shown(row, access) | ids


def _account(row: Row) -> Wire:
    return {"id": row["account_id"], "name": row["account_name"]}


def _creator(row: Row) -> Wire | None:
    return None if row["creator_id"] is None else {"id": row["creator_id"], "name": row["creator_name"]}
