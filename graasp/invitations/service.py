"""The rules of invitations: who has an account gets a membership at once, everybody else is invited to make one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from orjson import Fragment

from graasp import audit
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.http.errors import BadRequest
from graasp.http.responses import dump_json
from graasp.invitations import queries
from graasp.invitations.errors import InvitationNotFound
from graasp.items.packing import generic_item
from graasp.mail import messages
from graasp.mail.messages import Mail
from graasp.mail.service import send_mail, send_mails
from graasp.memberships.authorization import Permission, authorize
from graasp.memberships.errors import ItemNotFound
from graasp.memberships.service import admit, share_all
from graasp.platform import UnitOfWork

LONGEST_EMAIL = LONGEST_NAME = 100


@dataclass(frozen=True)
class Invitee:
    """Somebody to share with; the address is a valid one."""

    email: str
    permission: Permission = Permission.READ
    name: str | None = None


@dataclass(frozen=True)
class Shared:
    """What became of the invitees of one item: rows of new memberships and of new invitations."""

    item: Row
    memberships: Sequence[Row]
    invitations: Sequence[Row]


async def list_for_item(reader: Reader, caller: Caller, item_id: UUID) -> list[dict[str, Any]]:
    """The invitations to an item and its ancestors. Raises ItemNotFound and the permission errors."""
    access = await authorize(reader, caller.id, item_id, Permission.ADMIN)
    path = access.item["path"]
    rows = await reader.all(queries.ON_PATH, path=path)
    items = {
        row["path"]: Fragment(dump_json(generic_item(row)))
        for row in await reader.all(queries.ITEMS_ON_PATH, path=path)
    }
    return [wire(row) | {"item": items[row["item_path"]]} for row in rows if row["item_path"] in items]


async def read(reader: Reader, invitation_id: UUID) -> dict[str, Any]:
    """An invitation, to whoever holds its id. Raises InvitationNotFound."""
    row = await _find(reader, invitation_id)
    item = await reader.first(queries.ITEM, item_id=row["item_id"])
    if item is None:
        raise InvitationNotFound({"invitationId": str(invitation_id)})
    return wire(row) | {"item": generic_item(item)}


async def invite(
    uow: UnitOfWork, caller: Caller, item_id: UUID, invitees: Sequence[Invitee]
) -> Sequence[Shared]:
    """Share an item that the caller administers.

    Raises ItemNotFound, the permission errors, and those of `share_with`.
    """
    access = await authorize(uow, caller.id, item_id, Permission.ADMIN)
    return await share_with(uow, caller, [(access.item, invitees)])


async def share_with(
    uow: UnitOfWork, caller: Caller, shares: Sequence[tuple[Row, Iterable[Invitee]]]
) -> list[Shared]:
    """Share items with lists of people, all or nothing; of an address that is listed twice the first one counts.

    Raises BadRequest for a new address that is too long to be invited, ModifyExistingMembership and
    InvalidMembership for members who have as much already, ItemNotFound when an item has just gone.
    """
    wanted = [(item, _by_email(invitees)) for item, invitees in shares]
    members = await _members(uow, {email for _, by_email in wanted for email in by_email})
    memberships = [await _admit_members(uow, caller, item, by_email, members) for item, by_email in wanted]
    newcomers = [
        (item, by_email[email]) for item, by_email in wanted for email in by_email if email not in members
    ]
    invitations = await _insert(uow, newcomers)
    items = {item["path"]: item for item, _ in wanted}
    await send_mails(uow, [_mail(uow, caller, items[row["item_path"]], row) for row in invitations])
    by_path: dict[str, list[Row]] = {path: [] for path in items}
    for row in invitations:
        by_path[row["item_path"]].append(row)
    for path, item in items.items():
        audit.happened(uow, "people invited", caller.id, item_id=item["id"], people=len(by_path[path]))
    return [
        Shared(item, rows, by_path[item["path"]]) for (item, _), rows in zip(wanted, memberships, strict=True)
    ]


async def _admit_members(
    uow: UnitOfWork, caller: Caller, item: Row, by_email: Mapping[str, Invitee], members: Mapping[str, UUID]
) -> Sequence[Row]:
    grants = {members[email]: invitee.permission for email, invitee in by_email.items() if email in members}
    return await share_all(uow, caller, item, grants) if grants else []


def _by_email(invitees: Iterable[Invitee]) -> dict[str, Invitee]:
    first: dict[str, Invitee] = {}
    for invitee in invitees:
        first.setdefault(invitee.email.strip().lower(), invitee)
    return first


async def _members(reader: Reader, emails: set[str]) -> dict[str, UUID]:
    rows = await reader.all(queries.MEMBERS, emails=list(emails))
    return {row["email"]: row["id"] for row in rows}


async def _insert(uow: UnitOfWork, newcomers: Sequence[tuple[Row, Invitee]]) -> Sequence[Row]:
    if not newcomers:
        return []
    emails = [invitee.email.strip().lower() for _, invitee in newcomers]
    if any(len(email) > LONGEST_EMAIL for email in emails):
        raise BadRequest(f"email must NOT have more than {LONGEST_EMAIL} characters")
    try:
        return await uow.all(
            queries.INSERT,
            paths=[item["path"] for item, _ in newcomers],
            emails=emails,
            permissions=[invitee.permission.wire for _, invitee in newcomers],
            names=[invitee.name for _, invitee in newcomers],
        )
    except asyncpg.ForeignKeyViolationError:
        raise ItemNotFound(newcomers[0][0]["id"]) from None


async def update(
    uow: UnitOfWork,
    caller: Caller,
    invitation_id: UUID,
    *,
    renames: bool,
    name: str | None,
    permission: Permission | None,
) -> None:
    """Raises InvitationNotFound and the permission errors."""
    await _administer(uow, caller, await _find(uow, invitation_id))
    await uow.execute(
        queries.UPDATE,
        invitation_id=invitation_id,
        renames=renames,
        name=name,
        permission=permission.wire if permission else None,
    )
    audit.happened(uow, "invitation changed", caller.id, invitation_id=invitation_id)


async def delete(uow: UnitOfWork, caller: Caller, invitation_id: UUID) -> None:
    """Raises InvitationNotFound and the permission errors."""
    await _administer(uow, caller, await _find(uow, invitation_id))
    await uow.execute(queries.DELETE, invitation_id=invitation_id)
    audit.happened(uow, "invitation deleted", caller.id, invitation_id=invitation_id)


async def send_again(uow: UnitOfWork, caller: Caller, invitation_id: UUID) -> None:
    """Mail an invitation once more. Raises InvitationNotFound and the permission errors."""
    row = await uow.first(queries.FIND, invitation_id=invitation_id)
    if row is None:
        raise InvitationNotFound(str(invitation_id))
    item = await _administer(uow, caller, row)
    await send_mail(uow, _mail(uow, caller, item, row))


async def convert_invitations(uow: UnitOfWork, member_id: UUID, email: str) -> None:
    """Turn what an address was invited to into memberships of the account that was just made for it."""
    taken = await uow.all(queries.TAKE, email=email)
    await admit(
        uow, member_id, [(row["item_path"], Permission.from_wire(row["permission"])) for row in taken]
    )


async def _find(reader: Reader, invitation_id: UUID) -> Row:
    row = await reader.first(queries.FIND, invitation_id=invitation_id)
    if row is None:
        raise InvitationNotFound({"invitationId": str(invitation_id)})
    return row


async def _administer(uow: UnitOfWork, caller: Caller, row: Row) -> Row:
    """The invitation's own item counts: clients name one below it when they show what is inherited."""
    access = await authorize(uow, caller.id, row["item_id"], Permission.ADMIN)
    return access.item


def _mail(uow: UnitOfWork, caller: Caller, item: Row, row: Row) -> Mail:
    return messages.invitation(
        recipient=row["email"],
        lang=caller.lang,
        creator_name=caller.name,
        item_name=item["name"],
        item_id=item["id"],
        invitation_id=row["id"],
        client_host=uow.platform.settings.client_host,
    )


def wire(row: Row) -> dict[str, Any]:
    """An invitation without its item."""
    return {
        "id": row["id"],
        "email": row["email"],
        "name": row["name"],
        "permission": row["permission"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }
