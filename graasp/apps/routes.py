"""`/api/app-items`: what apps call, and the client on their behalf."""

from starlette.responses import Response

from graasp.apps import schemas, service
from graasp.apps.gates import ByToken, ItemId
from graasp.auth.gates import OptionalCaller, SignedIn
from graasp.http.dependencies import PlatformDep, Reads
from graasp.http.responses import json_response
from graasp.http.routing import contract_router

router = contract_router(prefix="/app-items", tags=["app"])
# Its errors are not documented, and take the short form.
context = contract_router(prefix="/app-items", tags=["app"], errors=False)


@router.get("/list", operation_id="getAppList", response_model=list[schemas.App])
async def get_app_list(platform: PlatformDep) -> Response:
    apps = await service.listed_apps(platform.reads, platform.settings)
    return json_response([dict(app) for app in apps])


@router.get("/most-used", operation_id="getOwnMostUsedApps", response_model=list[schemas.UsedApp])
async def get_own_most_used_apps(reads: Reads, caller: SignedIn) -> Response:
    return json_response([dict(app) for app in await service.most_used_apps(reads, caller.id)])


@router.post("/{itemId}/api-access-token", operation_id="generateAppToken", response_model=schemas.Token)
async def generate_app_token(
    platform: PlatformDep, caller: OptionalCaller, item_id: ItemId, body: schemas.TokenRequest
) -> Response:
    account_id = caller.id if caller else None
    token = await service.token_for_app(
        platform.reads, platform.settings, account_id, item_id, key=body.key, origin=body.origin
    )
    return json_response({"token": token})


@context.get("/{itemId}/context", operation_id="getAppContext", response_model=schemas.Context)
async def get_app_context(reads: Reads, visitor: ByToken, item_id: ItemId) -> Response:
    return json_response(await service.context(reads, visitor, item_id))
