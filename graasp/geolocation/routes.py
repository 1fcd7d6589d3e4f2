"""`/api/items/geolocation`, `/api/items/{id}/geolocation`: where items are."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from graasp.auth.gates import OptionalCaller, SignedIn, ValidatedMember
from graasp.geolocation import geocoder, schemas, service
from graasp.geolocation.service import Box
from graasp.http.dependencies import Limits, PlatformDep, Reads, Uow
from graasp.http.errors import BadRequest
from graasp.http.fields import AnyText, Many, Number, Uuid
from graasp.http.responses import json_response, no_content
from graasp.http.routing import contract_router
from graasp.rate_limits import FETCHES_BY_ACCOUNT

router = contract_router(prefix="/items", tags=["map"])

Coordinate = Annotated[Number | None, Query()]
Lang = Annotated[AnyText, Query()]


@router.get(
    "/geolocation",
    operation_id="getItemsInBox",
    tags=["item"],
    response_model=list[schemas.Geolocation],
)
async def get_items_in_box(
    platform: PlatformDep,
    reads: Reads,
    caller: OptionalCaller,
    lat1: Coordinate = None,
    lat2: Coordinate = None,
    lng1: Coordinate = None,
    lng2: Coordinate = None,
    parent_item_id: Annotated[Uuid | None, Query(alias="parentItemId")] = None,
    keywords: Annotated[Many[AnyText] | None, Query(max_length=100)] = None,
) -> Response:
    box = None
    if lat1 is not None and lat2 is not None and lng1 is not None and lng2 is not None:
        box = Box.between(lat1, lat2, lng1, lng2)
    elif parent_item_id is None:
        raise BadRequest("querystring must have required property 'parentItemId'")
    found = await service.items_in_box(
        platform, reads, caller, box=box, parent_id=parent_item_id, keywords=keywords or ()
    )
    return json_response(found)


@router.get("/geolocation/reverse", operation_id="geolocationReverse", response_model=schemas.Address)
async def geolocation_reverse(
    platform: PlatformDep,
    limits: Limits,
    caller: SignedIn,
    lat: Annotated[Number, Query()],
    lng: Annotated[Number, Query()],
    lang: Lang = "en",
) -> Response:
    await limits.require("geocoder", (FETCHES_BY_ACCOUNT, str(caller.id)))
    return json_response(await geocoder.reverse(platform, lat, lng, lang))


@router.get("/geolocation/search", operation_id="geolocationSearch", response_model=list[schemas.FoundPlace])
async def geolocation_search(
    platform: PlatformDep,
    limits: Limits,
    caller: SignedIn,
    query: Annotated[AnyText, Query()],
    lang: Lang = "en",
) -> Response:
    await limits.require("geocoder", (FETCHES_BY_ACCOUNT, str(caller.id)))
    return json_response(await geocoder.search(platform, query, lang))


@router.get(
    "/{id}/geolocation", operation_id="getGeolocationByItem", response_model=schemas.Geolocation | None
)
async def get_geolocation_by_item(
    platform: PlatformDep, reads: Reads, caller: OptionalCaller, id: Uuid
) -> Response:
    return json_response(await service.effective_geolocation(platform, reads, caller, id))


@router.put("/{id}/geolocation", operation_id="putGeolocation", status_code=204, response_class=Response)
async def put_geolocation(uow: Uow, caller: ValidatedMember, id: Uuid, body: schemas.PlaceChange) -> Response:
    place = body.geolocation
    await service.put_geolocation(
        uow,
        caller,
        id,
        lat=place.lat,
        lng=place.lng,
        address_label=place.address_label,
        helper_label=place.helper_label,
    )
    return no_content()


@router.delete(
    "/{id}/geolocation", operation_id="deleteGeolocation", status_code=204, response_class=Response
)
async def delete_geolocation(uow: Uow, caller: ValidatedMember, id: Uuid) -> Response:
    await service.delete_geolocation(uow, caller, id)
    return no_content()
