"""`/api/items/shortcuts`."""

from typing import Annotated

from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import ValidatedMember
from graasp.http.dependencies import Uow
from graasp.http.fields import Uuid
from graasp.http.routing import contract_router
from graasp.items.endpoints import ParentId, PreviousItemId, change_of, create, update
from graasp.items.schemas import Item, NamedChange, Something
from graasp.shortcuts.schemas import NewShortcut
from graasp.shortcuts.service import shortcut_to

router = contract_router(prefix="/items/shortcuts", tags=["item", "shortcut"])


@router.post("", operation_id="createShortcut", response_model=Item)
async def create_shortcut(
    request: Request,
    uow: Uow,
    caller: ValidatedMember,
    body: NewShortcut,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    new = await shortcut_to(uow, caller, body.target, name=body.name, description=body.description)
    return await create(request, uow, caller, new, parent_id, previous_item_id)


@router.patch("/{id}", operation_id="updateShortcut", response_model=Item)
async def update_shortcut(
    request: Request, uow: Uow, caller: ValidatedMember, id: Uuid, body: Annotated[NamedChange, Something]
) -> Response:
    return await update(request, uow, caller, id, body, change_of(body), "shortcut")
