"""What the member who asked is told on its websocket when a job ends."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from graasp.db.database import Row
from graasp.http.errors import DomainError, FormattedError, UnexpectedError
from graasp.http.responses import dump_json
from graasp.items.packing import Wire, raw_item
from graasp.platform import UnitOfWork

_TOPIC = "item/member"
# Redis cuts the connection of every process that is to deliver much more.
_MOST_BYTES = 4 * 1024 * 1024


def told_items(rows: Iterable[Row]) -> list[Wire]:
    """The rows of items as feedback carries them: whole, or without their contents when that is too much to send."""
    items = [raw_item(row) for row in rows]
    size = 0
    for item in items:
        size += len(dump_json(item))
        if size > _MOST_BYTES:
            return [item | {"description": None, "extra": {}, "settings": {}} for item in items]
    return items


def publish_success(
    uow: UnitOfWork,
    account_id: UUID,
    operation: str,
    item_ids: Sequence[str],
    result: Any,
    *,
    errors: Sequence[Mapping[str, str]] = (),
) -> None:
    """`errors` are `{name, message}` of what was left out."""
    told = {"result": result, "errors": list(errors)}
    body = {"kind": "feedback", "op": operation, "resource": list(item_ids)} | told
    uow.publish(_TOPIC, str(account_id), body)


def publish_failure(
    uow: UnitOfWork, account_id: UUID, operation: str, item_ids: Sequence[str], error: BaseException
) -> None:
    """Exactly one error; what nobody expected is not told in its own words."""
    told = (e for e in (error, error.__cause__) if isinstance(e, DomainError | FormattedError))
    known = next(told, UnexpectedError())
    described = {"name": known.name, "message": known.message}
    body = {"kind": "feedback", "op": operation, "resource": list(item_ids), "errors": [described]}
    uow.publish(_TOPIC, str(account_id), body)
