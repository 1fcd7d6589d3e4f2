"""The signed tokens in mailed links."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import redis.asyncio
import structlog
from redis.exceptions import RedisError

from graasp.settings import Settings

log = structlog.get_logger(__name__)

REGISTER_LIFE = timedelta(minutes=60)
SIGN_IN_LIFE = timedelta(minutes=30)
RESET_LIFE = timedelta(days=1)
_ALGORITHM = "HS256"


def magic_link_token(settings: Settings, account_id: UUID, life: timedelta) -> str:
    claims = {"sub": str(account_id), "emailValidation": True}
    return _sign(claims, settings.jwt_secret.get_secret_value(), life)


def read_magic_link(settings: Settings, token: str) -> tuple[UUID, bool] | None:
    """(account, whether the link validates the e-mail address), or nothing for a token that is no good."""
    claims = _read(token, settings.jwt_secret.get_secret_value())
    try:
        return (UUID(str(claims["sub"])), bool(claims.get("emailValidation"))) if claims else None
    except (KeyError, ValueError):
        return None


def reset_token(settings: Settings, reset_id: UUID) -> str:
    return _sign({"uuid": str(reset_id)}, settings.password_reset_jwt_secret.get_secret_value(), RESET_LIFE)


def read_reset_token(settings: Settings, token: str) -> UUID | None:
    claims = _read(token, settings.password_reset_jwt_secret.get_secret_value())
    try:
        return UUID(str(claims["uuid"])) if claims else None
    except (KeyError, ValueError):
        return None


async def use_once(connection: redis.asyncio.Redis, token: str, life: timedelta) -> bool:
    """Whether this is the token's first use; always so while Redis is down."""
    key = f"used-token:{hashlib.sha256(token.encode()).hexdigest()}"
    try:
        return bool(await connection.set(key, 1, nx=True, ex=int(life.total_seconds())))
    except (RedisError, OSError) as error:
        log.warning("a sign-in link can't be marked as used", reason=str(error))
        return True


def _sign(claims: dict[str, Any], secret: str, life: timedelta) -> str:
    now = datetime.now(UTC)
    return jwt.encode(claims | {"iat": now, "exp": now + life}, secret, _ALGORITHM)


def _read(token: str, secret: str) -> dict[str, Any] | None:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            [_ALGORITHM],
            options={"require": ["exp"], "verify_sub": False, "verify_iat": False},
        )
    except jwt.PyJWTError:
        return None
    return claims
