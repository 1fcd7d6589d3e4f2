"""The rules of membership requests: who has no access asks, an admin grants it or deletes the request."""

from typing import Any, Literal
from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Reader
from graasp.item_login.errors import RequestUnderLoginSchema
from graasp.mail.messages import access_requested
from graasp.mail.service import send_mails
from graasp.memberships.authorization import Permission, authorize, has_membership_access
from graasp.memberships.errors import ItemNotFound
from graasp.memberships.requests import queries
from graasp.memberships.requests.errors import (
    MembershipAlreadyExists,
    MembershipRequestAlreadyExists,
    MembershipRequestNotFound,
)
from graasp.platform import UnitOfWork

Status = Literal["pending", "approved", "notSubmittedOrDeleted"]


async def list_for_item(reader: Reader, caller: Caller, item_id: UUID) -> list[dict[str, Any]]:
    """Who asked for access to this very item, the longest waiting first, for its admins."""
    await authorize(reader, caller.id, item_id, Permission.ADMIN)
    return [
        {
            "member": {"id": row["id"], "name": row["name"], "email": row["email"]},
            "createdAt": row["created_at"],
        }
        for row in await reader.all(queries.OF_ITEM, item_id=item_id)
    ]


async def own_status(reader: Reader, caller: Caller, item_id: UUID) -> Status:
    """What became of the caller's request. A membership on an ancestor is no answer to it. Raises ItemNotFound."""
    row = await reader.first(queries.OWN, account_id=caller.id, item_id=item_id)
    if row is not None and row["is_pending"]:
        return "pending"
    if row is None or not row["is_live"]:
        raise ItemNotFound(item_id)
    return "approved" if row["is_member"] else "notSubmittedOrDeleted"


async def ask(uow: UnitOfWork, caller: Caller, item_id: UUID) -> None:
    """Ask the admins of an item for access; each is mailed.

    Raises MembershipRequestAlreadyExists, ItemNotFound, RequestUnderLoginSchema, MembershipAlreadyExists.
    """
    item = await uow.first(queries.ASKED_FOR, account_id=caller.id, item_id=item_id)
    if item is not None and item["is_pending"]:
        raise MembershipRequestAlreadyExists
    if item is None or not item["is_live"]:
        raise ItemNotFound(item_id)
    if item["has_login_schema"]:
        raise RequestUnderLoginSchema
    if has_membership_access(item):
        raise MembershipAlreadyExists
    if await uow.scalar(queries.INSERT, account_id=caller.id, item_id=item_id) is None:
        raise MembershipRequestAlreadyExists
    admins = await uow.all(queries.ADMINS, path=item["path"])
    mails = [
        access_requested(
            recipient=admin["email"],
            lang=admin["lang"],
            member_name=caller.name,
            item_name=item["name"],
            item_id=item_id,
            client_host=uow.platform.settings.client_host,
        )
        for admin in admins
    ]
    await send_mails(uow, mails)


async def delete(uow: UnitOfWork, caller: Caller, item_id: UUID, member_id: UUID) -> None:
    """Refuse a request; nobody is told. Raises ItemNotFound, the permission errors, MembershipRequestNotFound."""
    await authorize(uow, caller.id, item_id, Permission.ADMIN)
    if not await uow.execute(queries.DELETE, item_id=item_id, account_id=member_id):
        raise MembershipRequestNotFound
