"""`/api/downloads/<token>`: where mails with archives lead."""

from starlette.responses import RedirectResponse, Response

from graasp.downloads import service
from graasp.http.dependencies import PlatformDep
from graasp.http.routing import contract_router

router = contract_router(prefix="/downloads", tags=["download"])


@router.get("/{token}", operation_id="followDownload", status_code=303, response_class=RedirectResponse)
async def follow_download(platform: PlatformDep, token: str) -> Response:
    url = await service.resolve(platform, token)
    return RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})
