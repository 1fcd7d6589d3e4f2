"""Recording what people do, as far as they and the items allow it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from starlette.requests import Request

from graasp.actions import queries
from graasp.auth.gates import Caller
from graasp.db.database import Row
from graasp.db.statements import dumps
from graasp.geoip import locate
from graasp.platform import UnitOfWork
from graasp.settings import Settings

log = structlog.get_logger(__name__)

View = Literal["builder", "player", "library", "account", "analytics", "home", "auth", "unknown"]

_VIEWS_BY_PATH: tuple[View, ...] = ("builder", "player", "analytics", "account", "auth", "home")


@dataclass(frozen=True)
class NewAction:
    """An action to record. With `item` its settings are asked; `view` wins over the one of the request."""

    type: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    item: Row | None = None
    view: View | None = None


@dataclass(frozen=True)
class RequestOrigin:
    """Where a request came from: which of the clients, and which address."""

    origin: str | None
    referer: str | None
    address: str

    @classmethod
    def of(cls, request: Request) -> "RequestOrigin":
        forwarded = request.headers.get("x-forwarded-for", "").partition(",")[0].strip()
        peer = request.client.host if request.client else ""
        return cls(request.headers.get("origin"), request.headers.get("referer"), forwarded or peer)

    def view(self, settings: Settings) -> View:
        """The client's part that the page belongs to, by its address; else the library by its origin."""
        path = _path_below_client(self.referer, settings)
        for view in _VIEWS_BY_PATH:
            if path is not None and (path == f"/{view}" or path.startswith(f"/{view}/")):
                return view
        return "library" if self.origin == settings.library_host else "unknown"


async def record(
    uow: UnitOfWork, caller: Caller | None, origin: RequestOrigin, actions: Sequence[NewAction]
) -> None:
    """Record actions in this unit of work, unless the member or the item said that nothing is to be saved.

    One statement for any number. What can't be recorded is logged: it never fails what the actions tell of.
    """
    if caller is not None and caller.is_member and not caller.saves_actions:
        return
    kept = [action for action in actions if saves_actions(action.item)]
    if not kept:
        return
    async with _forgiving(uow):
        settings = uow.platform.settings
        place = locate(origin.address, settings.geoip_database)
        view = origin.view(settings)
        await uow.execute(
            queries.INSERT,
            types=[action.type for action in kept],
            extras=[dumps(dict(action.extra)) for action in kept],
            views=[action.view or view for action in kept],
            item_ids=[action.item["id"] if action.item is not None else None for action in kept],
            geolocation=dumps(place) if place else None,
            account_id=caller.id if caller else None,
        )


async def record_for(uow: UnitOfWork, account_id: UUID, action: NewAction) -> None:
    """Record what a member did while signed out. A requested sign-in is always recorded, but names nobody who
    saves no actions. As `record`, it never fails the unit of work.
    """
    async with _forgiving(uow):
        await uow.execute(
            queries.INSERT_FOR,
            account_id=account_id,
            type=action.type,
            extra=dumps(dict(action.extra)),
            view=action.view or "unknown",
            always=action.type == "member-login",
        )


def saves_actions(item: Row | None) -> bool:
    """Whether what people do on an item may be recorded, as far as its own settings say."""
    settings = item["settings"] if item is not None else None
    return not isinstance(settings, Mapping) or settings.get("enableSaveActions") is not False


@asynccontextmanager
async def _forgiving(uow: UnitOfWork) -> AsyncIterator[None]:
    try:
        async with uow.savepoint():
            yield
    except Exception:
        log.exception("actions not recorded")


def _path_below_client(referer: str | None, settings: Settings) -> str | None:
    if not referer:
        return None
    try:
        parts = urlsplit(referer)
    except ValueError:
        return None
    return parts.path if f"{parts.scheme}://{parts.netloc}" == settings.client_host else None
