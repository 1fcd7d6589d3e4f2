"""`/api/members/profile`."""

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from graasp.auth.gates import Member, ValidatedMember
from graasp.http.dependencies import Reads, Uow
from graasp.http.fields import Uuid
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router
from graasp.profiles import schemas, service

router = contract_router(prefix="/members/profile", tags=["profile", "member"])


@router.get("/own", operation_id="getOwnProfile", response_model=schemas.Profile | None)
async def get_own_profile(reads: Reads, caller: Member) -> Response:
    return json_response(await service.own(reads, caller))


@router.get("/{memberId}", operation_id="getMemberProfile", response_model=schemas.Profile | None)
async def get_member_profile(reads: Reads, member_id: Annotated[Uuid, Path(alias="memberId")]) -> Response:
    return json_response(await service.visible(reads, member_id))


@router.post("/", operation_id="createOwnProfile", status_code=201, response_model=schemas.Profile)
async def create_own_profile(uow: Uow, caller: ValidatedMember, body: schemas.ProfileFields) -> Response:
    return json_response(await service.create(uow, caller, body.model_dump(exclude_unset=True)), status=201)


@router.patch("/", operation_id="updateOwnProfile", status_code=204, response_class=Response)
async def update_own_profile(uow: Uow, caller: ValidatedMember, body: schemas.ProfileFields) -> Response:
    await service.update(uow, caller, body.model_dump(exclude_unset=True))
    return no_content()
