"""Health, status and version: what load balancers, monitors and people ask first."""

from fastapi import Request
from starlette.responses import Response

from graasp.http.dependencies import PlatformDep
from graasp.http.responses import json_response, text_response
from graasp.http.routing import contract_router
from graasp.meta.schemas import Status
from graasp.meta.status import check_parts

router = contract_router(tags=["meta"], errors=False, api="")

_OPEN = {"Access-Control-Allow-Origin": "*"}


@router.get("/health", operation_id="health", response_model=str, summary="Whether the process answers")
async def health() -> Response:
    return _open(text_response("OK"))


@router.get("/ready", include_in_schema=False)
async def ready(platform: PlatformDep) -> Response:
    """Whether requests can be served: the database answers."""
    await platform.database.is_ready()
    return text_response("OK")


@router.get("/api/status", tags=[], response_model=Status, summary="The state of every part")
async def status(platform: PlatformDep) -> Response:
    return _open(json_response(await check_parts(platform)))


@router.get("/api/version", tags=[], response_model=str, summary="What runs")
async def version(request: Request) -> Response:
    settings = request.app.state.settings
    return _open(text_response(f"{settings.app_version} @ {settings.build_timestamp}"))


def _open(response: Response) -> Response:
    response.headers.update(_OPEN)
    return response
