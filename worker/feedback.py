"""What the member who asked is told on its websocket when a job ends."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from graasp.http.errors import DomainError, FormattedError, UnexpectedError
from graasp.platform import UnitOfWork

_TOPIC = "item/member"


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
