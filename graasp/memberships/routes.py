"""`/api/items/{itemId}/memberships`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel
from starlette.responses import Response

from graasp.auth.gates import OptionalCaller, SignedIn, ValidatedMember
from graasp.http.dependencies import Reads, Uow
from graasp.http.fields import Flag, Uuid
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router
from graasp.items import schemas
from graasp.memberships import service
from graasp.memberships.authorization import Permission

router = contract_router(prefix="/items/{itemId}/memberships", tags=["item-membership"])

ItemId = Annotated[Uuid, Path(alias="itemId")]
# The membership names its item: only the form of the one in the path is checked.
AnyItemId = ItemId


class NewMembership(BaseModel):
    model_config = schemas.camel

    account_id: Uuid
    permission: schemas.PermissionName


class MembershipChange(BaseModel):
    permission: schemas.PermissionName


class MembershipAccount(BaseModel):
    id: UUID
    name: str
    type: str
    email: str | None = None


class Membership(BaseModel):
    model_config = schemas.camel

    id: UUID
    permission: schemas.PermissionName
    account: MembershipAccount
    item: schemas.Item
    creator: schemas.Account | None = None
    created_at: datetime
    updated_at: datetime


@router.get("", operation_id="getItemMembershipsForItem", response_model=list[Membership])
async def get_item_memberships_for_item(reads: Reads, caller: OptionalCaller, item_id: ItemId) -> Response:
    return json_response(await service.list_for_item(reads, caller, item_id))


@router.post("", operation_id="createItemMembership", status_code=204, response_class=Response)
async def create_item_membership(
    uow: Uow, caller: ValidatedMember, item_id: ItemId, body: NewMembership
) -> Response:
    await service.share(uow, caller, item_id, body.account_id, Permission.from_wire(body.permission))
    return no_content()


@router.patch("/{id}", operation_id="updateItemMembership", status_code=204, response_class=Response)
async def update_item_membership(
    uow: Uow, caller: ValidatedMember, _: AnyItemId, id: Uuid, body: MembershipChange
) -> Response:
    await service.set_permission(uow, caller, id, Permission.from_wire(body.permission))
    return no_content()


@router.delete("/{id}", operation_id="deleteItemMembership", status_code=204, response_class=Response)
async def delete_item_membership(
    uow: Uow,
    caller: SignedIn,
    _: AnyItemId,
    id: Uuid,
    purge_below: Annotated[Flag, Query(alias="purgeBelow")] = False,
) -> Response:
    await service.remove(uow, caller, id, purge_below=purge_below)
    return no_content()
