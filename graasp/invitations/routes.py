"""`/api/items/invitations`, `/api/items/{id}/invite` and `/api/items/{id}/invitations`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, BinaryIO
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import Member, ValidatedMember
from graasp.http.dependencies import Limits, Reads, Uow
from graasp.http.errors import BadRequest
from graasp.http.fields import AnyText, Email, Uuid, failure
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router, reads_the_stream
from graasp.http.uploads import received_file
from graasp.invitations import groups, service, sheets
from graasp.invitations.errors import NoFileProvided, NoInvitationReceived
from graasp.invitations.service import LONGEST_NAME, Invitee, Shared
from graasp.items import schemas
from graasp.items.copying import read_tree
from graasp.memberships.authorization import Permission, authorize
from graasp.rate_limits import INVITE_BY_ACCOUNT, RESEND_BY_INVITATION

router = contract_router(prefix="/items", tags=["invitation"])

_NO_BODY: dict[str, Any] = {"status_code": 204, "response_class": Response}
_NOT_CSV = "An incorrect type of file has been uploaded. Please upload a file with .csv extension."

InvitationId = Annotated[Uuid, Path(alias="invitationId")]
# The invitation names its item: only the form of the one in the path is checked.
AnyItemId = Annotated[Uuid, Path(alias="id")]


class NewInvitation(BaseModel):
    email: Email
    permission: schemas.PermissionName


class NewInvitations(BaseModel):
    invitations: list[NewInvitation]


class InvitationChange(BaseModel):
    name: Annotated[AnyText, Field(max_length=LONGEST_NAME)] | None = None
    permission: schemas.PermissionName | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> "InvitationChange":
        if not self.model_fields_set:
            raise failure("must NOT have fewer than 1 properties")
        return self


class Invitation(BaseModel):
    model_config = schemas.camel

    id: UUID
    email: str
    name: str | None = None
    permission: schemas.PermissionName
    item: schemas.Item
    created_at: datetime
    updated_at: datetime


class RawMembership(BaseModel):
    model_config = schemas.camel

    id: UUID
    account_id: UUID
    item_path: str
    permission: schemas.PermissionName
    creator: UUID | None = None
    created_at: datetime
    updated_at: datetime


class RawInvitation(BaseModel):
    model_config = schemas.camel

    id: UUID
    email: str
    name: str | None = None
    permission: schemas.PermissionName
    item_path: str
    created_at: datetime
    updated_at: datetime


class InvitedGroup(BaseModel):
    model_config = schemas.camel

    group_name: str
    memberships: list[RawMembership]
    invitations: list[RawInvitation]


@router.get("/invitations/{id}", operation_id="getInvitationById", response_model=Invitation)
async def get_invitation_by_id(reads: Reads, id: Uuid) -> Response:
    return json_response(await service.read(reads, id))


@router.post("/{id}/invite", operation_id="createInvitation", **_NO_BODY)
async def create_invitation(
    uow: Uow, limits: Limits, caller: ValidatedMember, id: Uuid, body: NewInvitations
) -> Response:
    if not body.invitations:
        raise NoInvitationReceived
    await limits.require("invite", (INVITE_BY_ACCOUNT, str(caller.id)))
    invitees = [Invitee(new.email, Permission.from_wire(new.permission)) for new in body.invitations]
    await service.invite(uow, caller, id, invitees)
    return no_content()


@router.get("/{id}/invitations", operation_id="getInvitationForItem", response_model=list[Invitation])
async def get_invitation_for_item(reads: Reads, caller: Member, id: Uuid) -> Response:
    return json_response(await service.list_for_item(reads, caller, id))


@router.post("/{id}/invitations/upload-csv", operation_id="inviteFromCSV", **_NO_BODY)
@reads_the_stream
async def invite_from_csv(
    request: Request, uow: Uow, limits: Limits, caller: ValidatedMember, id: Uuid
) -> Response:
    await limits.require("invite", (INVITE_BY_ACCOUNT, str(caller.id)))
    settings = uow.platform.settings
    async with _received_csv(request, settings.max_csv_bytes) as file:
        await authorize(uow.platform.reads, caller.id, id, Permission.ADMIN)
        sheet = await asyncio.to_thread(sheets.read_sheet, file, most_rows=settings.max_csv_rows)
    await service.invite(uow, caller, id, await asyncio.to_thread(sheets.invitees, sheet))
    return no_content()


@router.post(
    "/{id}/invitations/upload-csv-template",
    operation_id="inviteFromCSVWithTemplate",
    response_model=list[InvitedGroup],
)
@reads_the_stream
async def invite_from_csv_with_template(
    request: Request,
    uow: Uow,
    limits: Limits,
    caller: ValidatedMember,
    id: Uuid,
    template_id: Annotated[Uuid, Query(alias="templateId")],
) -> Response:
    await limits.require("invite", (INVITE_BY_ACCOUNT, str(caller.id)))
    platform = uow.platform
    async with _received_csv(request, platform.settings.max_csv_bytes) as file:
        target = await authorize(platform.reads, caller.id, id, Permission.ADMIN)
        template = await read_tree(platform.reads, caller.id, template_id)
        sheet = await asyncio.to_thread(sheets.read_sheet, file, most_rows=platform.settings.max_csv_rows)
    sheets.require_groups(sheet)
    groups.require_folder(target)
    people = await asyncio.to_thread(sheets.groups, sheet)
    shared = await groups.share_copies(uow, caller, target, template, people)
    return json_response([_invited_group(name, group) for name, group in shared.items()])


@router.patch("/{id}/invitations/{invitationId}", operation_id="updateInvitation", **_NO_BODY)
async def update_invitation(
    uow: Uow, caller: ValidatedMember, _: AnyItemId, invitation_id: InvitationId, body: InvitationChange
) -> Response:
    await service.update(
        uow,
        caller,
        invitation_id,
        renames="name" in body.model_fields_set,
        name=body.name,
        permission=Permission.from_wire(body.permission) if body.permission else None,
    )
    return no_content()


@router.delete("/{id}/invitations/{invitationId}", operation_id="deleteInvitation", **_NO_BODY)
async def delete_invitation(
    uow: Uow, caller: ValidatedMember, _: AnyItemId, invitation_id: InvitationId
) -> Response:
    await service.delete(uow, caller, invitation_id)
    return no_content()


@router.post("/{id}/invitations/{invitationId}/send", operation_id="sendInvitation", **_NO_BODY)
async def send_invitation(
    uow: Uow, limits: Limits, caller: ValidatedMember, _: AnyItemId, invitation_id: InvitationId
) -> Response:
    await service.send_again(uow, caller, invitation_id)
    await limits.require(
        "invite", (INVITE_BY_ACCOUNT, str(caller.id)), (RESEND_BY_INVITATION, str(invitation_id))
    )
    return no_content()


@asynccontextmanager
async def _received_csv(request: Request, max_bytes: int) -> AsyncIterator[BinaryIO]:
    async with received_file(request, max_bytes=max_bytes) as received:
        if received.file is None:
            raise NoFileProvided
        if received.file.content_type != "text/csv":
            raise BadRequest(_NOT_CSV)
        yield received.file.file


def _invited_group(name: str, shared: Shared) -> dict[str, Any]:
    return {
        "groupName": name,
        "memberships": [
            {
                "id": row["id"],
                "accountId": row["account_id"],
                "itemPath": row["item_path"],
                "permission": row["permission"],
                "createdAt": row["created_at"],
                "updatedAt": row["updated_at"],
            }
            for row in shared.memberships
        ],
        "invitations": [service.wire(row) | {"itemPath": row["item_path"]} for row in shared.invitations],
    }
