"""`/api/items/{id}/login-schema`, `/api/items/{id}/login` and `/api/items/{itemId}/enroll`."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import OptionalCaller, SignedIn, ValidatedMember, open_session
from graasp.http.dependencies import ClientAddress, Limits, Reads, Uow
from graasp.http.errors import BadRequest
from graasp.http.fields import AnyText, Username, Uuid
from graasp.http.responses import json_response, no_content, text_response
from graasp.http.routing import contract_router
from graasp.item_login import service
from graasp.item_login.service import SchemaStatus, SchemaType
from graasp.items import schemas
from graasp.rate_limits import GUEST_BY_ADDRESS, SIGN_IN_BY_ACCOUNT

router = contract_router(prefix="/items", tags=["item-login"])
# Its errors are not documented, and take the short form.
enrolment = contract_router(prefix="/items", tags=["item-membership"], errors=False)

_NO_BODY: dict[str, Any] = {
    "status_code": 204,
    "response_class": Response,
    "responses": {200: {"description": "Never sent; what clients were told to expect"}},
}


class SchemaChange(BaseModel):
    type: SchemaType | None = None
    status: SchemaStatus | None = None


class LoginSchema(BaseModel):
    model_config = schemas.camel

    id: UUID
    type: SchemaType
    status: SchemaStatus
    item: schemas.Item | None = None
    created_at: datetime
    updated_at: datetime


class GuestCredentials(BaseModel):
    username: Username
    password: Annotated[AnyText, Field(min_length=3, max_length=50)] | None = None


@router.get(
    "/{id}/login-schema-type", operation_id="getItemLoginSchemaType", response_model=SchemaType | None
)
async def get_item_login_schema_type(reads: Reads, caller: OptionalCaller, id: Uuid) -> Response:
    kind = await service.schema_type(reads, caller, id)
    return json_response(None) if kind is None else text_response(kind)


@router.get(
    "/{id}/login-schema",
    operation_id="getItemLoginSchema",
    response_model=LoginSchema,
    responses={204: {"description": "There is none"}},
)
async def get_item_login_schema(reads: Reads, caller: SignedIn, id: Uuid) -> Response:
    schema = await service.find_schema(reads, caller, id)
    return no_content() if schema is None else json_response(schema)


@router.put("/{id}/login-schema", operation_id="updateItemLoginSchema", **_NO_BODY)
async def update_item_login_schema(
    request: Request, uow: Uow, caller: ValidatedMember, id: Uuid, body: SchemaChange
) -> Response:
    if not await request.json():
        raise BadRequest("body must NOT have fewer than 1 properties")
    await service.set_schema(uow, caller, id, kind=body.type, status=body.status)
    return no_content()


@router.delete("/{id}/login-schema", operation_id="deleteItemLoginSchema", **_NO_BODY)
async def delete_item_login_schema(uow: Uow, caller: ValidatedMember, id: Uuid) -> Response:
    await service.delete_schema(uow, caller, id)
    return no_content()


@router.post("/{id}/login", operation_id="loginOrRegisterAsGuest", response_model=schemas.Account)
async def login_or_register_as_guest(
    request: Request,
    uow: Uow,
    reads: Reads,
    limits: Limits,
    address: ClientAddress,
    caller: OptionalCaller,
    id: Uuid,
    body: GuestCredentials,
) -> Response:
    schema = await service.open_schema(reads, caller, id)
    await limits.require("guest", (GUEST_BY_ADDRESS, address))
    if service.asks_for_password(schema):
        await limits.require("guest", (SIGN_IN_BY_ACCOUNT, f"{schema['schema_id']}/{body.username}"))
    guest_id = await service.log_in(uow, schema, name=body.username, password=body.password)
    open_session(request, guest_id)
    return json_response({"id": guest_id, "name": body.username})


@enrolment.post("/{itemId}/enroll", operation_id="enroll", status_code=204, response_class=Response)
async def enroll(
    uow: Uow, caller: ValidatedMember, item_id: Annotated[Uuid, Path(alias="itemId")]
) -> Response:
    await service.enroll(uow, caller, item_id)
    return no_content()
