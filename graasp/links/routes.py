"""`/api/items/embedded-links`: links to pages elsewhere."""

from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import SignedIn, ValidatedMember
from graasp.http.dependencies import Reads, Uow
from graasp.http.fields import AnyText, Uuid
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.items.endpoints import ParentId, PreviousItemId, change_of, create, new_item, update
from graasp.items.packing import own_content
from graasp.items.schemas import Item, Something
from graasp.items.service import require_type
from graasp.links.dependencies import Links
from graasp.links.schemas import LinkChange, LinkMetadata, NewLink
from graasp.links.service import LINK_SETTINGS
from graasp.memberships.authorization import Permission, authorize

router = contract_router(prefix="/items/embedded-links", tags=["item", "link"])


@router.get("/metadata", operation_id="getLinkMetadata", response_model=LinkMetadata)
async def get_link_metadata(links: Links, caller: SignedIn, link: Annotated[AnyText, Query()]) -> Response:
    return json_response(await links.metadata(caller, link))


@router.post("/", operation_id="createLink", response_model=Item)
async def create_link(
    request: Request,
    uow: Uow,
    links: Links,
    caller: ValidatedMember,
    body: NewLink,
    parent_id: ParentId = None,
    previous_item_id: PreviousItemId = None,
) -> Response:
    extra = {"embeddedLink": await links.content(caller, body.url)}
    shown = {**LINK_SETTINGS, **body.settings.given(), **_flat(body)}
    return await create(
        request, uow, caller, new_item(body, "embeddedLink", extra, **shown), parent_id, previous_item_id
    )


@router.patch("/{id}", operation_id="updateLink", response_model=Item)
async def update_link(
    request: Request,
    uow: Uow,
    reads: Reads,
    links: Links,
    caller: ValidatedMember,
    id: Uuid,
    body: Annotated[LinkChange, Something],
) -> Response:
    extra = None
    if "url" in body.model_fields_set:
        # Outside the transaction: the page may be slow.
        access = await authorize(reads, caller.id, id, Permission.WRITE)
        require_type(access.item, "embeddedLink")
        extra = await links.changed_content(caller, own_content(access.item), body.url)
    change = change_of(body, extra, **_flat(body))
    return await update(request, uow, caller, id, body, change, "embeddedLink")


def _flat(body: NewLink | LinkChange) -> dict[str, Any]:
    """The display settings that clients send beside `settings`."""
    return body.model_dump(
        by_alias=True, include={"show_link_iframe", "show_link_button"}, exclude_unset=True
    )
