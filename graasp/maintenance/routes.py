"""The next announced maintenance."""

from datetime import datetime

from pydantic import BaseModel
from starlette.responses import Response

from graasp.http.dependencies import Reads
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.maintenance import queries

router = contract_router(prefix="/maintenance", tags=["maintenance"])


class Maintenance(BaseModel):
    slug: str
    startAt: datetime
    endAt: datetime


@router.get("/next", operation_id="getNextMaintenance", response_model=Maintenance | None)
async def get_next_maintenance(reads: Reads) -> Response:
    row = await reads.first(queries.NEXT)
    if row is None:
        return json_response(None)
    return json_response({"slug": row["slug"], "startAt": row["start_at"], "endAt": row["end_at"]})
