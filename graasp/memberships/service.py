"""The rules of memberships: going down the tree, an account's permissions only ever rise."""

from typing import Any
from uuid import UUID

import asyncpg
from orjson import Fragment

from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.db.ltree import item_id_of
from graasp.http.errors import FormattedError
from graasp.http.responses import dump_json
from graasp.items.packing import generic_item
from graasp.mail.messages import item_shared
from graasp.mail.service import send_mail
from graasp.memberships import queries
from graasp.memberships.authorization import (
    Access,
    Permission,
    authorize,
    authorize_even_recycled,
)
from graasp.memberships.errors import (
    CannotDeleteOnlyAdmin,
    CannotModifyGuestMembership,
    InvalidMembership,
    InvalidPermissionLevel,
    ItemMembershipNotFound,
    ModifyExistingMembership,
)
from graasp.memberships.wire import bare_membership, wire_membership
from graasp.platform import UnitOfWork

TOPIC = "memberships/item"


class MemberNotFound(FormattedError):
    code = "GERR013"
    status = 404
    message = "MEMBER_NOT_FOUND"

    def __init__(self, account_id: UUID) -> None:
        super().__init__(f"{{ id: '{account_id}' }}")


async def grant_creator_admin(uow: UnitOfWork, path: str, account_id: UUID) -> None:
    """Make the creator of an item its admin."""
    await uow.execute(queries.ADMINISTER, path=path, account_id=account_id)


async def list_for_item(reader: Reader, caller: Caller | None, item_id: UUID) -> list[dict[str, Any]]:
    """One membership per account on the path, by account id; e-mails only for callers with a membership."""
    access = await authorize(reader, caller.id if caller else None, item_id)
    path = access.item["path"]
    rows = await reader.all(queries.FOR_ITEM, path=path)
    items = {
        row["path"]: Fragment(dump_json(generic_item(row)))
        for row in await reader.all(queries.ITEMS_ON_PATH, path=path)
    }
    with_email = access.permission is not None
    return [wire_membership(row, items[row["item_path"]], with_email=with_email) for row in rows]


async def add(
    uow: UnitOfWork, item: Row, account_id: UUID, permission: Permission, creator_id: UUID | None
) -> Row:
    """Give an account a permission on an item; weaker ones below vanish.

    Raises ModifyExistingMembership when the item has one already, InvalidMembership when as much is inherited.
    """
    path = item["path"]
    inherited = await uow.first(queries.BEST, path=path, account_id=account_id, without=None)
    if inherited is not None:
        if inherited["item_path"] == path:
            raise ModifyExistingMembership({"id": str(inherited["id"])})
        if permission <= Permission.from_wire(inherited["permission"]):
            refused = {"itemId": str(item["id"]), "accountId": str(account_id), "permission": permission.wire}
            raise InvalidMembership(refused)
    try:
        async with uow.savepoint():
            row = await uow.first(
                queries.INSERT,
                item_path=path,
                account_id=account_id,
                permission=permission.wire,
                creator_id=creator_id,
            )
    except asyncpg.UniqueViolationError:
        existing = await uow.first(queries.BEST, path=path, account_id=account_id, without=None)
        raise ModifyExistingMembership({"id": str(existing["id"])} if existing else {}) from None
    assert row is not None
    await uow.execute(queries.DELETE_BELOW, account_id=account_id, path=path, up_to=permission.wire)
    return row


async def share(
    uow: UnitOfWork, caller: Caller, item_id: UUID, account_id: UUID, permission: Permission
) -> None:
    """Give a member access, answer its requests, and tell it.

    Raises MemberNotFound (for guests too), the permission errors, and those of `add`.
    """
    access = await authorize(uow, caller.id, item_id, Permission.ADMIN)
    member = await uow.first(queries.MEMBER, account_id=account_id)
    if member is None:
        raise MemberNotFound(account_id)
    row = await add(uow, access.item, account_id, permission, caller.id)
    await uow.execute(queries.DELETE_REQUESTS, account_id=account_id, path=access.item["path"])
    account = {"account_name": member["name"], "account_type": "individual"}
    _announce(uow, "create", access, dict(row) | account)
    await send_mail(
        uow,
        item_shared(
            recipient=member["email"],
            lang=member["lang"],
            creator_name=caller.name,
            item_name=access.item["name"],
            item_id=item_id,
            client_host=uow.platform.settings.client_host,
        ),
    )


async def set_permission(
    uow: UnitOfWork, caller: Caller, membership_id: UUID, permission: Permission
) -> None:
    """Change a membership, or drop it where the same is inherited.

    Raises ItemMembershipNotFound, CannotModifyGuestMembership, the permission errors, InvalidPermissionLevel below
    what is inherited, CannotDeleteOnlyAdmin when nobody would administer the item any more.
    """
    membership = await _find(uow, membership_id)
    if membership["account_type"] == "guest":
        raise CannotModifyGuestMembership
    access = await _administer(uow, caller, membership)
    path = membership["item_path"]
    if membership["permission"] == "admin" and permission is not Permission.ADMIN:
        await _require_other_admin(uow, membership, access)
    account = {name: membership[name] for name in ("account_name", "account_type")}
    inherited = await uow.first(
        queries.BEST, path=path, account_id=membership["account_id"], without=membership_id
    )
    if inherited is not None and permission <= Permission.from_wire(inherited["permission"]):
        if permission < Permission.from_wire(inherited["permission"]):
            raise InvalidPermissionLevel(str(membership_id))
        await uow.execute(queries.DELETE_ONE, membership_id=membership_id)
        _announce(uow, "delete", access, membership)
        holder = await authorize_even_recycled(uow, caller.id, item_id_of(inherited["item_path"]))
        _announce(uow, "update", holder, dict(inherited) | account)
        return
    await uow.execute(
        queries.DELETE_BELOW, account_id=membership["account_id"], path=path, up_to=permission.wire
    )
    row = await uow.first(queries.SET, membership_id=membership_id, permission=permission.wire)
    assert row is not None
    _announce(uow, "update", access, dict(row) | account)


async def remove(uow: UnitOfWork, caller: Caller, membership_id: UUID, *, purge_below: bool) -> None:
    """Take a membership away. Raises ItemMembershipNotFound, the permission errors, CannotDeleteOnlyAdmin."""
    membership = await _find(uow, membership_id)
    access = await _administer(uow, caller, membership)
    await _require_other_admin(uow, membership, access)
    if purge_below:
        await uow.execute(
            queries.DELETE_BELOW,
            account_id=membership["account_id"],
            path=membership["item_path"],
            up_to=Permission.ADMIN.wire,
        )
    await uow.execute(queries.DELETE_ONE, membership_id=membership_id)
    _announce(uow, "delete", access, membership)


async def _find(uow: UnitOfWork, membership_id: UUID) -> Row:
    membership = await uow.first(queries.ONE, membership_id=membership_id)
    if membership is None:
        raise ItemMembershipNotFound({"id": str(membership_id)})
    return membership


async def _administer(uow: UnitOfWork, caller: Caller, membership: Row) -> Access:
    """The membership's own item counts, recycled or not."""
    await uow.all(queries.LOCK_ADMINS, path=membership["item_path"])
    item_id = item_id_of(membership["item_path"])
    return await authorize_even_recycled(uow, caller.id, item_id, Permission.ADMIN)


async def _require_other_admin(uow: UnitOfWork, membership: Row, access: Access) -> None:
    other = await uow.scalar(
        queries.OTHER_ADMIN, path=membership["item_path"], membership_id=membership["id"]
    )
    if other is None:
        raise CannotDeleteOnlyAdmin(str(access.item["id"]))


def _announce(uow: UnitOfWork, operation: str, access: Access, membership: Any) -> None:
    body = {"kind": "item", "op": operation, "membership": bare_membership(membership, access.item)}
    uow.publish(TOPIC, str(access.item["id"]), body)
