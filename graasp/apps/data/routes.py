"""`/api/app-items/{itemId}/app-data`, and the files among it."""

from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from graasp.apps.data import schemas, service
from graasp.apps.gates import ItemId, SignedInInApp
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.fields import AnyText, Flag, Uuid
from graasp.http.responses import json_response, text_response
from graasp.http.routing import contract_router, reads_the_stream
from graasp.http.uploads import Form

router = contract_router(prefix="/app-items", tags=["app", "app-data"])

_DECLARED: dict[int | str, dict[str, Any]] = {
    204: {"description": "Declared for the clients' generators; 200 is what is answered."}
}


@router.get(
    "/{itemId}/app-data",
    operation_id="getAppDataForApp",
    response_model=list[schemas.AppDataWithLegacyProps],
)
async def get_app_data_for_app(
    reads: Reads, user: SignedInInApp, _: ItemId, type: Annotated[AnyText, Query()] = ""
) -> Response:
    return json_response(await service.list_for(reads, user.account, user.item_id, type))


@router.post(
    "/{itemId}/app-data",
    operation_id="createAppData",
    response_model=schemas.AppData,
    responses=_DECLARED,
)
async def create_app_data(uow: Uow, user: SignedInInApp, _: ItemId, body: schemas.NewAppData) -> Response:
    made = await service.create(
        uow,
        user.account,
        user.item_id,
        body.type,
        body.data,
        account_id=body.account_id or body.member_id,
        visibility=body.visibility,
    )
    return json_response(made)


@router.patch(
    "/{itemId}/app-data/{id}",
    operation_id="updateAppData",
    response_model=schemas.AppData,
    responses=_DECLARED,
)
async def update_app_data(
    uow: Uow, user: SignedInInApp, _: ItemId, id: Uuid, body: schemas.AppDataChange
) -> Response:
    return json_response(await service.update(uow, user.account, user.item_id, id, body.data))


@router.delete("/{itemId}/app-data/{id}", operation_id="deleteAppData", response_model=str)
async def delete_app_data(uow: Uow, user: SignedInInApp, _: ItemId, id: Uuid) -> Response:
    await service.delete(uow, user.account, user.item_id, id)
    return text_response(str(id))


@router.post(
    "/app-data/upload",
    operation_id="createAppDataFile",
    tags=["file"],
    response_model=schemas.AppDataWithLegacyProps,
)
@reads_the_stream
async def create_app_data_file(request: Request, platform: PlatformDep, user: SignedInInApp) -> Response:
    form = Form(request)
    return json_response(await service.upload(platform, user.account, user.item_id, form))


@router.get(
    "/app-data/{id}/download",
    operation_id="downloadAppDataFile",
    tags=["file"],
    response_model=str,
)
async def download_app_data_file(
    platform: PlatformDep,
    reads: Reads,
    user: SignedInInApp,
    id: Uuid,
    _: Annotated[Flag, Query(alias="replyUrl")] = False,
) -> Response:
    """The link as text: a redirect would carry the app's token on to the storage."""
    return text_response(await service.file_url(platform, reads, user.account, user.item_id, id))
