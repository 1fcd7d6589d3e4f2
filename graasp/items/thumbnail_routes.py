"""`/api/items/…thumbnail…`: pictures of items, and items made together with one."""

from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import OptionalCaller, ValidatedMember
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.fields import Uuid
from graasp.http.responses import json_response, no_content, text_response
from graasp.http.routing import ERRORS, contract_router, reads_the_stream
from graasp.http.uploads import received_file
from graasp.items import schemas
from graasp.items.endpoints import ParentId, PreviousItemId, create_with_thumbnail
from graasp.items.thumbnails import LARGEST_UPLOAD, remove_thumbnail, set_thumbnail, thumbnail_url
from graasp.links.dependencies import Links
from graasp.thumbnails.service import Size

router = contract_router(prefix="/items", tags=["item", "thumbnail"])
# The contract declares no errors for taking a thumbnail away.
removal = contract_router(prefix="/items", tags=["item", "thumbnail"], errors=False)

_SERVER_ERROR: dict[int | str, dict[str, Any]] = {500: ERRORS["4XX"]}


@router.post("/with-thumbnail", operation_id="createItemWithThumbnail", response_model=schemas.Item)
@reads_the_stream
async def create_item_with_thumbnail(
    request: Request,
    links: Links,
    caller: ValidatedMember,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    async with received_file(request, max_bytes=LARGEST_UPLOAD) as form:
        return await create_with_thumbnail(request, links, caller, form, parent_id, previous_item_id)


@router.post("/folders-with-thumbnail", operation_id="createFolderWithThumbnail", response_model=schemas.Item)
@reads_the_stream
async def create_folder_with_thumbnail(
    request: Request,
    links: Links,
    caller: ValidatedMember,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    async with received_file(request, max_bytes=LARGEST_UPLOAD) as form:
        return await create_with_thumbnail(
            request, links, caller, form, parent_id, previous_item_id, always="folder"
        )


@router.post("/{id}/thumbnails", status_code=204, response_class=Response, tags=[], responses=_SERVER_ERROR)
@reads_the_stream
async def upload_item_thumbnail(
    request: Request, platform: PlatformDep, caller: ValidatedMember, id: Uuid
) -> Response:
    async with received_file(request, max_bytes=LARGEST_UPLOAD) as form:
        await set_thumbnail(platform, caller, id, form.file)
    return no_content()


@removal.delete("/{id}/thumbnails", status_code=204, response_class=Response)
async def delete_item_thumbnail(uow: Uow, caller: ValidatedMember, id: Uuid) -> Response:
    await remove_thumbnail(uow, caller, id)
    return no_content()


@router.get(
    "/{id}/thumbnails/{size}",
    operation_id="downloadItemThumbnail",
    response_model=str | None,
    responses=_SERVER_ERROR,
)
async def download_item_thumbnail(
    platform: PlatformDep, reads: Reads, caller: OptionalCaller, id: Uuid, size: Annotated[Size, Path()]
) -> Response:
    url = await thumbnail_url(platform, reads, caller, id, size)
    return json_response(None) if url is None else text_response(url)
