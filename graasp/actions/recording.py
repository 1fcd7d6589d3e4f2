"""Recording what people do, as far as they and the items allow it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request

from graasp.actions import queries
from graasp.auth.gates import Caller
from graasp.db.database import Row
from graasp.db.statements import dumps
from graasp.geoip import locate
from graasp.platform import UnitOfWork
from graasp.settings import Settings

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
    """Record actions in this unit of work, unless the member or the item said that nothing is to be saved."""
    if caller is not None and not caller.saves_actions:
        return
    settings = uow.platform.settings
    place = None
    for action in actions:
        if action.item is not None and action.item["settings"].get("enableSaveActions") is False:
            continue
        place = place or locate(origin.address, settings.geoip_database)
        await uow.execute(
            queries.INSERT,
            type=action.type,
            extra=dumps(dict(action.extra)),
            view=action.view or origin.view(settings),
            geolocation=dumps(place) if place else None,
            account_id=caller.id if caller else None,
            item_id=action.item["id"] if action.item is not None else None,
        )


async def record_for(uow: UnitOfWork, account_id: UUID, action: NewAction) -> None:
    """Record what somebody did while signed out; a requested sign-in is recorded whatever the member's setting."""
    await uow.execute(
        queries.INSERT_FOR,
        account_id=account_id,
        type=action.type,
        extra=dumps(dict(action.extra)),
        view=action.view or "unknown",
        always=action.type == "member-login",
    )


def _path_below_client(referer: str | None, settings: Settings) -> str | None:
    if not referer:
        return None
    try:
        parts = urlsplit(referer)
    except ValueError:
        return None
    return parts.path if f"{parts.scheme}://{parts.netloc}" == settings.client_host else None
