"""Actions: recording them, their statistics, their export."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from graasp.actions import queries, service
from graasp.actions.errors import CannotModifyOtherMembers, CannotPostAction
from graasp.actions.jobs import EXPORT_ACTIONS, ExportActions
from graasp.actions.recording import NewAction, RequestOrigin, record
from graasp.auth.gates import OptionalCaller, SignedIn, ValidatedMember
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.fields import AnyText, DateTime, JsonObject, Uuid
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router
from graasp.memberships.authorization import authorize

router = contract_router()

StartDate = Annotated[DateTime | None, Query(alias="startDate")]
EndDate = Annotated[DateTime | None, Query(alias="endDate")]


class PostedAction(BaseModel):
    type: AnyText
    extra: JsonObject = {}


@router.post(
    "/items/{id}/actions",
    operation_id="postAction",
    tags=["action"],
    status_code=204,
    response_class=Response,
)
async def post_action(
    request: Request, uow: Uow, caller: OptionalCaller, id: Uuid, body: PostedAction
) -> Response:
    origin = RequestOrigin.of(request)
    if origin.origin is None:
        raise CannotPostAction
    if origin.origin not in uow.platform.settings.client_origins:
        raise CannotPostAction(origin.origin)
    access = await authorize(uow, caller.id if caller else None, id)
    await record(uow, caller, origin, [NewAction(body.type, body.extra, item=access.item)])
    return no_content()


@router.get(
    "/items/{id}/actions/actions-by-day",
    operation_id="getItemActionsByDay",
    tags=["action"],
    response_model=dict[str, Any],
)
async def get_item_actions_by_day(
    platform: PlatformDep,
    reads: Reads,
    caller: OptionalCaller,
    id: Uuid,
    start: StartDate = None,
    end: EndDate = None,
) -> Response:
    return json_response(await service.statistics(platform, reads, caller, id, "day", start=start, end=end))


@router.get(
    "/items/{id}/actions/actions-by-hour",
    operation_id="getItemActionsByHour",
    tags=["action"],
    response_model=dict[str, Any],
)
async def get_item_actions_by_hour(
    platform: PlatformDep,
    reads: Reads,
    caller: OptionalCaller,
    id: Uuid,
    start: StartDate = None,
    end: EndDate = None,
) -> Response:
    return json_response(await service.statistics(platform, reads, caller, id, "hour", start=start, end=end))


@router.get(
    "/items/{id}/actions/actions-by-weekday",
    operation_id="getItemActionsByWeekday",
    tags=["action"],
    response_model=dict[str, Any],
)
async def get_item_actions_by_weekday(
    platform: PlatformDep,
    reads: Reads,
    caller: OptionalCaller,
    id: Uuid,
    start: StartDate = None,
    end: EndDate = None,
) -> Response:
    found = await service.statistics(platform, reads, caller, id, "weekday", start=start, end=end)
    return json_response(found)


@router.post(
    "/items/{id}/actions/export",
    operation_id="exportActions",
    tags=["action"],
    status_code=204,
    response_class=Response,
)
async def export_actions(
    uow: Uow,
    caller: ValidatedMember,
    id: Uuid,
    format: Annotated[Literal["json", "csv"], Query()] = "json",
) -> Response:
    export = ExportActions(item_id=id, member_id=caller.id, format=format)
    await uow.enqueue(EXPORT_ACTIONS, export, account_id=caller.id, item_id=id)
    return no_content()


@router.get("/members/actions", operation_id="getMembersActions", response_model=list[dict[str, Any]])
async def get_members_actions(
    reads: Reads, caller: SignedIn, start: StartDate = None, end: EndDate = None
) -> Response:
    return json_response(await service.own_actions(reads, caller, start=start, end=end))


@router.delete("/members/members/{id}/delete", response_class=Response)
async def delete_own_actions(uow: Uow, caller: SignedIn, id: Uuid) -> Response:
    if id != caller.id:
        raise CannotModifyOtherMembers(str(id))
    await uow.execute(queries.DELETE_OWN, account_id=caller.id)
    return Response(status_code=200)
