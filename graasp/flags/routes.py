"""`/api/items/flags` and `/api/items/{itemId}/flags`."""

from typing import Annotated, get_args

from fastapi import Path
from pydantic import BaseModel
from starlette.responses import Response

from graasp.auth.gates import ValidatedMemberOrGuest
from graasp.flags import service
from graasp.flags.service import FlagType
from graasp.http.dependencies import Uow
from graasp.http.fields import Uuid
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router

router = contract_router(prefix="/items", tags=["flag"])


class NewFlag(BaseModel):
    type: FlagType


@router.get("/flags", operation_id="getFlagTypes", response_model=list[FlagType])
async def get_flag_types() -> Response:
    return json_response(list(get_args(FlagType)))


@router.post("/{itemId}/flags", operation_id="createItemFlag", status_code=204, response_class=Response)
async def create_item_flag(
    uow: Uow, caller: ValidatedMemberOrGuest, item_id: Annotated[Uuid, Path(alias="itemId")], body: NewFlag
) -> Response:
    await service.flag(uow, caller, item_id, body.type)
    return no_content()
