"""`/api/items`: into the recycle bin, out of it, and what is in it."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from graasp.actions.recording import RequestOrigin
from graasp.auth.gates import Member, ValidatedMember
from graasp.http.dependencies import Reads, Uow
from graasp.http.fields import Whole
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.items.schemas import Item, Pagination
from graasp.items.trees.jobs import TreeOperation
from graasp.items.trees.routes import ItemIds, accept
from graasp.recycle_bin import service
from graasp.recycle_bin.jobs import RECYCLE_ITEMS, RESTORE_ITEMS

router = contract_router(prefix="/items", tags=["recycled", "item"])


class RecycledPage(BaseModel):
    data: list[Item]
    pagination: Pagination


@router.post("/recycle", operation_id="recycleManyItems", status_code=202, response_model=list[UUID])
async def recycle_many_items(request: Request, uow: Uow, caller: ValidatedMember, ids: ItemIds) -> Response:
    wanted = TreeOperation(item_ids=ids, account_id=caller.id, origin=RequestOrigin.of(request))
    return await accept(uow, RECYCLE_ITEMS, wanted)


@router.post("/restore", operation_id="restoreManyItems", status_code=202, response_model=list[UUID])
async def restore_many_items(request: Request, uow: Uow, caller: ValidatedMember, ids: ItemIds) -> Response:
    wanted = TreeOperation(item_ids=ids, account_id=caller.id, origin=RequestOrigin.of(request))
    return await accept(uow, RESTORE_ITEMS, wanted)


@router.get("/recycled", operation_id="getOwnRecycledItems", response_model=RecycledPage)
async def get_own_recycled_items(
    reads: Reads,
    caller: Member,
    page: Annotated[Whole, Query(ge=0, le=10_000_000)] = 1,
    page_size: Annotated[Whole, Query(alias="pageSize", ge=1, le=10_000_000)] = 10,
) -> Response:
    data = await service.own_recycled(reads, caller, page=page, page_size=page_size)
    return json_response({"data": data, "pagination": {"page": page, "pageSize": page_size}})
