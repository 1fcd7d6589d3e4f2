"""Links to local files that expire and can't be forged."""

import hashlib
import hmac
import time
from datetime import timedelta
from urllib.parse import quote, urlencode

from graasp.settings import Settings

PREFIX = "/files"


class UrlSigner:
    """Signs and checks `<base>/<key>?expires=…&signature=…[&name=…]`."""

    def __init__(self, secret: bytes, base: str) -> None:
        self._secret = hashlib.blake2b(secret, person=b"graasp-files").digest()
        self._base = base

    @classmethod
    def from_settings(cls, settings: Settings) -> "UrlSigner":
        secret = bytes.fromhex(settings.secure_session_secret_key.get_secret_value())
        # Another host than this server exposes the folder itself, and has no need of the signature.
        return cls(secret, settings.file_storage_host or settings.public_url + PREFIX)

    def url(self, key: str, expires: timedelta, name: str | None) -> str:
        until = int(time.time() + expires.total_seconds())
        query = {"expires": str(until), "signature": self._signature(key, until, name)}
        if name is not None:
            query["name"] = name
        return f"{self._base}/{quote(key)}?{urlencode(query)}"

    def is_valid(self, key: str, expires: int, signature: str, name: str | None) -> bool:
        """Whether this link was signed here and has not expired."""
        expected = self._signature(key, expires, name)
        return hmac.compare_digest(expected.encode(), signature.encode()) and time.time() < expires

    def _signature(self, key: str, expires: int, name: str | None) -> str:
        # Length-prefixed, so that no two different triples are the same bytes.
        parts = (key.encode(), str(expires).encode(), b"" if name is None else b"=" + name.encode())
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
