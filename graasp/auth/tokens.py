"""Signed tokens: those in mailed links, and how all are signed and read."""

import hashlib
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any, NamedTuple
from uuid import UUID

import jwt
import redis.asyncio
import structlog
from pydantic import SecretStr
from redis.exceptions import RedisError
from starlette.requests import HTTPConnection

from graasp.settings import Settings

log = structlog.get_logger(__name__)

REGISTER_LIFE = timedelta(minutes=60)
SIGN_IN_LIFE = timedelta(minutes=30)
RESET_LIFE = timedelta(days=1)
EMAIL_CHANGE_LIFE = timedelta(days=1)
_ALGORITHM = "HS256"


class MagicLink(NamedTuple):
    """`validates` is whether following it proves that the e-mail address is the account's."""

    account_id: UUID
    validates: bool


class EmailChange(NamedTuple):
    account_id: UUID
    old_email: str
    new_email: str


def bearer(request: HTTPConnection) -> str:
    """The token of the Authorization header; empty when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def magic_link_token(settings: Settings, account_id: UUID, life: timedelta) -> str:
    # Two links asked for in one second are two, each used up on its own.
    claims = {"sub": str(account_id), "emailValidation": True, "jti": token_hex(8)}
    return sign(claims, settings.jwt_secret, life)


def read_magic_link(settings: Settings, token: str) -> MagicLink | None:
    """Nothing for a token that is forged, expired, or another kind's; so for every `read_`."""
    claims = read_claims(token, settings.jwt_secret)
    try:
        return MagicLink(UUID(str(claims["sub"])), bool(claims.get("emailValidation")))
    except (KeyError, ValueError):
        return None


def reset_token(settings: Settings, reset_id: UUID) -> str:
    return sign({"uuid": str(reset_id)}, settings.password_reset_jwt_secret, RESET_LIFE)


def read_reset_token(settings: Settings, token: str) -> UUID | None:
    claims = read_claims(token, settings.password_reset_jwt_secret)
    try:
        return UUID(str(claims["uuid"]))
    except (KeyError, ValueError):
        return None


def email_change_token(settings: Settings, change: EmailChange) -> str:
    claims = {"uuid": str(change.account_id), "oldEmail": change.old_email, "newEmail": change.new_email}
    return sign(claims, settings.email_change_jwt_secret, EMAIL_CHANGE_LIFE)


def read_email_change_token(settings: Settings, token: str) -> EmailChange | None:
    claims = read_claims(token, settings.email_change_jwt_secret)
    try:
        return EmailChange(
            UUID(str(claims["uuid"])), str(claims["oldEmail"]), str(claims["newEmail"]).lower()
        )
    except (KeyError, ValueError):
        return None


async def use_once(connection: redis.asyncio.Redis, token: str, life: timedelta) -> bool:
    """Whether this is the token's first use; always so while Redis is down."""
    try:
        return bool(await connection.set(_used_key(token), 1, nx=True, ex=int(life.total_seconds())))
    except (RedisError, OSError) as error:
        log.warning("a sign-in link can't be marked as used", reason=str(error))
        return True


async def forget_use(connection: redis.asyncio.Redis, token: str) -> None:
    """Let a token be used again whose use came to nothing."""
    await connection.delete(_used_key(token))


def _used_key(token: str) -> str:
    # The signature is what can't be forged; how its last characters are padded can be varied.
    return f"used-token:{hashlib.sha256(token.rpartition('.')[0].encode()).hexdigest()}"


def sign(claims: dict[str, Any], secret: SecretStr, life: timedelta) -> str:
    """A token that says `claims`, from now on."""
    now = datetime.now(UTC)
    return jwt.encode(claims | {"iat": now, "exp": now + life}, secret.get_secret_value(), _ALGORITHM)


def read_claims(token: str, secret: SecretStr) -> dict[str, Any]:
    """The claims; none when the token is forged or expired. `sub` may be any JSON value."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret.get_secret_value(),
            [_ALGORITHM],
            options={"require": ["exp"], "verify_sub": False, "verify_iat": False},
        )
    except jwt.PyJWTError:
        return {}
    return claims
