"""What happened to accounts and rights, for whoever must find out later.

One log line an event, marked `log: audit` and written whatever `LOG_LEVEL` says: the event, the account that did
it, and what else identifies it. Ids only: no secrets, no names, no e-mail addresses. The id of the request or job
and the client's address are on every log line anyway.
"""

import logging
from typing import Any, Literal
from uuid import UUID

import structlog

from graasp.platform import UnitOfWork

Happened = Literal[
    "registered",
    "signed in",
    "signed out",
    "password created",
    "password changed",
    "password reset requested",
    "password reset",
    "e-mail change requested",
    "e-mail changed",
    "data export requested",
    "account deleted",
    "membership created",
    "membership changed",
    "membership deleted",
    "people invited",
    "invitation changed",
    "invitation deleted",
    "visibility created",
    "visibility deleted",
    "login schema changed",
    "login schema deleted",
]
Refused = Literal["wrong password", "sign-in link used again"]

_log: Any = structlog.wrap_logger(
    None,
    wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
    cache_logger_on_first_use=False,
    log="audit",
)


def happened(uow: UnitOfWork, event: Happened, account_id: UUID | None, **details: object) -> None:
    """Log the event once the unit of work is committed."""

    async def write() -> None:
        _write(event, account_id, details)

    uow.after_commit(write)


def refused(event: Refused, account_id: UUID | None, **details: object) -> None:
    """Log at once what a rule said no to: its unit of work is not going to be committed."""
    _write(event, account_id, details)


def made_by_operator(event: str, account_id: UUID) -> None:
    """Log at once what somebody did on the command line."""
    _write(event, account_id, {})


def _write(event: str, account_id: UUID | None, details: dict[str, object]) -> None:
    known = {name: str(value) for name, value in details.items() if value is not None}
    _log.info(event, account_id=str(account_id) if account_id else None, **known)
