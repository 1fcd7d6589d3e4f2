"""Changing the e-mail address: a link to the new one, and a word to the old one."""

import asyncpg

from graasp import audit
from graasp.accounts import queries, service
from graasp.accounts.errors import EmailAlreadyTaken
from graasp.auth import tokens
from graasp.auth.errors import UnauthorizedMember
from graasp.auth.gates import Caller
from graasp.auth.redirects import email_change_link
from graasp.auth.tokens import EmailChange
from graasp.mail.messages import confirm_email_change, email_changed
from graasp.mail.service import send_mail
from graasp.platform import UnitOfWork


async def request(uow: UnitOfWork, caller: Caller, email: str) -> None:
    """Mail a link to the new address; nothing changes yet. Raises EmailAlreadyTaken, by the caller too."""
    settings = uow.platform.settings
    if await service.member_by_email(uow, email) is not None:
        raise EmailAlreadyTaken
    member = await service.mail_recipient(uow, caller.id)
    if member is None:
        raise UnauthorizedMember
    change = EmailChange(caller.id, member["email"], email.lower())
    token = tokens.email_change_token(settings, change)
    link = email_change_link(settings, token, change.new_email)
    await send_mail(uow, confirm_email_change(recipient=change.new_email, lang=member["lang"], link=link))
    audit.happened(uow, "e-mail change requested", caller.id)


async def confirm(uow: UnitOfWork, change: EmailChange) -> None:
    """Make the change, and tell the old address.

    Raises UnauthorizedMember when the account is gone or has another address meanwhile, EmailAlreadyTaken.
    """
    try:
        changed = await uow.first(
            queries.SET_EMAIL,
            account_id=change.account_id,
            old_email=change.old_email,
            new_email=change.new_email,
        )
    except asyncpg.UniqueViolationError:
        raise EmailAlreadyTaken from None
    if changed is None:
        raise UnauthorizedMember
    await send_mail(
        uow, email_changed(recipient=change.old_email, lang=changed["lang"], new_email=change.new_email)
    )
    audit.happened(uow, "e-mail changed", change.account_id)
