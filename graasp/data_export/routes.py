"""`/api/members/export-data`."""

from starlette.responses import Response

from graasp.auth.gates import Member
from graasp.data_export import service
from graasp.http.dependencies import Limits, Uow
from graasp.http.responses import no_content
from graasp.http.routing import contract_router
from graasp.rate_limits import MAIL_BY_ACCOUNT

router = contract_router(prefix="/members/export-data", tags=["member", "export"])


@router.post("/", operation_id="exportMemberData", status_code=204, response_class=Response)
async def export_member_data(uow: Uow, limits: Limits, caller: Member) -> Response:
    await limits.require("export", (MAIL_BY_ACCOUNT, str(caller.id)))
    await service.request(uow, caller)
    return no_content()
