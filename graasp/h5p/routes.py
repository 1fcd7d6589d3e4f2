"""`/api/items/h5p-import`."""

import asyncio
from collections.abc import AsyncIterator
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import ValidatedMember
from graasp.h5p import service
from graasp.h5p.errors import InvalidPackage
from graasp.http.dependencies import Limits, PlatformDep
from graasp.http.errors import TooManyFields
from graasp.http.responses import json_response
from graasp.http.routing import contract_router, reads_the_stream
from graasp.http.uploads import received_file
from graasp.items import schemas
from graasp.items.endpoints import ParentId, PreviousItemId
from graasp.items.packing import generic_item
from graasp.memberships.authorization import Permission, authorize
from graasp.rate_limits import IMPORT_BY_ACCOUNT

router = contract_router(tags=["item", "h5p"])

_PIECE = 256 * 1024


@router.post("/items/h5p-import", operation_id="importH5p", response_model=schemas.Item)
@reads_the_stream
async def import_h5p(
    request: Request,
    platform: PlatformDep,
    limits: Limits,
    caller: ValidatedMember,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    await limits.require("import", (IMPORT_BY_ACCOUNT, str(caller.id)))
    if parent_id is not None:
        await authorize(platform.reads, caller.id, parent_id, Permission.WRITE)
    max_bytes = platform.settings.max_h5p_bytes
    async with received_file(request, max_bytes=max_bytes) as (file, fields):
        if file is None:
            raise TooManyFields if fields else InvalidPackage
        item = await service.add_package(
            platform,
            caller,
            file.name,
            _pieces(file.file),
            parent_id=parent_id,
            previous_item_id=previous_item_id,
            max_bytes=max_bytes,
        )
    return json_response(generic_item(item))


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE):
        yield piece
