"""`/metrics` and `/health` of the worker, on a port of their own."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.error import URLError
from urllib.request import urlopen

from aiohttp import web

from graasp.platform import Platform
from graasp.settings import Settings
from graasp.telemetry.metrics import metrics_text
from worker.upkeep import Upkeep

_STUCK_AFTER_S = 60.0
_CHECK_TIMEOUT_S = 5.0


@asynccontextmanager
async def serve_operations(platform: Platform, upkeep: Upkeep) -> AsyncIterator[None]:
    """Serve them while the block runs, when WORKER_METRICS_PORT is set."""
    settings = platform.settings
    if settings.worker_metrics_port is None:
        yield
        return

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=await metrics_text(platform.database), content_type="text/plain")

    async def health(_: web.Request) -> web.Response:
        quiet_s = time.monotonic() - upkeep.last_round
        if quiet_s > _STUCK_AFTER_S:
            return web.Response(text=f"PostgreSQL or Redis not reached for {quiet_s:.0f} s", status=503)
        return web.Response(text="OK")

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/health", health)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.operations_listen_address, settings.worker_metrics_port).start()
        yield
    finally:
        await runner.cleanup()


def is_healthy(settings: Settings) -> bool:
    """Whether the worker of these settings, on this machine, says that it is well."""
    url = f"http://127.0.0.1:{settings.worker_metrics_port}/health"
    try:
        with urlopen(url, timeout=_CHECK_TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
