"""`/api/items/etherpad`: pads."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Query
from starlette.background import BackgroundTask
from starlette.responses import Response

from graasp.auth.gates import SignedIn, ValidatedMember
from graasp.etherpad import service
from graasp.etherpad.schemas import EtherpadChange, NewEtherpad, PadView, ReaderPermission
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.fields import Uuid
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router
from graasp.items.endpoints import ParentId, change_of
from graasp.items.schemas import Something
from graasp.items.service import update_item
from graasp.settings import Settings

router = contract_router(prefix="/items/etherpad", tags=["item", "etherpad"])


@router.post("/create", operation_id="createEtherpad", status_code=204, response_class=Response)
async def create_etherpad(
    uow: Uow, caller: ValidatedMember, body: NewEtherpad, parent_id: ParentId = None
) -> Response:
    await service.create_etherpad(uow, caller, body.name, body.reader_permission, parent_id=parent_id)
    return no_content()


@router.patch("/{id}", operation_id="updateEtherpad", status_code=204, response_class=Response)
async def update_etherpad(
    uow: Uow, caller: ValidatedMember, id: Uuid, body: Annotated[EtherpadChange, Something]
) -> Response:
    extra = body.model_dump(by_alias=True, include={"reader_permission"}, exclude_unset=True)
    await update_item(uow, caller, id, change_of(body, extra or None), expected_type="etherpad")
    return no_content()


@router.get("/view/{itemId}", operation_id="getEtherpadFromItem", response_model=PadView)
async def get_etherpad_from_item(
    platform: PlatformDep,
    reads: Reads,
    caller: SignedIn,
    itemId: Uuid,  # noqa: N803 - the contract's name
    mode: Annotated[ReaderPermission, Query()] = "read",
) -> Response:
    opened = await service.open_pad(platform, reads, caller, itemId, mode)
    response = json_response({"padUrl": opened.url})
    response.headers.append("Set-Cookie", _session_cookie(platform.settings, opened))
    response.background = BackgroundTask(service.forget_sessions, platform, opened.stale)
    return response


def _session_cookie(settings: Settings, opened: service.OpenedPad) -> str:
    """For the Etherpad server, whose pages read it: hence neither signed nor hidden from scripts."""
    domain = settings.etherpad_cookie_domain or urlsplit(opened.url).hostname
    expires = format_datetime(datetime.now(UTC) + timedelta(seconds=service.SESSION_S), usegmt=True)
    value = quote(",".join(opened.sessions), safe="")
    return f"sessionID={value}; Domain={domain}; Path=/; Expires={expires}; SameSite=Lax"
