"""`/api/items`: operations on many items at once. They are accepted at once and reported on the websocket."""

from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from graasp.actions.recording import RequestOrigin
from graasp.auth.gates import ValidatedMember
from graasp.http.dependencies import Uow
from graasp.http.fields import Many, Uuid, distinct
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.items.trees.jobs import (
    COPY_ITEMS,
    DELETE_ITEMS,
    MOVE_ITEMS,
    TreeOperation,
    TreeTransfer,
)
from graasp.jobs.spec import JobSpec
from graasp.platform import UnitOfWork

router = contract_router(prefix="/items", tags=["item"])

_MOST_ITEMS = 20

ItemIds = Annotated[
    Many[Uuid], Query(alias="id", min_length=1, max_length=_MOST_ITEMS), AfterValidator(distinct)
]
O = TypeVar("O", bound=TreeOperation)  # noqa: E741 - an operation


class Destination(BaseModel):
    """A folder, or the root."""

    parent_id: Annotated[Uuid | None, Field(alias="parentId")] = None


@router.post("/move", operation_id="moveManyItems", status_code=202, response_model=list[UUID])
async def move_many_items(
    request: Request, uow: Uow, caller: ValidatedMember, ids: ItemIds, body: Destination
) -> Response:
    origin = RequestOrigin.of(request)
    wanted = TreeTransfer(item_ids=ids, account_id=caller.id, origin=origin, parent_id=body.parent_id)
    return await accept(uow, MOVE_ITEMS, wanted)


@router.post("/copy", operation_id="copyManyItems", status_code=202, response_model=list[UUID])
async def copy_many_items(
    request: Request, uow: Uow, caller: ValidatedMember, ids: ItemIds, body: Destination
) -> Response:
    origin = RequestOrigin.of(request)
    wanted = TreeTransfer(item_ids=ids, account_id=caller.id, origin=origin, parent_id=body.parent_id)
    return await accept(uow, COPY_ITEMS, wanted)


@router.delete("/", operation_id="deleteManyItems", status_code=202, response_model=list[UUID])
async def delete_many_items(request: Request, uow: Uow, caller: ValidatedMember, ids: ItemIds) -> Response:
    wanted = TreeOperation(item_ids=ids, account_id=caller.id, origin=RequestOrigin.of(request))
    return await accept(uow, DELETE_ITEMS, wanted)


async def accept(uow: UnitOfWork, spec: JobSpec[O], wanted: O) -> Response:
    """Answer with the ids; all checks are the job's."""
    await uow.enqueue(spec, wanted, account_id=wanted.account_id, item_id=wanted.item_ids[0])
    return json_response(wanted.item_ids, status=202)
