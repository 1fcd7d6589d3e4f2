"""The session cookie: `base64(ciphertext);base64(nonce)` of a secretbox, URL-encoded.

The same wire form as the server this one replaces, so that people stay signed in across the switch and both can
run side by side. The content is `{"passport": account id, "__ts": Unix seconds}`, plus our own `sid`, the session's
id, and `at`, the same time as `__ts` in milliseconds.
"""

import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

import orjson
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from nacl.utils import random

from graasp.settings import Settings

COOKIE = "session"
MAX_AGE_S = 604_800
ABSOLUTE_AGE_S = 15_552_000


@dataclass(frozen=True)
class Session:
    """`issued_at` is in Unix seconds; cookies of the server this one replaces know whole ones, and no `session_id`."""

    account_id: UUID
    issued_at: float
    session_id: str | None = None

    @property
    def revocation_id(self) -> str:
        """What stands for this session once it is ended: its id, or what the other server's cookies consist of."""
        return self.session_id or f"{self.account_id}:{int(self.issued_at)}"

    @classmethod
    def start(cls, account_id: UUID, at: float | None = None) -> "Session":
        """A new session, from `at` (Unix seconds) or from now on."""
        return cls(account_id, _in_milliseconds(time.time() if at is None else at), token_urlsafe(16))

    def renewed(self) -> "Session":
        """The same session from now on; one of the other server gets its id, so that its first cookie ends with it."""
        return Session(self.account_id, _in_milliseconds(time.time()), self.revocation_id)


class SessionCodec:
    """Seals and opens session cookies with the 32-byte key of the installation."""

    def __init__(self, settings: Settings) -> None:
        key = bytes.fromhex(settings.secure_session_secret_key.get_secret_value())
        self._box = SecretBox(key)
        secure = "; Secure" if settings.cookie_secure else ""
        self._attributes = f"; Domain={settings.cookie_domain}; Path=/; HttpOnly{secure}; SameSite=Lax"

    def value(self, session: Session) -> str:
        """The cookie's value."""
        milliseconds = round(session.issued_at * 1000)
        content: dict[str, str | int] = {"passport": str(session.account_id), "__ts": milliseconds // 1000}
        if session.session_id:
            content |= {"sid": session.session_id, "at": milliseconds}
        nonce = random(SecretBox.NONCE_SIZE)
        sealed = self._box.encrypt(orjson.dumps(content), nonce).ciphertext
        return quote(f"{_encode(sealed)};{_encode(nonce)}", safe="")

    def read(self, value: str) -> Session | None:
        """The session, or nothing: an unusable cookie is no session, never an error."""
        try:
            sealed, nonce = unquote(value).split(";")
            content = orjson.loads(self._box.decrypt(_decode(sealed), _decode(nonce)))
            issued_at = _issued_at(content)
            if time.time() >= issued_at + ABSOLUTE_AGE_S:
                return None
            session_id = content.get("sid")
            return Session(UUID(content["passport"]), issued_at, session_id and str(session_id))
        except (CryptoError, ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            return None

    def set_cookie(self, session: Session) -> str:
        """The Set-Cookie header that opens or renews a session."""
        return f"{COOKIE}={self.value(session)}; Max-Age={MAX_AGE_S}{self._attributes}"

    def clear_cookie(self) -> str:
        """The Set-Cookie header that ends it."""
        return f"{COOKIE}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT{self._attributes}"


def _in_milliseconds(moment: float) -> float:
    """As precise as cookies are, and never later."""
    return int(moment * 1000) / 1000


def _issued_at(content: Mapping[str, Any]) -> float:
    seconds, milliseconds = int(content["__ts"]), content.get("at")
    # The other server renews `__ts` alone.
    if isinstance(milliseconds, int) and milliseconds // 1000 == seconds:
        return milliseconds / 1000
    return seconds


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
