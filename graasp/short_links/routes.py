"""`/api/items/short-links`, and `/short-links` for links given out in development."""

from typing import Annotated
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from graasp.auth.gates import SignedIn, ValidatedMember
from graasp.db.database import Row
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.fields import AnyText, Uuid
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.items import schemas
from graasp.short_links import service
from graasp.short_links.service import Platform

router = contract_router(tags=["short-link"])

_PATH = "/items/short-links"

Alias = Annotated[AnyText, Field(min_length=6, max_length=255, pattern="^[a-zA-Z0-9-]*$")]


class NewAlias(BaseModel):
    alias: Alias


class NewShortLink(NewAlias):
    model_config = schemas.camel

    item_id: Uuid
    platform: Platform


class ShortLink(BaseModel):
    model_config = schemas.camel

    item_id: UUID
    alias: str
    platform: Platform


class Availability(BaseModel):
    available: bool


class ListedLink(BaseModel):
    alias: str
    url: str


class LinksOfItem(BaseModel):
    builder: ListedLink | None = None
    player: ListedLink | None = None
    library: ListedLink | None = None


@router.get(
    f"{_PATH}/{{alias}}", operation_id="getShortLinkRedirection", status_code=302, response_class=Response
)
@router.get("/short-links/{alias}", include_in_schema=False)
async def get_short_link_redirection(
    platform: PlatformDep, reads: Reads, alias: Annotated[Alias, Path()]
) -> Response:
    location = await service.location(platform.settings, reads, alias)
    return Response(status_code=302, headers={"Location": location})


@router.get(
    f"{_PATH}/available/{{alias}}", operation_id="getShortLinkAvailability", response_model=Availability
)
async def get_short_link_availability(reads: Reads, alias: Annotated[Alias, Path()]) -> Response:
    return json_response({"available": await service.is_available(reads, alias)})


@router.get(f"{_PATH}/list/{{itemId}}", operation_id="getShortLinksForItem", response_model=LinksOfItem)
async def get_short_links_for_item(
    platform: PlatformDep, reads: Reads, caller: SignedIn, item_id: Annotated[Uuid, Path(alias="itemId")]
) -> Response:
    return json_response(await service.list_for_item(platform.settings, reads, caller, item_id))


@router.post(f"{_PATH}/", operation_id="createShortLink", response_model=ShortLink)
async def create_short_link(uow: Uow, caller: ValidatedMember, body: NewShortLink) -> Response:
    return _link(await service.create(uow, caller, body.item_id, body.platform, body.alias))


@router.patch(f"{_PATH}/{{alias}}", operation_id="updateShortLink", response_model=ShortLink)
async def update_short_link(
    uow: Uow, caller: ValidatedMember, alias: Annotated[Alias, Path()], body: NewAlias
) -> Response:
    return _link(await service.rename(uow, caller, alias, body.alias))


@router.delete(f"{_PATH}/{{alias}}", operation_id="deleteAlias", response_model=ShortLink)
async def delete_alias(uow: Uow, caller: ValidatedMember, alias: Annotated[Alias, Path()]) -> Response:
    return _link(await service.delete(uow, caller, alias))


def _link(row: Row) -> Response:
    return json_response({"itemId": row["item_id"], "alias": row["alias"], "platform": row["platform"]})
