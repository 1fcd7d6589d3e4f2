"""The core server on one page."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from fastapi import FastAPI

from graasp.api import api_routes, api_segments
from graasp.apps.origins import AppOrigins
from graasp.dashboard import mount_dashboard
from graasp.deployment.refusals import refusal
from graasp.deployment.watching import watch_state
from graasp.documentation import install_documentation
from graasp.h5p.playing import router as h5p_pages_router
from graasp.http.error_answers import install_error_handlers
from graasp.http.middleware.door import Door
from graasp.http.middleware.layers import install_middleware
from graasp.http.route_index import RouteIndex
from graasp.http.session_cookie import SessionCodec
from graasp.logging import configure_logging
from graasp.meta.routes import router as meta_router
from graasp.meta.start_page import router as start_page_router
from graasp.platform import open_platform
from graasp.rate_limits import RateLimits
from graasp.realtime.hub import open_hub
from graasp.settings import Settings, load_settings
from graasp.storage.routes import router as stored_files_router
from graasp.telemetry.metrics import metrics
from graasp.telemetry.tracing import start_tracing

log = structlog.get_logger(__name__)

# What load balancers and monitors ask, whatever the deployment state.
_ALWAYS_OPEN = ("/health", "/ready", "/api/status", "/api/version")
# What has a port of its own elsewhere.
_ALWAYS_OPEN_IN_DEVELOPMENT = ("/metrics", "/ui", "/ui/")


def create_app(settings: Settings | None = None) -> FastAPI:
    """The whole server. Raises InvalidSettings when the environment does not describe one."""
    settings = settings or load_settings()
    configure_logging(settings)
    app = FastAPI(lifespan=_lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.settings = settings
    app.state.session_codec = SessionCodec(settings)
    open_paths = _ALWAYS_OPEN + (_ALWAYS_OPEN_IN_DEVELOPMENT if settings.is_development else ())
    app.state.door = Door(settings.maintenance_header, refusal, open_paths)
    app.state.app_origins = AppOrigins(lambda: app.state.platform.reads)

    app.include_router(meta_router)
    app.router.routes += [RouteIndex(api_routes()), *api_routes()]
    app.include_router(stored_files_router)
    app.include_router(h5p_pages_router)
    install_documentation(app)
    if settings.is_development:
        app.include_router(start_page_router)
        mount_dashboard(app, settings)
        app.add_route("/metrics", metrics, include_in_schema=False)

    install_error_handlers(app)
    install_middleware(
        app,
        settings,
        segments=api_segments(),
        is_app_origin=app.state.app_origins.include,
        door=app.state.door,
    )
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    start_tracing(app.state.settings, "core")
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(open_platform(app.state.settings))
        app.state.platform = platform
        app.state.rate_limits = RateLimits(platform.redis, enabled=platform.settings.rate_limits)
        app.state.hub = await stack.enter_async_context(open_hub(app.state.settings.redis_connection))
        if app.state.settings.is_development:
            await platform.urls.clear()
        await stack.enter_async_context(watch_state(app.state.door, platform))
        log.info("core started", version=app.state.settings.app_version)
        yield
    log.info("core stopped")
