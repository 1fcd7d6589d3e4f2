"""Uploading files, their links, and the storage they use."""

from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import Member, OptionalCaller, ValidatedMember
from graasp.files import service
from graasp.files.service import Upload
from graasp.http.dependencies import PlatformDep, Reads
from graasp.http.errors import (
    BadRequest,
    DomainError,
    FormattedError,
    NotMultipart,
    RequestFileTooLarge,
    TooManyFields,
    TooManyFiles,
    UnsupportedMediaType,
)
from graasp.http.fields import Uuid, Whole
from graasp.http.responses import json_response, no_content, text_response
from graasp.http.routing import contract_router, reads_the_stream
from graasp.items import schemas
from graasp.memberships.authorization import Permission, authorize
from graasp.settings import Settings

router = contract_router()

_NOT_FORMS = ("", "application/json", "text/plain")


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
    for upload in await _received(request, platform.settings):
        try:
            await service.add_file(platform, caller, upload, parent_id=id, previous_item_id=previous_item_id)
        except (DomainError, FormattedError) as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return no_content()


async def _received(request: Request, settings: Settings) -> list[Upload]:
    """The files of the form, on disk where they are large; all of them, or the refusal of the form."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "multipart/form-data":
        raise NotMultipart if content_type in _NOT_FORMS else UnsupportedMediaType(content_type)
    most = settings.max_upload_files
    try:
        form = await request.form(max_files=most, max_fields=1)
    except (MultiPartException, HTTPException) as error:
        if "Too many files" in str(getattr(error, "detail", error)):
            raise TooManyFiles from None
        if "Too many fields" in str(getattr(error, "detail", error)):
            raise TooManyFields from None
        raise BadRequest("body must be multipart/form-data") from None
    files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
    if not files and form:
        raise TooManyFields
    if any((part.size or 0) > settings.max_upload_file_bytes for part in files):
        raise RequestFileTooLarge
    return [_upload(part) for part in files]


def _upload(part: UploadFile) -> Upload:
    name = PurePosixPath((part.filename or "").replace("\\", "/")).name.replace("\0", "")
    content_type = (part.content_type or "").partition(";")[0].strip().lower()
    return Upload(name or "file", content_type, part.size or 0, part.file)


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
)
async def get_storage_files(
    reads: Reads,
    caller: Member,
    page: Annotated[Whole, Query(le=10_000_000)] = 1,
    page_size: Annotated[Whole, Query(alias="pageSize")] = 10,
) -> Response:
    if page < 1:
        return json_response({"error": "Bad Request"}, status=400)
    if not 1 <= page_size <= 50:
        return json_response({"error": "Bad parameters passed"}, status=400)
    data = await service.own_files(reads, caller.id, page, page_size)
    return json_response({"data": data, "pagination": {"page": page, "pageSize": page_size}})
