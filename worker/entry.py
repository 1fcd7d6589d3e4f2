"""Where RQ enters: a job's id comes in, an attempt at it is made."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import orjson
import uvloop
from rq import get_current_job
from rq.job import Job
from sqlalchemy import select

from graasp.jobs.tables import job as job_table
from graasp.jobs.transport import describe
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from graasp.telemetry.error_reports import flush_error_reports
from graasp.telemetry.tracing import flush_traces
from worker.execution import Outcome, Progress, Surroundings, execute
from worker.process import StopRequest, die_within


class JobFailed(Exception):
    """Makes RQ show the job among the failed ones, with the reason."""


class _WorkProcess(Surroundings):
    """An attempt in a process of the pool: it can be stopped and killed, and RQ's copy of the job shows it."""

    def __init__(self, platform: Platform, stop: StopRequest, rq_job: Job | None) -> None:
        super().__init__()
        stop.bind(self.stopping)
        self.show = self._show
        self._redis = platform.redis
        self._rq_job = rq_job
        self._name = rq_job.description or "" if rq_job else ""

    def die_within(self, seconds: float | None) -> None:
        die_within(seconds)

    async def _show(self, progress: Progress) -> None:
        if self._rq_job is None:
            return
        # RQ writes its own copy once more when the job ends.
        self._rq_job.description = describe(self._name, progress)
        self._rq_job.meta["progress"] = progress
        if await self._redis.exists(self._rq_job.key):
            meta = orjson.dumps(self._rq_job.meta).decode()
            shown: dict[Any, Any] = {"description": self._rq_job.description, "meta": meta}
            await self._redis.hset(self._rq_job.key, mapping=shown)


class JobRunner:
    """An event loop and a platform that outlive the single job."""

    def __init__(self, settings: Settings, stop: StopRequest) -> None:
        self._settings = settings
        self._stop = stop
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stack = AsyncExitStack()
        self._platform: Platform | None = None

    def run(self, job_id: UUID, rq_job: Job | None) -> tuple[Outcome, str]:
        """How the attempt ended, and why it did not succeed."""
        return self._runner.run(self._execute(job_id, rq_job))

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _execute(self, job_id: UUID, rq_job: Job | None) -> tuple[Outcome, str]:
        if self._platform is None:
            self._platform = await self._stack.enter_async_context(open_platform(self._settings))
        outcome = await execute(self._platform, job_id, _WorkProcess(self._platform, self._stop, rq_job))
        if outcome is not Outcome.FAILED:
            return outcome, ""
        async with self._platform.database.transaction() as transaction:
            error: Any = await transaction.scalar(select(job_table.c.error).where(job_table.c.id == job_id))
        return outcome, error or ""


class _Process:
    """What this process has set up: a runner that it keeps, or what it makes one of for each job."""

    settings: Settings | None = None
    stop: StopRequest | None = None
    kept_runner: JobRunner | None = None


def prepare(settings: Settings, stop: StopRequest, *, keep_runner: bool) -> None:
    """Called once by a work process before it takes jobs."""
    _Process.settings, _Process.stop = settings, stop
    _Process.kept_runner = JobRunner(settings, stop) if keep_runner else None


def run_job(job_id: str) -> str:
    """The function RQ calls. Raises JobFailed when the job has failed for good."""
    if _Process.settings is None or _Process.stop is None:
        raise RuntimeError("Jobs run in the processes of `python -m worker` only.")
    rq_job = get_current_job()
    if _Process.kept_runner is not None:
        outcome, reason = _Process.kept_runner.run(UUID(job_id), rq_job)
    else:
        runner = JobRunner(_Process.settings, _Process.stop)
        try:
            outcome, reason = runner.run(UUID(job_id), rq_job)
        finally:
            runner.close()
            # This process is about to end without any of its own exit handlers.
            flush_traces()
            flush_error_reports(_Process.settings)
    if outcome is Outcome.FAILED:
        raise JobFailed(reason)
    if outcome is not Outcome.SUCCEEDED and rq_job is not None:
        # Not over: RQ forgets it, and is handed it again when it is due.
        rq_job.result_ttl = 0
    return "success" if outcome is Outcome.SUCCEEDED else outcome.value
