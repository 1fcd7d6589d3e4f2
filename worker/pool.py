"""The processes of one worker."""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import redis
import structlog
from aiohttp import web

from graasp.job_catalogue import HEAVY_QUEUES, SHORT_QUEUES
from graasp.logging import configure_logging
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from graasp.telemetry.metrics import metrics_text
from worker.entry import prepare
from worker.rq_classes import ForkingWorker, ShortJobWorker
from worker.upkeep import upkeep

log = structlog.get_logger(__name__)

_RESTART_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_KILL_AFTER_S = 15.0


def run_process(settings: Settings, *, short: bool, extra_modules: tuple[str, ...]) -> None:
    """Take jobs until told to stop; the loop comes back when Redis does."""
    configure_logging(settings)
    prepare(settings, extra_modules, keep_runner=short)
    queues = SHORT_QUEUES if short else (*HEAVY_QUEUES, *SHORT_QUEUES)
    worker_class = ShortJobWorker if short else ForkingWorker
    connection = redis.Redis.from_url(settings.redis_connection, socket_connect_timeout=2)
    worker = worker_class(list(queues), connection=connection)
    worker.work(logging_level="WARNING", with_scheduler=False)


def run_pool(settings: Settings, processes: int, extra_modules: tuple[str, ...]) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    return asyncio.run(_Pool(settings, processes, extra_modules).run())


class _Pool:
    def __init__(self, settings: Settings, processes: int, extra_modules: tuple[str, ...]) -> None:
        self._settings = settings
        self._kinds = ["short"] + ["heavy"] * processes
        self._extra_modules = extra_modules
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._stopping.set)
        async with open_platform(self._settings) as platform:
            runner = await self._serve_metrics(platform)
            log.info("worker started", processes=len(self._kinds))
            try:
                await asyncio.gather(
                    upkeep(platform, self._stopping), *(self._keep_running(kind) for kind in self._kinds)
                )
            finally:
                if runner:
                    await runner.cleanup()
        log.info("worker stopped")
        return 0

    async def _keep_running(self, kind: str) -> None:
        """Start a process, and start it again when it ends unasked."""
        pause = _RESTART_PAUSE_S
        while not self._stopping.is_set():
            started = time.monotonic()
            process = await asyncio.create_subprocess_exec(*self._command(kind))
            ended = asyncio.create_task(process.wait())
            asked = asyncio.create_task(self._stopping.wait())
            await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if self._stopping.is_set():
                await self._stop(process)
                return
            log.error("work process ended, starting another", kind=kind, code=process.returncode)
            lasted = time.monotonic() - started > _LONGEST_PAUSE_S
            pause = _RESTART_PAUSE_S if lasted else min(pause * 2, _LONGEST_PAUSE_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        """Running jobs get their grace; what does not end by then is killed, and its job resumed elsewhere."""
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._settings.worker_grace_seconds + _KILL_AFTER_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    def _command(self, kind: str) -> Sequence[str]:
        handlers = [option for module in self._extra_modules for option in ("--handlers", module)]
        short = ["--short"] if kind == "short" else []
        return [sys.executable, "-m", "worker", "process", *short, *handlers]

    async def _serve_metrics(self, platform: Platform) -> web.AppRunner | None:
        """`/metrics` and `/health` on a port of their own, for Prometheus and the container's health check."""
        port = self._settings.worker_metrics_port
        if port is None:
            return None

        async def metrics(_: web.Request) -> web.Response:
            return web.Response(body=await metrics_text(platform.database), content_type="text/plain")

        async def health(_: web.Request) -> web.Response:
            return web.Response(text="OK")

        app = web.Application()
        app.add_routes([web.get("/metrics", metrics), web.get("/health", health)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, self._settings.operations_listen_address, port).start()
        return runner
