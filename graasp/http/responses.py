"""Answers built straight from rows: no validation of our own data."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from starlette.responses import PlainTextResponse, Response


def dump_json(body: Any) -> bytes:
    """JSON as the wire has it: instants in UTC with `Z`, ids as text, decimals as numbers."""
    return orjson.dumps(body, default=_plain, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def wire_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def json_response(body: Any, status: int = 200) -> Response:
    return Response(dump_json(body), status_code=status, media_type="application/json; charset=utf-8")


def text_response(text: str, status: int = 200) -> Response:
    """A bare string, without JSON quotes."""
    return PlainTextResponse(text, status_code=status)


def no_content() -> Response:
    return Response(status_code=204)


def _plain(value: Any) -> Any:
    # asyncpg's UUID is a subclass that orjson does not know.
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
