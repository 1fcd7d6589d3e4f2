"""Getting in and out: registration, mailed links, passwords, and the end of sessions."""

from uuid import UUID, uuid4

from redis.exceptions import RedisError

from graasp import audit
from graasp.accounts import queries as accounts
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
from graasp.auth.redirects import sign_in_link
from graasp.db.database import Row
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
) -> UUID | None:
    """Make a member and mail it a link; for a known address, mail a sign-in link. The known member's id, if it is.

    Nobody can tell from the answer which it was.
    """
    settings = uow.platform.settings
    account_id = await uow.scalar(
        accounts.INSERT, name=name, email=email, lang=lang, saves_actions=saves_actions
    )
    if account_id is None:
        return await request_link(uow, email=email, url=url)
    await convert_invitations(uow, account_id, email)
    link = sign_in_link(settings, tokens.magic_link_token(settings, account_id, tokens.REGISTER_LIFE), url)
    await send_mail(uow, sign_up(recipient=email.lower(), lang=lang, link=link))
    audit.happened(uow, "registered", account_id)
    return None


async def request_link(uow: UnitOfWork, *, email: str, url: str | None) -> UUID:
    """Mail a sign-in link; the member's id. Raises MemberNotSignedUp."""
    settings = uow.platform.settings
    member = await _member_by_email(uow, email)
    link = sign_in_link(settings, tokens.magic_link_token(settings, member["id"], tokens.SIGN_IN_LIFE), url)
    await send_mail(uow, sign_in(recipient=member["email"], lang=member["lang"], link=link))
    return UUID(str(member["id"]))


async def follow_link(uow: UnitOfWork, token: str) -> UUID | None:
    """The account a mailed link signs in; nothing for one that is expired, used, forged, or of no member."""
    platform = uow.platform
    read = tokens.read_magic_link(platform.settings, token)
    if read is None:
        return None
    account_id, validates = read
    if not await tokens.use_once(platform.redis, token, tokens.REGISTER_LIFE):
        audit.refused("sign-in link used again", account_id)
        return None
    found = await uow.scalar(accounts.SIGNED_IN, account_id=account_id, validates=validates)
    if found is None:
        return None
    audit.happened(uow, "signed in", account_id, by="link")
    return account_id


async def sign_in_with_password(uow: UnitOfWork, *, email: str, password: str) -> UUID:
    """The member's id. Raises MemberNotSignedUp, MemberWithoutPassword, BadCredentials."""
    member = await _member_by_email(uow, email)
    hashed = await uow.platform.reads.scalar(accounts.PASSWORD, account_id=member["id"])
    if hashed is None:
        raise MemberWithoutPassword
    if not await passwords.matches(password, hashed):
        audit.refused("wrong password", member["id"])
        raise BadCredentials
    await uow.execute(accounts.SIGNED_IN, account_id=member["id"], validates=False)
    audit.happened(uow, "signed in", member["id"], by="password")
    return UUID(str(member["id"]))


async def create_password(uow: UnitOfWork, caller: Caller, password: str) -> None:
    """Give a member its first password. Raises PasswordConflict when it has one."""
    hashed = await passwords.hash_password(password)
    if not await uow.execute(accounts.CREATE_PASSWORD, account_id=caller.id, password=hashed):
        raise PasswordConflict


async def change_password(
    uow: UnitOfWork, caller: Caller, *, current: str, new: str, session: Session | None
) -> None:
    """Replace a password and end every other session of the account. Raises InvalidPassword."""
    stored = await uow.platform.reads.scalar(accounts.PASSWORD, account_id=caller.id)
    if stored is not None and not await passwords.matches(current, stored):
        audit.refused("wrong password", caller.id)
        raise InvalidPassword
    hashed = await passwords.hash_password(new)
    await uow.execute(accounts.SET_PASSWORD, account_id=caller.id, password=hashed)
    await uow.execute(queries.CUT_OFF, account_id=caller.id, kept=session.revocation_id if session else None)
    audit.happened(uow, "password changed", caller.id)


async def request_reset(uow: UnitOfWork, *, email: str) -> UUID | None:
    """Mail a link to a member that has a password; its id. Silently nothing otherwise."""
    platform = uow.platform
    member = await platform.reads.first(accounts.BY_EMAIL, email=email)
    if member is None or await platform.reads.scalar(accounts.PASSWORD, account_id=member["id"]) is None:
        return None
    reset_id = uuid4()
    try:
        await platform.redis.set(
            f"{_RESET_KEY}{reset_id}", str(member["id"]), ex=int(tokens.RESET_LIFE.total_seconds())
        )
    except (RedisError, OSError):
        raise ServiceUnavailable from None
    token = tokens.reset_token(platform.settings, reset_id)
    link = f"{platform.settings.client_host}/auth/reset-password?t={token}"
    await send_mail(uow, reset_password_mail(recipient=email, lang=member["lang"], link=link))
    return UUID(str(member["id"]))


async def reset_password(uow: UnitOfWork, reset_id: UUID, password: str) -> UUID:
    """Set a password by a mailed token, once, and end every session. Raises UnauthorizedMember."""
    try:
        stored = await uow.platform.redis.getdel(f"{_RESET_KEY}{reset_id}")
    except (RedisError, OSError):
        raise ServiceUnavailable from None
    if stored is None:
        raise UnauthorizedMember
    account_id = UUID(stored.decode() if isinstance(stored, bytes) else stored)
    hashed = await passwords.hash_password(password)
    await uow.execute(accounts.SET_PASSWORD, account_id=account_id, password=hashed)
    await uow.execute(queries.CUT_OFF, account_id=account_id, kept=None)
    audit.happened(uow, "password reset", account_id)
    return account_id


async def end_session(uow: UnitOfWork, session: Session) -> None:
    """Nobody gets in with this session any more, whoever kept its cookie."""
    await uow.execute(
        queries.REVOKE,
        session_id=session.revocation_id,
        account_id=session.account_id,
        expires_at=float(session.issued_at + ABSOLUTE_AGE_S),
    )


async def _member_by_email(uow: UnitOfWork, email: str) -> Row:
    member = await uow.platform.reads.first(accounts.BY_EMAIL, email=email)
    if member is None:
        raise MemberNotSignedUp({"email": email})
    return member


async def forget_expired_revocations(platform: Platform) -> int:
    """Drop the records of sessions whose cookies are void by age; how many there were."""
    async with platform.unit_of_work() as uow:
        return await uow.execute(queries.FORGET_REVOKED)
