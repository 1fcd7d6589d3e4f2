"""`/api/items/pages`: pages that people write together."""

from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import ValidatedMember
from graasp.http.dependencies import Uow
from graasp.http.routing import contract_router
from graasp.items.endpoints import ParentId, PreviousItemId, create, new_item
from graasp.items.schemas import Item, NewPage

router = contract_router(prefix="/items/pages", tags=["item", "page"])


@router.post("", operation_id="createPage", status_code=201, response_model=Item)
async def create_page(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    body: NewPage,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = new_item(body, "page", {})
    return await create(request, uow, caller, new, parent_id, previous_item_id, status=201)
