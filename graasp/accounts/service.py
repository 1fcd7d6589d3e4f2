"""The rules of accounts."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg

from graasp import audit
from graasp.accounts import queries
from graasp.accounts.errors import GuestNameTaken, MemberNotFound
from graasp.accounts.jobs import DELETE_ACCOUNT_FILES, DeleteAccountFiles
from graasp.actions.recording import NewAction, RequestOrigin, record
from graasp.apps.files.removal import files_of_account
from graasp.auth.gates import SMOKE_TEST_ACCOUNT, Caller
from graasp.db.database import Reader, Row
from graasp.db.statements import dumps
from graasp.platform import UnitOfWork

_SMOKE_TESTER = "smoke-test@graasp.invalid"
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
        "lang": known_extra(row["extra"]).get("lang") or "en",
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


async def minimal_member(reader: Reader, account_id: UUID) -> dict[str, Any]:
    """What anybody may know of a member. Raises MemberNotFound, for guests too."""
    row = await reader.first(queries.MEMBER, account_id=account_id)
    if row is None:
        raise MemberNotFound(account_id)
    return {"id": row["id"], "name": row["name"]}


async def update(
    uow: UnitOfWork,
    caller: Caller,
    *,
    extra: Mapping[str, Any],
    name: str | None = None,
    enable_save_actions: bool | None = None,
) -> None:
    """Change the caller's own account; `extra` is merged over what is there. Guests have no `extra`.

    Raises GuestNameTaken within one login schema.
    """
    merged = dict(extra) if caller.is_member else {}
    if name is None and enable_save_actions is None and not merged:
        return
    try:
        await uow.execute(
            queries.UPDATE,
            account_id=caller.id,
            name=name,
            saves_actions=enable_save_actions,
            extra=dumps(merged),
        )
    except asyncpg.UniqueViolationError:
        raise GuestNameTaken from None


async def set_marketing(uow: UnitOfWork, caller: Caller, origin: RequestOrigin, *, subscribed: bool) -> None:
    """Subscribe to marketing mails, from now on, or unsubscribe; an action tells of it."""
    await uow.execute(queries.SET_MARKETING, account_id=caller.id, subscribed=subscribed)
    kind = "marketing-emails-subscribe" if subscribed else "marketing-emails-unsubscribe"
    await record(uow, caller, origin, [NewAction(kind, {"memberId": str(caller.id)})])


async def delete(uow: UnitOfWork, caller: Caller) -> None:
    """Delete a member's account, for good: at once with all that only it concerns, its files a moment later."""
    files = DeleteAccountFiles(account_id=caller.id, app_files=await files_of_account(uow, caller.id))
    await uow.execute(queries.DELETE, account_id=caller.id)
    await uow.enqueue(DELETE_ACCOUNT_FILES, files)
    audit.happened(uow, "account deleted", caller.id)


async def has_avatar(reader: Reader, account_id: UUID) -> bool | None:
    """Nothing when there is no such account; guests have none."""
    found: bool | None = await reader.scalar(queries.AVATAR, account_id=account_id)
    return found


async def note_avatar(uow: UnitOfWork, account_id: UUID) -> bool:
    """Note that there is an avatar now; whether there still is such an account."""
    return await uow.execute(queries.HAS_AVATAR, account_id=account_id) > 0


# --- what sign-in needs of accounts ------------------------------------------------------------------


async def add_member(uow: UnitOfWork, *, name: str, email: str, lang: str, saves_actions: bool) -> Row | None:
    """A new member, who agrees to the terms by registering, as `id, name, email, lang`.

    Nothing when somebody has the address already, be it since a moment ago.
    """
    return await uow.first(queries.INSERT, name=name, email=email, lang=lang, saves_actions=saves_actions)


async def ensure_smoke_tester(uow: UnitOfWork) -> None:
    """The account that smoke tests sign in with, see `graasp.auth.gates`. No mail can reach it."""
    await uow.execute(queries.ADD_SMOKE_TESTER, account_id=SMOKE_TEST_ACCOUNT, email=_SMOKE_TESTER)


async def member_by_email(reader: Reader, email: str) -> Row | None:
    """`id, name, email, lang` of the member with this address, however its letters are cased."""
    return await reader.first(queries.BY_EMAIL, email=email)


async def note_sign_in(uow: UnitOfWork, account_id: UUID, *, validates: bool) -> bool:
    """Note the time, and that the address is the member's when that is proven; whether there is such a member."""
    return await uow.execute(queries.SIGNED_IN, account_id=account_id, validates=validates) > 0


async def mail_recipient(reader: Reader, account_id: UUID) -> Row | None:
    """`id, name, email, lang` of a member, if there still is one."""
    return await reader.first(queries.MEMBER, account_id=account_id)
