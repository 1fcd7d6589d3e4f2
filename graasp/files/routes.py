"""Uploading files, their links, and the storage they use."""

from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import Caller, Member, OptionalCaller, ValidatedMember
from graasp.files import service
from graasp.files.receiving import Incoming
from graasp.h5p.layout import EXTENSION
from graasp.h5p.service import add_package
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.errors import (
    BadRequest,
    DomainError,
    FormattedError,
    TooManyFields,
    TooManyFiles,
)
from graasp.http.fields import Uuid, Whole
from graasp.http.responses import json_response, no_content, text_response
from graasp.http.routing import contract_router, reads_the_stream
from graasp.http.uploads import Form, Part
from graasp.items import schemas
from graasp.items.endpoints import change_of
from graasp.items.service import update_item
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import Platform

router = contract_router()


_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
_BARE_ERROR: dict[int | str, dict[str, Any]] = {
    400: {"description": "Invalid", "content": {"application/json": {"schema": _ERROR}}}
}


class Storage(BaseModel):
    current: int
    maximum: int


class StoredParent(BaseModel):
    id: UUID
    name: str


class StoredFile(BaseModel):
    model_config = schemas.camel

    id: UUID
    name: str
    path: str
    size: int
    updated_at: datetime
    parent: StoredParent | None = None


class StoredFiles(BaseModel):
    data: list[StoredFile]
    pagination: schemas.Pagination


@router.post(
    "/items/upload",
    operation_id="uploadFile",
    tags=["item", "file"],
    status_code=204,
    response_class=Response,
)
@reads_the_stream
async def upload_file(
    request: Request,
    platform: PlatformDep,
    caller: ValidatedMember,
    id: Annotated[Uuid | None, Query()] = None,
    previous_item_id: Annotated[Uuid | None, Query(alias="previousItemId")] = None,
) -> Response:
    """Files are independent of each other: a failing one leaves the others, and the first failure is answered."""
    if id is not None:
        await authorize(platform.reads, caller.id, id, Permission.WRITE)
    failures: list[DomainError | FormattedError] = []
    received = 0
    async with aclosing(Form(request).parts()) as parts:
        async for part in parts:
            if not part.is_file:
                if not received:
                    raise TooManyFields
                failures.append(TooManyFields())
                continue
            received += 1
            if received > platform.settings.max_upload_files:
                failures.append(TooManyFiles())
                continue
            try:
                await _add(platform, caller, part, id, previous_item_id)
            except BadRequest:
                # The form itself has broken off.
                raise
            except (DomainError, FormattedError) as error:
                failures.append(error)
    if failures:
        raise failures[0]
    return no_content()


async def _add(
    platform: Platform, caller: Caller, part: Part, parent_id: UUID | None, previous_item_id: UUID | None
) -> None:
    if part.file_name.endswith(EXTENSION):
        await add_package(
            platform,
            caller,
            part.file_name,
            part.chunks(),
            parent_id=parent_id,
            previous_item_id=previous_item_id,
            max_bytes=platform.settings.max_upload_file_bytes,
        )
        return
    incoming = Incoming(part.file_name, part.content_type, part.chunks())
    await service.add_file(platform, caller, incoming, parent_id=parent_id, previous_item_id=previous_item_id)


@router.patch(
    "/items/files/{id}",
    operation_id="updateFile",
    tags=["item", "file"],
    status_code=204,
    response_class=Response,
    responses={200: {"description": "Declared for the clients' generators; 204 is what is answered."}},
)
async def update_file(uow: Uow, caller: ValidatedMember, id: Uuid, body: schemas.TypedChange) -> Response:
    await update_item(uow, caller, id, change_of(body), expected_type="file")
    return no_content()


@router.get("/items/{id}/download", operation_id="getUrl", tags=["item", "file"], response_model=str)
async def get_url(platform: PlatformDep, reads: Reads, caller: OptionalCaller, id: Uuid) -> Response:
    return text_response(await service.file_url(platform, reads, caller, id))


@router.get(
    "/members/current/storage",
    operation_id="getStorage",
    tags=["current", "member", "storage"],
    response_model=Storage,
)
async def get_storage(platform: PlatformDep, reads: Reads, caller: Member) -> Response:
    current = await service.used_bytes(reads, caller.id)
    return json_response({"current": current, "maximum": platform.settings.max_storage_bytes})


@router.get(
    "/members/current/storage/files",
    operation_id="getStorageFiles",
    tags=["current", "member", "storage"],
    response_model=StoredFiles,
    responses=_BARE_ERROR,
)
async def get_storage_files(
    reads: Reads,
    caller: Member,
    page: Annotated[Whole, Query(ge=1, le=10_000_000)] = 1,
    page_size: Annotated[Whole, Query(alias="pageSize")] = 10,
) -> Response:
    if not 1 <= page_size <= 50:
        return json_response({"error": "Bad parameters passed"}, status=400)
    data = await service.own_files(reads, caller.id, page, page_size)
    return json_response({"data": data, "pagination": {"page": page, "pageSize": page_size}})
