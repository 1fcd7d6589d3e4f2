"""`/api/app-items/{itemId}/app-settings`, and the files among them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, BaseModel
from starlette.requests import Request
from starlette.responses import Response

from graasp.apps.content import Content
from graasp.apps.gates import InApp, ItemId, SignedInInApp, ValidatedInApp
from graasp.apps.settings import service
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.fields import AnyText, Flag, Uuid, failure
from graasp.http.responses import json_response, text_response
from graasp.http.routing import contract_router, reads_the_stream
from graasp.http.uploads import Form
from graasp.items.schemas import Account, camel

router = contract_router(prefix="/app-items", tags=["app", "app-setting"])

# An index of the database takes no longer names.
_LONGEST_NAME_BYTES = 2500


def _indexable(name: str) -> str:
    if len(name.encode()) > _LONGEST_NAME_BYTES:
        raise failure(f"must NOT have more than {_LONGEST_NAME_BYTES} bytes")
    return name


class NewAppSetting(BaseModel):
    data: Content
    name: Annotated[AnyText, AfterValidator(_indexable)]


class AppSettingChange(BaseModel):
    data: Content


class AppSetting(BaseModel):
    model_config = camel

    id: UUID
    name: str
    data: dict[str, Any]
    creator: Account | None = None
    created_at: datetime
    updated_at: datetime


@router.get("/{itemId}/app-settings", operation_id="getAppSettingsForApp", response_model=list[AppSetting])
async def get_app_settings_for_app(
    reads: Reads, visitor: InApp, _: ItemId, name: Annotated[AnyText, Query()] = ""
) -> Response:
    return json_response(await service.list_for(reads, visitor.account_id, visitor.item_id, name))


@router.post("/{itemId}/app-settings", operation_id="createAppSetting", response_model=AppSetting)
async def create_app_setting(uow: Uow, user: ValidatedInApp, _: ItemId, body: NewAppSetting) -> Response:
    return json_response(await service.create(uow, user.account, user.item_id, body.name, body.data))


@router.patch("/{itemId}/app-settings/{id}", operation_id="updateAppSetting", response_model=AppSetting)
async def update_app_setting(
    uow: Uow, user: ValidatedInApp, _: ItemId, id: Uuid, body: AppSettingChange
) -> Response:
    return json_response(await service.update(uow, user.account, user.item_id, id, body.data))


@router.delete("/{itemId}/app-settings/{id}", operation_id="deleteAppSetting", response_model=str)
async def delete_app_setting(uow: Uow, user: ValidatedInApp, _: ItemId, id: Uuid) -> Response:
    await service.delete(uow, user.account, user.item_id, id)
    return text_response(str(id))


@router.post(
    "/app-settings/upload", operation_id="createAppSettingFile", tags=["file"], response_model=AppSetting
)
@reads_the_stream
async def create_app_setting_file(request: Request, platform: PlatformDep, user: ValidatedInApp) -> Response:
    return json_response(await service.upload(platform, user.account, user.item_id, Form(request)))


@router.get(
    "/app-settings/{id}/download",
    operation_id="downloadAppSettingFile",
    tags=["file"],
    response_model=str,
)
async def download_app_setting_file(
    platform: PlatformDep,
    reads: Reads,
    user: SignedInInApp,
    id: Uuid,
    _: Annotated[Flag, Query(alias="replyUrl")] = False,
) -> Response:
    """The link as text: a redirect would carry the app's token on to the storage."""
    return text_response(await service.file_url(platform, reads, user.account, user.item_id, id))
