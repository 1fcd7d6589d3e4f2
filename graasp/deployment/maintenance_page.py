"""The page that people see instead of the product: one file, nothing loaded from elsewhere, every language in it."""

import json
import re
from base64 import b64encode
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

_FALLBACK = "en"
_MOST_RANGES = 20
_WEIGHT = re.compile(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", re.ASCII)


@lru_cache(maxsize=32)
def maintenance_page(
    language: str | None = None, ends_at: datetime | None = None, *, back_to: str = ""
) -> str:
    """The page in one of `languages()`; with None, the browser chooses, and without scripts all are shown.

    `ends_at`: the planned end, shown in the reader's time. `back_to`: where “try again” leads; empty: to the
    address that was asked for.
    """
    return _template().render(
        shown=language,
        texts=_texts(),
        ends_at=ends_at and ends_at.astimezone(UTC),
        back_to=back_to,
        policy=_embedded_policy(),
        style=_style(),
        script=_script(),
    )


@cache
def content_security_policy() -> str:
    """What the page needs, and nothing more."""
    return f"{_embedded_policy()};frame-ancestors 'none'"


def languages() -> tuple[str, ...]:
    return tuple(_texts())


def preferred_language(accept_language: str) -> str:
    """The language for a reader whose browser sent this Accept-Language."""
    weighted = [_language_range(part) for part in accept_language.split(",")[:_MOST_RANGES]]
    known = [(weight, language) for weight, language in weighted if weight > 0 and language in _texts()]
    # The first of those with the greatest weight.
    return max(known, key=lambda each: each[0], default=(1.0, _FALLBACK))[1]


def _language_range(part: str) -> tuple[float, str]:
    tag, _, parameter = part.partition(";")
    weight = _WEIGHT.fullmatch(parameter)
    return float(weight[1]) if weight else 1.0, tag.strip().partition("-")[0].lower()


@cache
def _texts() -> dict[str, dict[str, str]]:
    loaded: Any = json.loads(_read("maintenance_texts.json"))
    texts: dict[str, dict[str, str]] = loaded
    return texts


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(_read("maintenance_page.html"))


@cache
def _style() -> Markup:
    return Markup(_read("maintenance_page.css"))  # noqa: S704 - our own file


@cache
def _script() -> Markup:
    return Markup(_read("maintenance_page.js"))  # noqa: S704 - our own file


@cache
def _embedded_policy() -> str:
    """In the page itself as well: where it is a file on a web server, nobody sends a header for it."""
    return (
        f"default-src 'none';script-src '{_digest(_script())}';style-src '{_digest(_style())}';img-src data:;"
        "base-uri 'none';form-action 'none'"
    )


def _digest(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return (files("graasp.deployment") / name).read_text("utf-8")
