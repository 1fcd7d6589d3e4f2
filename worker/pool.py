"""The processes of one worker."""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from uuid import UUID

import redis
import structlog
from redis.exceptions import RedisError
from rq.worker.base import DequeueStrategy

from graasp.background import in_background
from graasp.db.database import DatabaseUnavailable, open_database
from graasp.job_catalogue import ALL_QUEUES, HEAVY_QUEUES, SHORT_QUEUES
from graasp.jobs import queries
from graasp.jobs.reconciler import resume_orphan_of
from graasp.logging import configure_logging
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from graasp.telemetry.tracing import start_tracing
from worker.entry import prepare
from worker.execution import worker_name
from worker.operations import serve_operations
from worker.process import StopRequest, follow_parent
from worker.registry import load_handlers
from worker.reports import collect_reports, report_death, report_into
from worker.rq_classes import ForkingWorker, OnDeath, ShortJobWorker
from worker.upkeep import Upkeep

log = structlog.get_logger(__name__)

_RESTART_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 10.0
_RECOVERED_AFTER_S = 30.0
# After its grace a job is stopped, then its process is killed; the pool waits for both.
_EXIT_MARGIN_S = 10.0
_IDLE_POLL_S = 0.2


@dataclass(frozen=True)
class PoolOptions:
    """How many processes take heavy jobs and short ones, which queues, and where else handlers are."""

    heavy_processes: int
    short_processes: int = 1
    queues: tuple[str, ...] = ALL_QUEUES
    handler_modules: tuple[str, ...] = ()
    burst: bool = False

    @property
    def processes(self) -> tuple["WorkProcess", ...]:
        short = [self._process("short", group) for group in SHORT_QUEUES] * self.short_processes
        others = [queue for queue in self.queues if queue not in ALL_QUEUES]
        heavy = [self._process("heavy", (*HEAVY_QUEUES, *others))] * self.heavy_processes
        return tuple(process for process in (*short, *heavy) if process.queues)

    def _process(self, kind: str, queues: Sequence[str]) -> "WorkProcess":
        return WorkProcess(kind, tuple(queue for queue in queues if queue in self.queues))


@dataclass(frozen=True)
class WorkProcess:
    kind: str
    queues: tuple[str, ...]


def run_pool(settings: Settings, options: PoolOptions) -> int:
    """Run until SIGTERM or SIGINT, or with `burst` until nothing is left to do; the exit code."""
    return asyncio.run(_Pool(settings, options).run())


class _Pool:
    def __init__(self, settings: Settings, options: PoolOptions) -> None:
        self._settings = settings
        self._options = options
        self._stopping = asyncio.Event()
        self._reports, self._reports_in = os.pipe()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._stopping.set)
        async with AsyncExitStack() as stack:
            platform = await self._open_platform(stack)
            if platform is None:
                return 0
            upkeep = Upkeep(platform, self._options.queues)
            await stack.enter_async_context(in_background(collect_reports(self._reports)))
            await stack.enter_async_context(serve_operations(platform, upkeep))
            processes = self._options.processes
            log.info("worker started", processes=len(processes), queues=self._options.queues)
            async with asyncio.TaskGroup() as tasks:
                for process in processes:
                    tasks.create_task(self._keep_running(process))
                tasks.create_task(upkeep.run(self._stopping))
                if self._options.burst:
                    tasks.create_task(self._stop_when_idle(platform))
        log.info("worker stopped")
        return 0

    async def _open_platform(self, stack: AsyncExitStack) -> Platform | None:
        """PostgreSQL may start later than the worker; None when told to stop before it is there."""
        while not self._stopping.is_set():
            try:
                return await stack.enter_async_context(open_platform(self._settings))
            except DatabaseUnavailable:
                log.warning("PostgreSQL can't be reached, trying again")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), _RESTART_PAUSE_S)
        return None

    async def _stop_when_idle(self, platform: Platform) -> None:
        while not self._stopping.is_set():
            with suppress(DatabaseUnavailable):
                async with platform.database.transaction() as transaction:
                    if await transaction.scalar(queries.IS_IDLE):
                        self._stopping.set()
            await asyncio.sleep(_IDLE_POLL_S)

    async def _keep_running(self, work_process: WorkProcess) -> None:
        """Start a process, and start it again when it ends unasked."""
        pause = _RESTART_PAUSE_S
        while not self._stopping.is_set():
            started = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *self._command(work_process), pass_fds=(self._reports_in,)
            )
            try:
                await self._until_ended_or_stopping(process)
            finally:
                if process.returncode is None:
                    await self._stop(process)
            if self._stopping.is_set():
                return
            log.error("work process ended, starting another", kind=work_process.kind, code=process.returncode)
            recovered = time.monotonic() - started > _RECOVERED_AFTER_S
            pause = _RESTART_PAUSE_S if recovered else min(pause * 2, _LONGEST_PAUSE_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _until_ended_or_stopping(self, process: asyncio.subprocess.Process) -> None:
        waits = [asyncio.create_task(process.wait()), asyncio.create_task(self._stopping.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        """Running jobs get their grace; what does not end by then is killed, and its job resumed elsewhere."""
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 2 * self._settings.worker_grace_seconds + _EXIT_MARGIN_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _command(self, process: WorkProcess) -> Sequence[str]:
        queues = [option for queue in process.queues for option in ("--queue", queue)]
        handlers = [option for module in self._options.handler_modules for option in ("--handlers", module)]
        pool = ["--parent", str(os.getpid()), "--reports", str(self._reports_in)]
        return [sys.executable, "-m", "worker", "process", process.kind, *queues, *handlers, *pool]


def run_process(
    settings: Settings, process: WorkProcess, handler_modules: tuple[str, ...], *, parent: int, reports: int
) -> None:
    """Take jobs until told to stop, or until the pool dies; Redis may come and go meanwhile."""
    stop = StopRequest()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop.make)
    follow_parent(parent)
    configure_logging(settings)
    start_tracing(settings, "worker")
    # Before the first fork: every job would pay for it otherwise.
    load_handlers(handler_modules)
    report_into(reports)
    prepare(settings, stop, keep_runner=process.kind == "short")
    gc.collect()
    gc.freeze()
    while not stop.is_made:
        try:
            _work(settings, process, stop)
        except (RedisError, OSError) as error:
            log.warning("Redis can't be reached, trying again", reason=str(error))
        if not stop.is_made:
            time.sleep(_RESTART_PAUSE_S)


def _work(settings: Settings, process: WorkProcess, stop: StopRequest) -> None:
    with redis.Redis.from_url(settings.redis_connection, socket_connect_timeout=2) as connection:
        worker = (
            ShortJobWorker(process.queues, connection, stop)
            if process.kind == "short"
            else ForkingWorker(process.queues, connection, stop, on_death=_rescuer(settings))
        )
        worker.work(logging_level="WARNING", dequeue_strategy=DequeueStrategy.ROUND_ROBIN)


def _rescuer(settings: Settings) -> OnDeath:
    """Queue a job again as soon as its process is seen to be dead, without waiting for its heartbeat to grow old."""

    async def resume(job_id: UUID, process_id: int) -> bool:
        async with open_database(settings.db_connection, pool_size=1) as database:
            return await resume_orphan_of(database, job_id, worker_name(process_id))

    def on_death(job_id: str, name: str, process_id: int) -> None:
        report_death(name)
        try:
            resumed = asyncio.run(resume(UUID(job_id), process_id))
        except (DatabaseUnavailable, OSError) as error:
            log.error(
                "process died under a job, which waits for the reconciler", job_id=job_id, reason=str(error)
            )
        else:
            log.error("process died under a job", job_id=job_id, resumed=resumed)

    return on_death
