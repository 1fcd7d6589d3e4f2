"""`/api/app-items/{itemId}/app-action`."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel
from starlette.responses import Response

from graasp.apps.actions import service
from graasp.apps.content import Kind
from graasp.apps.gates import ItemId, SignedInInApp
from graasp.http.dependencies import Reads, Uow
from graasp.http.fields import JsonObject, Uuid
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router
from graasp.items.schemas import Account, camel

router = contract_router(prefix="/app-items", tags=["app", "app-action"])


class NewAppAction(BaseModel):
    data: JsonObject
    type: Kind


class AppActionLegacy(BaseModel):
    model_config = camel

    id: UUID
    account: Account
    data: dict[str, Any]
    type: str
    created_at: datetime
    member: Account


@router.post("/{itemId}/app-action", operation_id="createAppAction", status_code=204, response_class=Response)
async def create_app_action(uow: Uow, user: SignedInInApp, _: ItemId, body: NewAppAction) -> Response:
    await service.create(uow, user.account, user.item_id, body.type, body.data)
    return no_content()


@router.get("/{itemId}/app-action", operation_id="getAppActionsForApp", response_model=list[AppActionLegacy])
async def get_app_actions_for_app(
    reads: Reads,
    user: SignedInInApp,
    _: ItemId,
    account_id: Annotated[Uuid | None, Query(alias="accountId")] = None,
    member_id: Annotated[Uuid | None, Query(alias="memberId", deprecated=True)] = None,
) -> Response:
    return json_response(await service.list_for(reads, user.account, user.item_id, account_id or member_id))
