"""Getting in and out: registration, mailed links, passwords, and the end of sessions."""

import time
from uuid import UUID, uuid4

from redis.exceptions import RedisError

from graasp import audit
from graasp.accounts import service as accounts
from graasp.actions.recording import NewAction, record_for
from graasp.auth import passwords, queries, tokens
from graasp.auth.errors import (
    BadCredentials,
    InvalidPassword,
    MemberNotSignedUp,
    MemberWithoutPassword,
    PasswordConflict,
    UnauthorizedMember,
)
from graasp.auth.gates import Caller
from graasp.auth.redirects import reset_link, sign_in_link
from graasp.db.database import Reader
from graasp.http.errors import ServiceUnavailable
from graasp.http.session_cookie import ABSOLUTE_AGE_S, Session
from graasp.invitations.service import convert_invitations
from graasp.mail.messages import reset_password as reset_password_mail
from graasp.mail.messages import sign_in, sign_up
from graasp.mail.service import send_mail
from graasp.platform import Platform, UnitOfWork

_RESET_KEY = "reset-password:"


async def register(
    uow: UnitOfWork, *, name: str, email: str, lang: str, saves_actions: bool, url: str | None
) -> None:
    """Make a member and mail it a link; for a known address, mail a sign-in link.

    Nobody can tell from the answer which it was.
    """
    settings = uow.platform.settings
    member = await accounts.add_member(uow, name=name, email=email, lang=lang, saves_actions=saves_actions)
    if member is None:
        await request_link(uow, email=email, url=url)
        return
    await convert_invitations(uow, member["id"], member["email"])
    token = tokens.magic_link_token(settings, member["id"], tokens.REGISTER_LIFE)
    link = sign_in_link(settings, token, url)
    await send_mail(uow, sign_up(recipient=member["email"], lang=lang, link=link))
    audit.happened(uow, "registered", member["id"])


async def request_link(uow: UnitOfWork, *, email: str, url: str | None) -> None:
    """Mail a sign-in link. Raises MemberNotSignedUp."""
    settings = uow.platform.settings
    member = await accounts.member_by_email(uow, email)
    if member is None:
        raise MemberNotSignedUp({"email": email})
    token = tokens.magic_link_token(settings, member["id"], tokens.SIGN_IN_LIFE)
    link = sign_in_link(settings, token, url)
    await send_mail(uow, sign_in(recipient=member["email"], lang=member["lang"], link=link))
    await record_for(uow, member["id"], NewAction("member-login", {"type": "email"}, view="unknown"))


async def follow_link(uow: UnitOfWork, token: str) -> Session | None:
    """The session a mailed link opens; nothing for one that is expired, used, forged, or of no member."""
    platform = uow.platform
    link = tokens.read_magic_link(platform.settings, token)
    if link is None:
        return None
    if not await tokens.use_once(platform.redis, token, tokens.REGISTER_LIFE):
        audit.refused("sign-in link used again", link.account_id)
        return None
    uow.after_rollback(lambda: tokens.forget_use(platform.redis, token))
    if not await accounts.note_sign_in(uow, link.account_id, validates=link.validates):
        return None
    audit.happened(uow, "signed in", link.account_id, by="link")
    return Session.start(link.account_id)


async def sign_in_with_password(uow: UnitOfWork, *, email: str, password: str) -> Session:
    """A session of the member. Raises MemberNotSignedUp, MemberWithoutPassword, BadCredentials."""
    # Dated before the password is read: it ends with the others when the password is changed meanwhile.
    started_at = time.time()
    member = await uow.platform.database.primary_reads.first(queries.CREDENTIALS, email=email)
    if member is None:
        raise MemberNotSignedUp({"email": email})
    if member["password"] is None:
        raise MemberWithoutPassword
    if not await passwords.matches(password, member["password"]):
        audit.refused("wrong password", member["id"])
        raise BadCredentials
    if not await accounts.note_sign_in(uow, member["id"], validates=False):
        raise MemberNotSignedUp({"email": email})
    audit.happened(uow, "signed in", member["id"], by="password")
    return Session.start(member["id"], started_at)


async def has_password(reader: Reader, account_id: UUID) -> bool:
    return await reader.scalar(queries.PASSWORD, account_id=account_id) is not None


async def create_password(uow: UnitOfWork, caller: Caller, password: str) -> None:
    """Give a member its first password. Raises PasswordConflict when it has one."""
    hashed = await passwords.hash_password(password)
    if not await uow.execute(queries.CREATE_PASSWORD, account_id=caller.id, password=hashed):
        raise PasswordConflict
    audit.happened(uow, "password created", caller.id)


async def change_password(uow: UnitOfWork, caller: Caller, *, current: str, new: str) -> Session:
    """Replace a password and end every session of the account; the new one that takes their place.

    A member that has none yet gets one. Raises InvalidPassword.
    """
    stored = await uow.platform.database.primary_reads.scalar(queries.PASSWORD, account_id=caller.id)
    if stored is not None and not await passwords.matches(current, stored):
        audit.refused("wrong password", caller.id)
        raise InvalidPassword
    await _set_password(uow, caller.id, await passwords.hash_password(new))
    session = Session.start(caller.id)
    await _cut_off(uow, caller.id, kept=session)
    audit.happened(uow, "password changed", caller.id)
    return session


async def mail_reset_link(uow: UnitOfWork, *, email: str) -> None:
    """Mail a link to a member that has a password, at the address as it was typed. Silently nothing otherwise."""
    platform = uow.platform
    member = await uow.first(queries.CREDENTIALS, email=email)
    if member is None or member["password"] is None:
        return
    reset_id = uuid4()
    life_s = int(tokens.RESET_LIFE.total_seconds())
    await platform.redis.set(f"{_RESET_KEY}{reset_id}", str(member["id"]), ex=life_s)
    link = reset_link(platform.settings, tokens.reset_token(platform.settings, reset_id))
    await send_mail(uow, reset_password_mail(recipient=email, lang=member["lang"], link=link))
    await record_for(uow, member["id"], NewAction("ask-reset-password", {}, view="auth"))
    audit.happened(uow, "password reset requested", member["id"])


async def reset_password(uow: UnitOfWork, reset_id: UUID, password: str) -> None:
    """Set a password by a mailed token, once, and end every session. Raises UnauthorizedMember."""
    connection, key = uow.platform.redis, f"{_RESET_KEY}{reset_id}"
    hashed = await passwords.hash_password(password)
    try:
        stored = await connection.getdel(key)
    except (RedisError, OSError):
        raise ServiceUnavailable from None
    if stored is None:
        raise UnauthorizedMember
    account_id = UUID(stored.decode() if isinstance(stored, bytes) else stored)

    async def give_back() -> None:
        await connection.set(key, str(account_id), ex=int(tokens.RESET_LIFE.total_seconds()))

    uow.after_rollback(give_back)
    await _set_password(uow, account_id, hashed)
    await _cut_off(uow, account_id, kept=None)
    await record_for(uow, account_id, NewAction("reset-password", {}, view="auth"))
    audit.happened(uow, "password reset", account_id)


async def end_session(uow: UnitOfWork, session: Session) -> None:
    """Nobody gets in with this session any more, whoever kept its cookie."""
    ended = await uow.execute(
        queries.REVOKE,
        session_id=session.revocation_id,
        account_id=session.account_id,
        longest_s=float(ABSOLUTE_AGE_S),
    )
    if ended:
        audit.happened(uow, "signed out", session.account_id)


async def forget_expired_revocations(platform: Platform) -> int:
    """Drop the records of sessions whose cookies are void by age; how many there were."""
    async with platform.unit_of_work() as uow:
        return await uow.execute(queries.FORGET_REVOKED)


async def _set_password(uow: UnitOfWork, account_id: UUID, hashed: str) -> None:
    if not await uow.execute(queries.SET_PASSWORD, account_id=account_id, password=hashed):
        raise UnauthorizedMember


async def _cut_off(uow: UnitOfWork, account_id: UUID, *, kept: Session | None) -> None:
    await uow.execute(
        queries.CUT_OFF,
        account_id=account_id,
        at=time.time(),
        kept=kept.revocation_id if kept else None,
    )
