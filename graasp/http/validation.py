"""Validation failures in the words the clients know: `body/name must NOT have fewer than 2 characters`."""

from collections.abc import Mapping, Sequence
from typing import Any

_PARTS = {"path": "params", "body": "body", "query": "querystring", "header": "headers"}
_ORDER = {"path": 0, "body": 1, "query": 2, "header": 3}

_REASONS = {
    "string_type": "must be string",
    "int_type": "must be integer",
    "int_parsing": "must be integer",
    "int_from_float": "must be integer",
    "float_type": "must be number",
    "float_parsing": "must be number",
    "finite_number": "must be number",
    "bool_type": "must be boolean",
    "bool_parsing": "must be boolean",
    "dict_type": "must be object",
    "model_type": "must be object",
    "model_attributes_type": "must be object",
    "dataclass_type": "must be object",
    "list_type": "must be array",
    "set_type": "must be array",
    "tuple_type": "must be array",
    "uuid_type": 'must match format "uuid"',
    "uuid_parsing": 'must match format "uuid"',
    "datetime_type": 'must match format "date-time"',
    "datetime_parsing": 'must match format "date-time"',
    "datetime_from_date_parsing": 'must match format "date-time"',
    "timezone_aware": 'must match format "date-time"',
    "enum": "must be equal to one of the allowed values",
    "literal_error": "must be equal to one of the allowed values",
    "union_tag_invalid": "must be equal to one of the allowed values",
    "none_required": "must be null",
}

_LIMITS = {
    "string_too_short": ("must NOT have fewer than {} characters", "min_length"),
    "string_too_long": ("must NOT have more than {} characters", "max_length"),
    "string_pattern_mismatch": ('must match pattern "{}"', "pattern"),
    "too_short": ("must NOT have fewer than {} items", "min_length"),
    "too_long": ("must NOT have more than {} items", "max_length"),
    "greater_than_equal": ("must be >= {}", "ge"),
    "greater_than": ("must be > {}", "gt"),
    "less_than_equal": ("must be <= {}", "le"),
    "less_than": ("must be < {}", "lt"),
}


def first_message(errors: Sequence[Mapping[str, Any]], body: object = None) -> str:
    """The first failure, in the order params, body, querystring, headers. `body` is the one that failed."""
    first = min(errors, key=lambda error: _ORDER.get(str(error["loc"][0]), 9))
    return _message(first, body)


def _message(error: Mapping[str, Any], body: object) -> str:
    part, *path = error["loc"]
    kind = error["type"]
    prefix = _PARTS.get(str(part), str(part))
    if part == "body":
        path = _as_sent(path, body)
    if kind == "missing":
        if not path:
            return f"{prefix} must be object"
        *parents, name = path
        return f"{_join(prefix, parents)} must have required property '{name}'"
    if kind.startswith("union_tag_"):
        tag = str(error["ctx"]["discriminator"]).strip("'")
        if kind == "union_tag_not_found":
            return f"{_join(prefix, path)} must have required property '{tag}'"
        path = [*path, tag]
    return f"{_join(prefix, path)} {_reason(error)}"


def _as_sent(path: Sequence[object], body: object) -> list[object]:
    """Where in the body something is, without the names of the forms that it may have: nobody sent them."""
    sent: list[object] = []
    for position, name in enumerate(path, start=1):
        if isinstance(body, Mapping) and name not in body and position < len(path):
            continue
        sent.append(name)
        body = body.get(name) if isinstance(body, Mapping) else None
    return sent


def _join(prefix: str, path: Sequence[object]) -> str:
    return "/".join([prefix, *map(str, path)])


def _reason(error: Mapping[str, Any]) -> str:
    kind = error["type"]
    if kind in _LIMITS:
        template, key = _LIMITS[kind]
        if not isinstance(error["input"], list):
            # A length checked behind another rule of the field is reported without the type; what is no list
            # was made a text.
            template = template.replace("items", "characters")
        return template.format(error["ctx"][key])
    if kind in _REASONS:
        return _REASONS[kind]
    return str(error["msg"]).removeprefix("Value error, ")
