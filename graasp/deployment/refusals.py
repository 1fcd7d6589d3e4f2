"""What requests are answered while the product is under maintenance, by a core and in its place alike."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from graasp.deployment.maintenance_page import (
    content_security_policy,
    maintenance_page,
    preferred_language,
)
from graasp.http.errors import ServiceUnavailable
from graasp.http.responses import dump_json

# When nobody has planned the end.
_RETRY_AFTER_S = 120

Headers = Sequence[tuple[bytes, bytes]]


class Refusal(NamedTuple):
    """An answer, ready to be sent."""

    status: int
    headers: Headers
    body: bytes


def refusal(method: str, headers: Headers, ends_at: datetime | None) -> Refusal:
    """The page for people, JSON for everything else; `ends_at` is the planned end."""
    given = {name: value.decode("latin-1") for name, value in headers}
    now = datetime.now(UTC)
    ends_at = ends_at.astimezone(UTC) if ends_at is not None and ends_at > now else None
    retry_after = _RETRY_AFTER_S if ends_at is None else math.ceil((ends_at - now).total_seconds())
    if method in ("GET", "HEAD") and "text/html" in given.get(b"accept", ""):
        return _page(preferred_language(given.get(b"accept-language", "")), ends_at, retry_after)
    body = dump_json(UnderMaintenance(ends_at, retry_after).body())
    return _answer("application/json; charset=utf-8", body, retry_after)


class UnderMaintenance(ServiceUnavailable):
    """`data`: `{reason: "maintenance", endAt}`, the planned end or null."""

    def __init__(self, ends_at: datetime | None, retry_after: int) -> None:
        super().__init__(retry_after)
        self.data = {"reason": "maintenance", "endAt": ends_at}


def _page(language: str, ends_at: datetime | None, retry_after: int) -> Refusal:
    return _answer(
        "text/html; charset=utf-8",
        maintenance_page(language, ends_at).encode(),
        retry_after,
        (b"content-language", language.encode()),
        (b"content-security-policy", content_security_policy().encode()),
    )


def _answer(media_type: str, body: bytes, retry_after: int, *headers: tuple[bytes, bytes]) -> Refusal:
    return Refusal(
        503,
        (
            (b"content-type", media_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"retry-after", str(retry_after).encode()),
            (b"cache-control", b"no-store"),
            (b"vary", b"Accept, Accept-Language"),
            *headers,
        ),
        body,
    )
