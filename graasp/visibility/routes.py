"""`/api/items/{itemId}/visibilities/{type}`."""

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from graasp.auth.gates import ValidatedMember
from graasp.http.dependencies import Uow
from graasp.http.fields import Uuid
from graasp.http.responses import no_content
from graasp.http.routing import contract_router
from graasp.visibility import service
from graasp.visibility.service import VisibilityType

router = contract_router(prefix="/items/{itemId}/visibilities", tags=["visibility"])

ItemId = Annotated[Uuid, Path(alias="itemId")]


@router.post("/{type}", operation_id="createVisibility", status_code=204, response_class=Response)
async def create_visibility(
    uow: Uow, caller: ValidatedMember, item_id: ItemId, type: VisibilityType
) -> Response:
    await service.create(uow, caller, item_id, type)
    return no_content()


@router.delete("/{type}", operation_id="deleteVisibility", status_code=204, response_class=Response)
async def delete_visibility(
    uow: Uow, caller: ValidatedMember, item_id: ItemId, type: VisibilityType
) -> Response:
    await service.delete(uow, caller, item_id, type)
    return no_content()
