"""The rules of accounts."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg

from graasp import audit
from graasp.accounts import queries
from graasp.accounts.errors import GuestNameTaken, MemberNotFound
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.db.statements import dumps
from graasp.platform import UnitOfWork

_KNOWN_EXTRA = {"lang": str, "emailFreq": str, "hasAvatar": bool, "hasCompletedTour": bool}


async def current_account(reader: Reader, caller: Caller) -> dict[str, Any] | None:
    """The account as its owner sees it; nothing for a guest whose login schema is gone."""
    if not caller.is_member:
        return _guest(await reader.first(queries.CURRENT_GUEST, account_id=caller.id))
    row = await reader.first(queries.CURRENT_MEMBER, account_id=caller.id)
    if row is None:
        return None
    return {
        "id": row["id"],
        "name": row["name"],
        "email": row["email"],
        "type": row["type"],
        "lang": known_extra(row["extra"]).get("lang", "en"),
        "isValidated": row["is_validated"],
        "enableSaveActions": row["enable_save_actions"] is not False,
        "userAgreementsDate": row["user_agreements_date"],
        "lastAuthenticatedAt": row["last_authenticated_at"],
        "extra": known_extra(row["extra"]),
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }


def _guest(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "id": row["id"],
        "name": row["name"],
        "type": "guest",
        "lang": row["lang"],
        "lastAuthenticatedAt": row["last_authenticated_at"],
        "itemLoginSchema": {
            "item": {"id": row["item_id"], "name": row["item_name"], "path": row["item_path"]}
        },
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }


def known_extra(extra: Any) -> dict[str, Any]:
    """The known keys of `account.extra` that have their type; older rows may hold anything."""
    if not isinstance(extra, Mapping):
        return {}
    return {name: extra[name] for name, kind in _KNOWN_EXTRA.items() if isinstance(extra.get(name), kind)}


async def current_settings(reader: Reader, caller: Caller) -> dict[str, Any]:
    row = await reader.first(queries.CURRENT_MEMBER, account_id=caller.id)
    if row is None:
        raise MemberNotFound(caller.id)
    extra = known_extra(row["extra"])
    settings = {
        "notificationFrequency": "never" if extra.get("emailFreq") == "never" else "always",
        "marketingEmailsSubscribedAt": row["marketing_emails_subscribed_at"],
        "enableSaveActions": row["enable_save_actions"] is not False,
    }
    return settings | ({"lang": extra["lang"]} if "lang" in extra else {})


async def update(
    uow: UnitOfWork, caller: Caller, *, name: str | None, saves_actions: bool | None, extra: Mapping[str, Any]
) -> None:
    """Change the caller's own account. Raises GuestNameTaken within one login schema."""
    try:
        await uow.execute(
            queries.UPDATE,
            account_id=caller.id,
            name=name,
            saves_actions=saves_actions if caller.is_member else None,
            extra=dumps(dict(extra)),
        )
    except asyncpg.UniqueViolationError:
        raise GuestNameTaken from None


async def delete(uow: UnitOfWork, caller: Caller) -> None:
    """Delete a member's account, for good."""
    await uow.execute(queries.DELETE, account_id=caller.id)
    audit.happened(uow, "account deleted", caller.id)


async def mail_recipient(reader: Reader, account_id: UUID) -> Row | None:
    """`id, name, email, lang` of a member, if there still is one."""
    return await reader.first(queries.MEMBER, account_id=account_id)
