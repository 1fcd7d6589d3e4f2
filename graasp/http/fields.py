"""Types of request fields, with the coercions of the wire.

A number or boolean sent where text is expected becomes text; numeric text becomes a number; `"true"`, `"false"`,
1 and 0 become booleans; null becomes the empty value of its target; a scalar where an array is expected becomes
an array of one.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

T = TypeVar("T")

# Serialisers, ours and others', stop at some depth; nobody writes half of this by hand.
_DEEPEST_JSON = 200


def failure(reason: str) -> PydanticCustomError:
    """A validation failure whose reason reaches the client as written."""
    return PydanticCustomError("wire", "{reason}", {"reason": reason})


def at_least_one_key(value: Any) -> Any:
    """For bodies of which something must be sent; a key nobody knows counts."""
    if value == {}:
        raise failure("must NOT have fewer than 1 properties")
    return value


def _one(value: Any) -> Any:
    """A one-element array where a scalar is expected is that element."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _text(value: Any) -> Any:
    value = _one(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if float(value).is_integer() else str(value)
    return value


def _boolean(value: Any) -> Any:
    value = _one(value)
    if isinstance(value, bool):
        return value
    if value is None or value == "false" or (value == 0 and not isinstance(value, str)):
        return False
    if value == "true" or (value == 1 and not isinstance(value, str)):
        return True
    raise failure("must be boolean")


def _number(value: Any) -> Any:
    value = _one(value)
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value, re.ASCII):
        raise failure("must be number")
    return value


def _integer(value: Any) -> Any:
    try:
        value = _number(value)
    except PydanticCustomError:
        raise failure("must be integer") from None
    if isinstance(value, str):
        value = float(value)
    if isinstance(value, float):
        if not value.is_integer():
            raise failure("must be integer")
        return int(value)
    return value


def _array(value: Any) -> Any:
    return [value] if isinstance(value, str | int | float | bool) else value


def distinct(values: list[T]) -> list[T]:
    """The list itself, which has nothing twice."""
    if len(set(values)) < len(values):
        raise failure("must NOT have duplicate items")
    return values


def _storable(value: str) -> str:
    # PostgreSQL has no NUL character, and lone surrogates are not UTF-8.
    if "\0" in value:
        raise failure("must NOT contain the NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise failure("must be valid Unicode") from None
    return value


def _storable_json(value: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL's JSON has no NUL character either, in keys and values; and what is too deep can't be written."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST_JSON):
        below: list[Any] = []
        for part in level:
            if isinstance(part, str):
                _storable(part)
            elif isinstance(part, dict):
                below.extend(part.keys())
                below.extend(part.values())
            elif isinstance(part, list):
                below.extend(part)
        if not below:
            return value
        level = below
    raise failure(f"must NOT be nested deeper than {_DEEPEST_JSON} levels")


def _uuid_text(value: Any) -> Any:
    value = _text(value)
    if isinstance(value, str) and not _UUID.fullmatch(value):
        raise failure('must match format "uuid"')
    return value.lower().removeprefix("urn:uuid:") if isinstance(value, str) else value


def _email(value: str) -> str:
    try:
        validate_email(value, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False)
    except EmailNotValidError:
        raise failure('must match format "email"') from None
    if "." not in value.rpartition("@")[2] or value.strip() != value:
        raise failure('must match format "email"')
    return value


def _uri(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        raise failure('must match format "uri"') from None
    if not parts.scheme or not _URI.fullmatch(value):
        raise failure('must match format "uri"')
    return value


def _username(value: str) -> str:
    if _FORBIDDEN_IN_NAMES.search(value):
        raise failure('must match format "username"')
    return value


def _strong_password(value: str) -> str:
    classes = (r"[0-9]", r"[a-z]", r"[A-Z]")
    strong = len(value) >= 8 and not re.search(r"[\n\r\u2028\u2029]", value)
    if not strong or not all(re.search(c, value) for c in classes):
        raise failure('must match format "strongPassword"')
    return value


def _moment(value: Any) -> Any:
    value = _text(value)
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise failure('must match format "date-time"')
    try:
        moment = datetime.fromisoformat(value.upper().replace(" ", "T"))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise failure('must match format "date-time"') from None


_UUID = re.compile(r"(?i:urn:uuid:)?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x1f\x7f-\U0010ffff]+")
_FORBIDDEN_IN_NAMES = re.compile(r'["<>^%\\\x00-\x1f\x7f-\x9f]')
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)",
    re.ASCII,
)

AnyText = Annotated[str, BeforeValidator(_text), AfterValidator(_storable)]
Text = Annotated[AnyText, Field(min_length=1)]
Flag = Annotated[bool, BeforeValidator(_boolean)]
Whole = Annotated[int, BeforeValidator(_integer)]
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Uuid = Annotated[UUID, BeforeValidator(_uuid_text)]
Many = Annotated[list[T], BeforeValidator(_array)]
Email = Annotated[AnyText, AfterValidator(_email)]
AbsoluteUri = Annotated[AnyText, AfterValidator(_uri)]
Username = Annotated[AnyText, Field(min_length=2, max_length=60), AfterValidator(_username)]
StrongPassword = Annotated[AnyText, AfterValidator(_strong_password)]
DateTime = Annotated[datetime, BeforeValidator(_moment)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_storable_json)]
JsonWebToken = Annotated[AnyText, Field(pattern=r"^[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$")]
