"""`/api/items/{itemId}/export`."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel
from starlette.responses import Response

from graasp.auth.gates import ValidatedMember
from graasp.exports.jobs import EXPORT_FOLDER, ExportFolder
from graasp.http.dependencies import Uow
from graasp.http.fields import Uuid
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.items.service import require_type
from graasp.memberships.authorization import authorize

router = contract_router(tags=["item", "export"])


class ExportStarted(BaseModel):
    message: str


@router.post(
    "/items/{itemId}/export", operation_id="exportZip", status_code=202, response_model=ExportStarted
)
async def export_zip(
    uow: Uow, caller: ValidatedMember, item_id: Annotated[Uuid, Path(alias="itemId")]
) -> Response:
    access = await authorize(uow, caller.id, item_id)
    require_type(access.item, "folder")
    export = ExportFolder(item_id=item_id, member_id=caller.id)
    await uow.enqueue(EXPORT_FOLDER, export, account_id=caller.id, item_id=item_id)
    return json_response({"message": "Export started"}, status=202)
