"""`/api/items/zip-import`."""

from starlette.requests import Request
from starlette.responses import Response

from graasp.auth.gates import ValidatedMember
from graasp.http.dependencies import Limits, PlatformDep
from graasp.http.routing import contract_router, reads_the_stream
from graasp.http.uploads import Part, received_file
from graasp.imports import service
from graasp.imports.errors import InvalidArchiveFile
from graasp.items.endpoints import ParentId
from graasp.items.errors import FileExpected
from graasp.rate_limits import IMPORT_BY_ACCOUNT

router = contract_router(tags=["item", "import"])


@router.post("/items/zip-import", operation_id="importZip", status_code=202, response_class=Response)
@reads_the_stream
async def import_zip(
    request: Request,
    platform: PlatformDep,
    limits: Limits,
    caller: ValidatedMember,
    parent_id: ParentId = None,
) -> Response:
    await limits.require("import", (IMPORT_BY_ACCOUNT, str(caller.id)))
    await service.require_destination(platform, caller, parent_id)
    limit = platform.settings.max_upload_file_bytes
    async with received_file(request, max_bytes=limit, accept=_require_archive) as form:
        if form.file is None:
            raise FileExpected
        await service.accept_archive(platform, caller, form.file, parent_id)
    return Response(status_code=202)


def _require_archive(part: Part) -> None:
    if part.content_type not in service.ARCHIVE_TYPES:
        raise InvalidArchiveFile(part.content_type)
