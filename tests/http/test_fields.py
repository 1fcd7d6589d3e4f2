"""What becomes of a value in a request, and in which words it is refused."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from graasp.http import fields
from graasp.http.validation import first_message

ID = "5f9b1d6a-3c55-4c0e-9d0b-8a3f0c2f7e11"


def refusal(field: Any, value: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(field).validate_python(value)
    errors = [{**error, "loc": ("body", "field", *error["loc"])} for error in refused.value.errors()]
    return first_message(RequestValidationError(errors).errors()).removeprefix("body/field ")


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        (fields.AnyText, "text", "text"),
        (fields.AnyText, " not trimmed ", " not trimmed "),
        (fields.AnyText, 12, "12"),
        (fields.AnyText, 1.5, "1.5"),
        (fields.AnyText, 3.0, "3"),
        (fields.AnyText, True, "true"),
        (fields.AnyText, None, ""),
        (fields.AnyText, ["one"], "one"),
        (fields.Whole, "12", 12),
        (fields.Whole, "-1.0", -1),
        (fields.Whole, 4.0, 4),
        (fields.Whole, True, 1),
        (fields.Whole, None, 0),
        (fields.Whole, ["7"], 7),
        (fields.Number, "1.5e1", 15.0),
        (fields.Number, None, 0.0),
        (fields.Flag, "true", True),
        (fields.Flag, "false", False),
        (fields.Flag, 1, True),
        (fields.Flag, 0, False),
        (fields.Flag, None, False),
        (fields.Flag, [True], True),
        (fields.Many[fields.AnyText], "one", ["one"]),
        (fields.Many[fields.Uuid], ID, [UUID(ID)]),
        (fields.Uuid, ID.upper(), UUID(ID)),
        (fields.Uuid, f"urn:uuid:{ID}", UUID(ID)),
        (fields.Uuid, f"URN:UUID:{ID}", UUID(ID)),
        (fields.Username, "Zoë 😀", "Zoë 😀"),
        (fields.Username, "😀" * 60, "😀" * 60),
        (fields.Email, "A.b+c@example.org", "A.b+c@example.org"),
        (fields.AbsoluteUri, "http://localhost:3114/x?y=%20#z", "http://localhost:3114/x?y=%20#z"),
        (fields.AbsoluteUri, "mailto:a@example.org", "mailto:a@example.org"),
        (fields.StrongPassword, "Aa345678", "Aa345678"),
        (fields.StrongPassword, "é Aa1 " + "x" * 100, "é Aa1 " + "x" * 100),
        (fields.DateTime, "2026-01-31T10:20:30.5+01:00", datetime(2026, 1, 31, 9, 20, 30, 500_000, UTC)),
        (fields.DateTime, "2026-01-31t10:20:30z", datetime(2026, 1, 31, 10, 20, 30, tzinfo=UTC)),
    ],
)
def test_what_is_coerced(field: Any, value: Any, read: Any) -> None:
    assert TypeAdapter(field).validate_python(value) == read


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (fields.AnyText, {}, "must be string"),
        (fields.AnyText, ["one", "two"], "must be string"),
        (fields.AnyText, "\0", "must NOT contain the NUL character"),
        (fields.AnyText, "\ud800", "must be valid Unicode"),
        (fields.Text, "", "must NOT have fewer than 1 characters"),
        (fields.Text, None, "must NOT have fewer than 1 characters"),
        (fields.Whole, "", "must be integer"),
        (fields.Whole, "1.5", "must be integer"),
        (fields.Whole, "1e400", "must be integer"),
        (fields.Whole, "١", "must be integer"),
        (fields.Whole, {}, "must be integer"),
        (fields.Number, "NaN", "must be number"),
        (fields.Number, "1_0", "must be number"),
        (fields.Number, float("inf"), "must be number"),
        (fields.Flag, "", "must be boolean"),
        (fields.Flag, "1", "must be boolean"),
        (fields.Flag, "True", "must be boolean"),
        (fields.Flag, 2, "must be boolean"),
        (fields.Flag, [], "must be boolean"),
        (fields.Many[fields.AnyText], {}, "must be array"),
        (fields.Uuid, ID[:-1], 'must match format "uuid"'),
        (fields.Uuid, ID.replace("-", ""), 'must match format "uuid"'),
        (fields.Uuid, f"{ID}\n", 'must match format "uuid"'),
        (fields.Uuid, f"{{{ID}}}", 'must match format "uuid"'),
        (fields.Username, "a", "must NOT have fewer than 2 characters"),
        (fields.Username, "a" * 61, "must NOT have more than 60 characters"),
        *((fields.Username, f"ab{c}", 'must match format "username"') for c in '"<>^%\\\n\x7f\x9f'),
        (fields.Email, "a@localhost", 'must match format "email"'),
        (fields.Email, "ä@example.org", 'must match format "email"'),
        (fields.Email, " a@example.org", 'must match format "email"'),
        (fields.Email, "a@example.org\n", 'must match format "email"'),
        (fields.AbsoluteUri, "/relative", 'must match format "uri"'),
        (fields.AbsoluteUri, "http://[", 'must match format "uri"'),
        (fields.AbsoluteUri, "http://a b", 'must match format "uri"'),
        (fields.StrongPassword, "Aa34567", 'must match format "strongPassword"'),
        (fields.StrongPassword, "aa345678", 'must match format "strongPassword"'),
        (fields.StrongPassword, "Aa34567\n8", 'must match format "strongPassword"'),
        (fields.StrongPassword, "Aabcdefg٣", 'must match format "strongPassword"'),
        (fields.DateTime, "2026-01-31T10:20:30", 'must match format "date-time"'),
        (fields.DateTime, "2026-02-30T10:20:30Z", 'must match format "date-time"'),
        (fields.DateTime, 1, 'must match format "date-time"'),
        (fields.JsonWebToken, "a.b", "must match pattern"),
    ],
)
def test_what_is_refused(field: Any, value: Any, reason: str) -> None:
    assert refusal(field, value).startswith(reason)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_FIELDS = [
    fields.AnyText, fields.Text, fields.Flag, fields.Whole, fields.Number, fields.Uuid, fields.Many[fields.Whole],
    fields.Email, fields.AbsoluteUri, fields.Username, fields.StrongPassword, fields.DateTime, fields.JsonObject,
    fields.JsonWebToken,
]  # fmt: skip


@pytest.mark.parametrize("field", _FIELDS)
@given(value=_JSON)
def test_whatever_is_sent_is_read_or_refused(field: Any, value: Any) -> None:
    try:
        TypeAdapter(field).validate_python(value)
    except ValidationError:
        assert refusal(field, value)
