"""The layers around every request, outermost first: see `install_middleware`."""

from fastapi import FastAPI
from starlette.types import ASGIApp

from graasp.http.middleware.cors import Cors, IsAppOrigin
from graasp.http.middleware.door import Door, FrontDoor
from graasp.http.middleware.paths import HeadAsGet, OptionalApiPrefix
from graasp.http.middleware.request_context import RequestContext, UnexpectedErrors
from graasp.http.middleware.request_spans import RequestSpans
from graasp.http.middleware.response_headers import SecurityHeaders, SessionCookie
from graasp.settings import Settings
from graasp.telemetry.error_reports import request_transaction
from graasp.telemetry.tracing import request_span


def install_middleware(
    app: FastAPI, settings: Settings, *, segments: frozenset[str], is_app_origin: IsAppOrigin, door: Door
) -> None:
    """Wrap the application; `segments` are the first path segments below `/api`."""

    def add(layer: type[ASGIApp], **options: object) -> None:
        app.add_middleware(layer, **options)  # type: ignore[arg-type]

    # Starlette puts the layer that is added last outermost.
    add(UnexpectedErrors)
    add(SessionCookie)
    # Inside of the cross-origin rules: browsers may read why they are refused.
    add(FrontDoor, door=door)
    if settings.cors_origin_regex:
        add(Cors, origin_regex=settings.cors_origin_regex, is_app_origin=is_app_origin)
    add(OptionalApiPrefix, segments=segments)
    add(HeadAsGet)
    add(SecurityHeaders)
    if settings.sends_transactions:
        add(RequestSpans, begin=request_transaction)
    if settings.otel_exporter_otlp_endpoint is not None:
        add(RequestSpans, begin=request_span)
    add(RequestContext)
