"""`/api/members/avatar` and `/api/members/{id}/avatar/{size}`."""

from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import ValidatedMember
from graasp.avatars import service
from graasp.http.dependencies import PlatformDep, Reads, Uow
from graasp.http.fields import Uuid
from graasp.http.responses import no_content, text_response
from graasp.http.routing import ERRORS, contract_router, reads_the_stream
from graasp.http.uploads import received_file
from graasp.thumbnails.service import Size

router = contract_router(prefix="/members", errors=False)


@router.post("/avatar", status_code=204, response_class=Response)
@reads_the_stream
async def upload_avatar(request: Request, uow: Uow, caller: ValidatedMember) -> Response:
    async with received_file(request, max_bytes=uow.platform.settings.max_avatar_bytes) as form:
        await service.replace(uow, caller, form.file)
    return no_content()


@router.get(
    "/{id}/avatar/{size}",
    operation_id="downloadAvatar",
    tags=["member", "avatar"],
    response_model=str,
    responses=dict(ERRORS) | {204: {"description": "No avatar"}, 500: ERRORS["4XX"]},
)
async def download_avatar(platform: PlatformDep, reads: Reads, id: Uuid, size: Size) -> Response:
    url = await service.url(platform, reads, id, size)
    return no_content() if url is None else text_response(url)
