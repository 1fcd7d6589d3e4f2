"""The rules of memberships: going down the tree, an account's permissions only ever rise."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import asyncpg
from orjson import Fragment

from graasp import audit
from graasp.accounts.errors import MemberNotFound
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.db.ltree import item_id_of
from graasp.http.responses import dump_json
from graasp.items.packing import generic_item
from graasp.mail.messages import item_shared
from graasp.mail.service import send_mails
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
    ItemNotFound,
    ModifyExistingMembership,
)
from graasp.memberships.wire import bare_membership, wire_membership
from graasp.platform import UnitOfWork

TOPIC = "memberships/item"

Grants = Mapping[UUID, Permission]


async def grant_creator_admin(uow: UnitOfWork, path: str, account_id: UUID) -> None:
    """Make the creator of an item its admin."""
    await grant_creator_admin_on(uow, [path], account_id)


async def grant_creator_admin_on(uow: UnitOfWork, paths: Sequence[str], account_id: UUID) -> None:
    """As `grant_creator_admin`, for many new items in one statement."""
    await uow.execute(
        queries.GIVE_OWN, paths=list(paths), account_id=account_id, permission=Permission.ADMIN.wire
    )


async def give_own_membership(uow: UnitOfWork, path: str, account_id: UUID, permission: Permission) -> None:
    """A first membership, where nothing can be redundant: the item or the account has just been made."""
    await uow.execute(queries.GIVE_OWN, paths=[path], account_id=account_id, permission=permission.wire)


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


async def add_all(uow: UnitOfWork, item: Row, grants: Grants, *, creator_id: UUID | None) -> list[Row]:
    """Give accounts permissions on an item, in the same few statements whatever their number; the new rows.

    Weaker memberships of theirs below vanish, and so do the requests this answers. All or nothing: raises
    ModifyExistingMembership when one has a membership on the item already, InvalidMembership when one inherits as
    much, ItemNotFound when the item has just been moved or deleted.
    """
    path = item["path"]
    await uow.execute(queries.LOCK_TREE, path=path)
    for held in await uow.all(queries.INHERITED, path=path, account_ids=list(grants), without=None):
        _require_above(item, held, grants[held["account_id"]])
    try:
        rows = await uow.all(
            queries.GRANT,
            path=path,
            account_ids=list(grants),
            permissions=[permission.wire for permission in grants.values()],
            creator_id=creator_id,
        )
    except asyncpg.ForeignKeyViolationError:
        raise ItemNotFound(item["id"]) from None
    if len(rows) < len(grants):
        given = {row["id"] for row in rows}
        inherited = await uow.all(queries.INHERITED, path=path, account_ids=list(grants), without=None)
        existing = next(({"id": str(row["id"])} for row in inherited if row["id"] not in given), {})
        raise ModifyExistingMembership(existing)
    return list(rows)


def _require_above(item: Row, inherited: Row, permission: Permission) -> None:
    if inherited["item_path"] == item["path"]:
        raise ModifyExistingMembership({"id": str(inherited["id"])})
    if permission <= Permission.from_wire(inherited["permission"]):
        refused = {
            "itemId": str(item["id"]),
            "accountId": str(inherited["account_id"]),
            "permission": permission.wire,
        }
        raise InvalidMembership(refused)


async def share_all(uow: UnitOfWork, caller: Caller, item: Row, grants: Grants) -> list[Row]:
    """As `add_all`, for members and by somebody who administers the item; the new members are told.

    Raises MemberNotFound for guests and unknown accounts, and what `add_all` raises.
    """
    found = await uow.all(queries.MEMBERS, account_ids=list(grants))
    members = {row["id"]: row for row in found}
    for account_id in grants:
        if account_id not in members:
            raise MemberNotFound(account_id)
    rows = await add_all(uow, item, grants, creator_id=caller.id)
    for row in rows:
        member = members[row["account_id"]]
        account = {"account_name": member["name"], "account_type": "individual"}
        _announce(uow, "create", item, dict(row) | account)
        _audit(uow, "membership created", caller, row)
    mails = [
        item_shared(
            recipient=member["email"],
            lang=member["lang"],
            creator_name=caller.name,
            item_name=item["name"],
            item_id=item["id"],
            client_host=uow.platform.settings.client_host,
        )
        for member in members.values()
    ]
    await send_mails(uow, mails)
    return rows


async def share(
    uow: UnitOfWork, caller: Caller, item_id: UUID, account_id: UUID, permission: Permission
) -> None:
    """Give a member access, answer its requests, and tell it.

    Raises the permission errors, and those of `share_all`.
    """
    access = await authorize(uow, caller.id, item_id, Permission.ADMIN)
    await share_all(uow, caller, access.item, {account_id: permission})


async def admit(uow: UnitOfWork, account_id: UUID, grants: Sequence[tuple[str, Permission]]) -> None:
    """Give a new account, which has no membership yet, permissions by path; what it would inherit is left out."""
    if grants:
        await uow.execute(
            queries.ADMIT,
            account_id=account_id,
            paths=[path for path, _ in grants],
            permissions=[permission.wire for _, permission in grants],
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
    inherited = await uow.first(
        queries.INHERITED,
        path=membership["item_path"],
        account_ids=[membership["account_id"]],
        without=membership_id,
    )
    above = Permission.from_wire(inherited["permission"]) if inherited else None
    if above is not None and permission < above:
        raise InvalidPermissionLevel(str(membership_id))
    if membership["permission"] == "admin" and permission is not Permission.ADMIN:
        await _require_other_admin(uow, membership)
    account = {name: membership[name] for name in ("account_name", "account_type")}
    if inherited and permission is above:
        await uow.execute(queries.DELETE, membership_id=membership_id, purge_below=False)
        _audit(uow, "membership deleted", caller, membership)
        _announce(uow, "delete", access.item, membership)
        holder = await uow.first(queries.ITEM_AT, path=inherited["item_path"])
        assert holder is not None
        _announce(uow, "update", holder, dict(inherited) | account)
        return
    row = await uow.first(queries.SET, membership_id=membership_id, permission=permission.wire)
    assert row is not None
    _audit(uow, "membership changed", caller, row)
    _announce(uow, "update", access.item, dict(row) | account)


async def remove(uow: UnitOfWork, caller: Caller, membership_id: UUID, *, purge_below: bool) -> None:
    """Take a membership away. Raises ItemMembershipNotFound, the permission errors, CannotDeleteOnlyAdmin."""
    membership = await _find(uow, membership_id)
    access = await _administer(uow, caller, membership)
    await _require_other_admin(uow, membership)
    await uow.execute(queries.DELETE, membership_id=membership_id, purge_below=purge_below)
    _audit(uow, "membership deleted", caller, membership, purge_below=purge_below)
    _announce(uow, "delete", access.item, membership)


async def _find(uow: UnitOfWork, membership_id: UUID) -> Row:
    """The membership; nobody else changes one of its tree until the unit of work ends."""
    await uow.execute(queries.LOCK_TREE_OF, membership_id=membership_id)
    membership = await uow.first(queries.ONE, membership_id=membership_id)
    if membership is None:
        raise ItemMembershipNotFound({"id": str(membership_id)})
    return membership


async def _administer(uow: UnitOfWork, caller: Caller, membership: Row) -> Access:
    """The membership's own item counts, recycled or not."""
    item_id = item_id_of(membership["item_path"])
    return await authorize_even_recycled(uow, caller.id, item_id, Permission.ADMIN)


async def _require_other_admin(uow: UnitOfWork, membership: Row) -> None:
    other = await uow.scalar(
        queries.OTHER_ADMIN, path=membership["item_path"], membership_id=membership["id"]
    )
    if other is None:
        raise CannotDeleteOnlyAdmin(str(item_id_of(membership["item_path"])))


def _announce(uow: UnitOfWork, operation: str, item: Row, membership: Any) -> None:
    body = {"kind": "item", "op": operation, "membership": bare_membership(membership, item)}
    uow.publish(TOPIC, str(item["id"]), body)


def _audit(
    uow: UnitOfWork,
    event: Literal["membership created", "membership changed", "membership deleted"],
    caller: Caller,
    membership: Row,
    **details: object,
) -> None:
    audit.happened(
        uow,
        event,
        caller.id,
        item_id=item_id_of(membership["item_path"]),
        for_account=membership["account_id"],
        permission=membership["permission"],
        **details,
    )
