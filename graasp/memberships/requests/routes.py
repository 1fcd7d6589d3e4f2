"""`/api/items/{itemId}/memberships/requests`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel
from starlette.responses import Response

from graasp.auth.gates import ValidatedMember
from graasp.http.dependencies import Limits, Reads, Uow
from graasp.http.fields import Uuid
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router
from graasp.items import schemas
from graasp.memberships.requests import service
from graasp.memberships.requests.service import Status
from graasp.rate_limits import REQUESTS_BY_ACCOUNT

router = contract_router(
    prefix="/items/{itemId}/memberships/requests", tags=["membership-request"], errors=False
)

ItemId = Annotated[Uuid, Path(alias="itemId")]


class RequestingMember(BaseModel):
    id: UUID
    name: str
    email: str


class MembershipRequest(BaseModel):
    model_config = schemas.camel

    member: RequestingMember
    created_at: datetime


class OwnRequest(BaseModel):
    status: Status


@router.get("", operation_id="getMembershipRequestsByItemId", response_model=list[MembershipRequest])
async def get_membership_requests(reads: Reads, caller: ValidatedMember, item_id: ItemId) -> Response:
    return json_response(await service.list_for_item(reads, caller, item_id))


@router.get("/own", operation_id="getOwnMembershipRequestByItemId", response_model=OwnRequest)
async def get_own_membership_request(reads: Reads, caller: ValidatedMember, item_id: ItemId) -> Response:
    return json_response({"status": await service.own_status(reads, caller, item_id)})


@router.post("", operation_id="createMembershipRequest", status_code=204, response_class=Response)
async def create_membership_request(
    uow: Uow, limits: Limits, caller: ValidatedMember, item_id: ItemId
) -> Response:
    await limits.require("membership request", (REQUESTS_BY_ACCOUNT, str(caller.id)))
    await service.ask(uow, caller, item_id)
    return no_content()


@router.delete(
    "/{memberId}", operation_id="deleteMembershipRequest", status_code=204, response_class=Response
)
async def delete_membership_request(
    uow: Uow, caller: ValidatedMember, item_id: ItemId, member_id: Annotated[Uuid, Path(alias="memberId")]
) -> Response:
    await service.delete(uow, caller, item_id, member_id)
    return no_content()
