"""`/api/items/liked`, `/api/items/{itemId}/like` and `/likes`."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from graasp.actions.recording import NewAction, RequestOrigin, record
from graasp.auth.gates import Caller, Member, OptionalCaller, ValidatedMember
from graasp.db.database import Row
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.fields import Uuid
from graasp.http.responses import json_response, text_response
from graasp.http.routing import contract_router
from graasp.items import schemas
from graasp.likes import service
from graasp.platform import UnitOfWork

router = contract_router(prefix="/items", tags=["like"])

ItemId = Annotated[Uuid, Path(alias="itemId")]


class PackedItemLike(BaseModel):
    id: UUID
    item: schemas.PackedItem


class ItemLike(BaseModel):
    id: UUID
    item: schemas.Item


class RawItemLike(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    id: UUID
    item_id: UUID
    creator_id: UUID
    created_at: datetime


@router.get(
    "/liked", operation_id="getLikesForCurrentMember", tags=["current"], response_model=list[PackedItemLike]
)
async def get_likes_for_current_member(platform: PlatformDep, reads: Reads, caller: Member) -> Response:
    return json_response(await service.own_likes(platform, reads, caller))


@router.get("/{itemId}/likes", operation_id="getLikesForItem", response_model=list[ItemLike])
async def get_likes_for_item(reads: Reads, caller: OptionalCaller, item_id: ItemId) -> Response:
    return json_response(await service.likes_of(reads, caller, item_id))


@router.post("/{itemId}/like", operation_id="createItemLike", response_model=RawItemLike)
async def create_item_like(request: Request, uow: Uow, caller: ValidatedMember, item_id: ItemId) -> Response:
    item, like = await service.like(uow, caller, item_id)
    await _record(request, uow, caller, "item-like", item)
    told: dict[str, Any] = {
        "id": like["id"],
        "itemId": like["item_id"],
        "creatorId": like["creator_id"],
        "createdAt": like["created_at"],
    }
    return json_response(told)


@router.delete("/{itemId}/like", operation_id="deleteItemLike", response_model=UUID)
async def delete_item_like(request: Request, uow: Uow, caller: ValidatedMember, item_id: ItemId) -> Response:
    item, like_id = await service.unlike(uow, caller, item_id)
    await _record(request, uow, caller, "item-unlike", item)
    return text_response(str(like_id))


async def _record(request: Request, uow: UnitOfWork, caller: Caller, kind: str, item: Row) -> None:
    action = NewAction(kind, {"itemId": str(item["id"])}, item=item)
    await record(uow, caller, RequestOrigin.of(request), [action])
