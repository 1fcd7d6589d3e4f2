"""`/api/items/{itemId}/export`, `/api/items/{itemId}/graasp-export`, `/api/items/{itemId}/download-file`."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from graasp.actions.recording import NewAction, RequestOrigin, record
from graasp.archives import zip_stream
from graasp.auth.gates import OptionalCaller, ValidatedMember
from graasp.exports.download import archive_header, download_header, item_as_file
from graasp.exports.errors import UnexpectedExportError
from graasp.exports.jobs import EXPORT_FOLDER, ExportFolder
from graasp.exports.leaves import begun
from graasp.exports.tree import tree_entries
from graasp.http.dependencies import ClientAddress, Limits, PlatformDep, Reads, Uow
from graasp.http.fields import Uuid
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.items.outlines import read_outline
from graasp.items.service import require_type
from graasp.memberships.authorization import authorize
from graasp.rate_limits import EXPORT_BY_ACCOUNT, EXPORT_BY_ADDRESS

router = contract_router(tags=["item", "export"])


class ExportStarted(BaseModel):
    message: str


@router.post(
    "/items/{itemId}/export", operation_id="exportZip", status_code=202, response_model=ExportStarted
)
async def export_zip(
    uow: Uow, limits: Limits, caller: ValidatedMember, item_id: Annotated[Uuid, Path(alias="itemId")]
) -> Response:
    await limits.require("export", (EXPORT_BY_ACCOUNT, str(caller.id)))
    access = await authorize(uow, caller.id, item_id)
    require_type(access.item, "folder")
    export = ExportFolder(item_id=item_id, member_id=caller.id)
    await uow.enqueue(EXPORT_FOLDER, export, account_id=caller.id, item_id=item_id)
    return json_response({"message": "Export started"}, status=202)


@router.post("/items/{itemId}/graasp-export", operation_id="graaspZipExport", response_model=None)
async def graasp_zip_export(
    platform: PlatformDep,
    reads: Reads,
    limits: Limits,
    address: ClientAddress,
    caller: OptionalCaller,
    item_id: Annotated[Uuid, Path(alias="itemId")],
) -> Response:
    by_account = [(EXPORT_BY_ACCOUNT, str(caller.id))] if caller else []
    await limits.require("export", (EXPORT_BY_ADDRESS, address), *by_account)
    root, below = await read_outline(reads, caller.id if caller else None, item_id)
    headers = {
        "Access-Control-Expose-Headers": "Content-Disposition",
        "Content-Disposition": archive_header(root),
        "Content-Type": "application/octet-stream",
    }
    entries = tree_entries(platform, root, below, datetime.now(UTC))
    try:
        archive = await begun(zip_stream(entries))
    except Exception as error:
        raise UnexpectedExportError from error
    return StreamingResponse(archive, headers=headers)


@router.get("/items/{itemId}/download-file", operation_id="downloadFile", response_model=None)
async def download_file(
    request: Request,
    platform: PlatformDep,
    reads: Reads,
    caller: OptionalCaller,
    item_id: Annotated[Uuid, Path(alias="itemId")],
) -> Response:
    item = (await authorize(reads, caller.id if caller else None, item_id)).item
    leaf = await item_as_file(platform, item)
    if not request.scope.get("graasp.head"):
        async with platform.unit_of_work() as uow:
            action = NewAction("item-download", {"itemId": str(item_id)}, item=item, view="builder")
            await record(uow, caller, RequestOrigin.of(request), [action])
    headers = {
        "Access-Control-Expose-Headers": "Content-Disposition",
        "Content-Disposition": download_header(item, leaf.extension),
        "Content-Length": str(leaf.size),
        "Content-Type": leaf.content_type,
    }
    return StreamingResponse(leaf.chunks, headers=headers)
