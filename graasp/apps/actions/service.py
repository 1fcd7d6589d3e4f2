"""What people do in apps; unlike the actions on items, no preference keeps them from being recorded."""

from typing import Any
from uuid import UUID

import orjson

from graasp.apps.actions import queries
from graasp.apps.actions.errors import AppActionNotAccessible
from graasp.auth.gates import Caller
from graasp.db.database import Reader
from graasp.db.statements import dumps
from graasp.items.packing import generic_item
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import UnitOfWork

TOPIC = "app-actions"


async def list_for(
    reader: Reader, caller: Caller, item_id: UUID, account_id: UUID | None
) -> list[orjson.Fragment]:
    """The actions of one account, the oldest first: the caller's unless an admin of the item asks for others'.

    Admins see everybody's when they name no account. Raises AppActionNotAccessible.
    """
    access = await authorize(reader, caller.id, item_id)
    if access.permission is not Permission.ADMIN:
        if account_id not in (None, caller.id):
            raise AppActionNotAccessible
        account_id = caller.id
    if account_id is None:
        rows = await reader.all(queries.ALL, item_id=item_id)
    else:
        rows = await reader.all(queries.OF_ACCOUNT, item_id=item_id, account_id=account_id)
    return [orjson.Fragment(row["wire"]) for row in rows]


async def create(uow: UnitOfWork, caller: Caller, item_id: UUID, kind: str, data: dict[str, Any]) -> None:
    """Record something the caller does."""
    access = await authorize(uow, caller.id, item_id)
    row = await uow.first(queries.CREATE, account_id=caller.id, item_id=item_id, type=kind, data=dumps(data))
    assert row is not None
    account = {"id": caller.id, "name": caller.name}
    told = {
        "id": row["id"],
        "accountId": row["account_id"],
        "itemId": row["item_id"],
        "data": row["data"],
        "type": row["type"],
        "createdAt": row["created_at"],
        "account": account,
        "item": generic_item(access.item),
        # What old apps read.
        "member": account,
    }
    uow.publish(TOPIC, str(item_id), {"kind": "app-actions", "op": "post", "appAction": told})
