"""One attempt at one job: claimed, watched, fenced, and brought to an end."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import Any
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from graasp.db.database import DatabaseUnavailable, Row
from graasp.jobs import queries
from graasp.jobs.spec import JobSpec, PermanentError
from graasp.platform import Platform, UnitOfWork
from graasp.telemetry.metrics import observe_job
from worker.registry import find_failure_handler, find_handler

log = structlog.get_logger(__name__)

_LONGEST_ERROR = 2000


class Outcome(Enum):
    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HANDED_BACK = "handed_back"
    NOT_MINE = "not_mine"


class Superseded(Exception):
    """Another attempt has taken over: nothing this one does counts any more."""


class _StopReason(Enum):
    CANCELLED = "cancelled"
    SHUTDOWN = "shutdown"
    SUPERSEDED = "superseded"


class RunningJob:
    """What a handler may do with the job it runs."""

    def __init__(self, platform: Platform, spec: JobSpec[Any], row: Row) -> None:
        self.platform = platform
        self.spec = spec
        self.id = UUID(str(row["id"]))
        self.attempt: int = row["attempt"]
        self.account_id = row["account_id"]
        self.item_id = row["item_id"]
        self.completed = False
        self._progress: dict[str, Any] | None = None

    def progress(self, done: int, total: int | None = None, text: str = "") -> None:
        """Tell how far the job is; shown in the dashboard and in the job's row within a heartbeat."""
        self._progress = {"done": done, "total": total, "text": text}

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """A unit of work that only the latest attempt can commit. Raises Superseded."""
        async with self.platform.unit_of_work() as uow:
            if await uow.first(queries.FENCE, **self._mine()) is None:
                raise Superseded
            yield uow

    @asynccontextmanager
    async def completing(self, result: dict[str, Any] | None = None) -> AsyncIterator[UnitOfWork]:
        """The last unit of work: what it writes and the job's success are one commit. Raises Superseded."""
        async with self.unit_of_work() as uow:
            yield uow
            await uow.execute(queries.SUCCEED, **self._mine(), job_result=result, wipe=self.spec.wipe_payload)
        self.completed = True

    async def heartbeat(self) -> bool:
        """Show that this attempt lives; whether its end was asked for. Raises Superseded."""
        async with self.platform.database.transaction() as transaction:
            row = await transaction.first(queries.HEARTBEAT, **self._mine(), now_at=self._progress)
        if row is None:
            raise Superseded
        return bool(row["cancelled"])

    @property
    def shown_progress(self) -> str:
        if not self._progress:
            return self.spec.name
        done, total, text = self._progress["done"], self._progress["total"], self._progress["text"]
        amount = f"{done:,} of {total:,}" if total else f"{done:,}"
        return f"{self.spec.name}: {amount} {text}".rstrip()

    def _mine(self) -> dict[str, Any]:
        return {"job_id": self.id, "job_attempt": self.attempt}


async def execute(platform: Platform, job_id: UUID, stopping: asyncio.Event | None = None) -> Outcome:
    """Claim a job and run it to the end of this attempt. A job that is not waiting is left alone."""
    worker_name = f"{socket.gethostname()}.{os.getpid()}"
    async with platform.database.transaction() as transaction:
        row = await transaction.first(queries.CLAIM, job_id=job_id, worker_name=worker_name)
    if row is None:
        return Outcome.NOT_MINE
    with structlog.contextvars.bound_contextvars(
        job_id=str(job_id), job=row["name"], attempt=row["attempt"], request_id=row["request_id"]
    ):
        started = time.perf_counter()
        outcome = await _run(platform, row, stopping or asyncio.Event())
        seconds = time.perf_counter() - started
        observe_job(row["name"], outcome.value, seconds)
        log.info("job attempt ended", outcome=outcome.value, seconds=round(seconds, 3))
        return outcome


async def _run(platform: Platform, row: Row, stopping: asyncio.Event) -> Outcome:
    registration = find_handler(row["name"])
    if registration is None:
        return await _fail_unknown(platform, row)
    spec, handler = registration
    job = RunningJob(platform, spec, row)
    try:
        payload = spec.payload.model_validate(row["payload"])
        if row["failures"] >= row["max_attempts"]:
            raise PermanentError(row["error"] or "Every attempt failed.")
        await _watched(job, handler(job, payload), stopping)
        if not job.completed:
            async with job.completing():
                pass
    except Superseded:
        log.warning("another attempt has taken over")
        return Outcome.NOT_MINE
    except _Stopped as stopped:
        return await _stopped(job, stopped.reason)
    except Exception as error:
        if job.completed:
            log.exception("failed after the job was complete")
            return Outcome.SUCCEEDED
        return await _failed(job, row, error)
    return Outcome.SUCCEEDED


class _Stopped(Exception):
    def __init__(self, reason: _StopReason) -> None:
        self.reason = reason


async def _watched(job: RunningJob, work: Any, stopping: asyncio.Event) -> None:
    """Run the handler beside its heartbeat; end it on time-out, cancellation, shutdown, or when superseded."""
    task = asyncio.ensure_future(work)
    pulse = asyncio.create_task(_pulse(job))
    stop = asyncio.create_task(_after_grace(job, stopping))
    try:
        done, _ = await asyncio.wait(
            (task, pulse, stop),
            timeout=job.spec.timeout.total_seconds(),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if task in done:
            task.result()
            return
        await _end(task)
        if job.completed:
            return
        if pulse in done:
            raise _Stopped(pulse.result())
        if stop in done:
            raise _Stopped(_StopReason.SHUTDOWN)
        raise TimeoutError(f"The job did not end within {job.spec.timeout}.")
    finally:
        for watcher in (pulse, stop):
            await _end(watcher)
        await _end(task)


async def _end(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task


async def _pulse(job: RunningJob) -> _StopReason:
    """Heartbeats until there is a reason to stop."""
    interval = job.platform.settings.job_heartbeat_seconds
    while True:
        await asyncio.sleep(min(interval, 1.0))
        try:
            if await job.heartbeat():
                return _StopReason.CANCELLED
            await _show(job)
            await asyncio.sleep(max(0.0, interval - 1.0))
        except Superseded:
            return _StopReason.SUPERSEDED
        except (DatabaseUnavailable, RedisError, OSError) as error:
            log.warning("heartbeat missed", reason=str(error))


async def _show(job: RunningJob) -> None:
    """RQ's copy of the job is what the dashboard shows."""
    key = f"rq:job:{job.id}"
    if await job.platform.redis.exists(key):
        await job.platform.redis.hset(key, "description", job.shown_progress)


async def _after_grace(job: RunningJob, stopping: asyncio.Event) -> None:
    await stopping.wait()
    await asyncio.sleep(job.platform.settings.worker_grace_seconds)


async def _stopped(job: RunningJob, reason: _StopReason) -> Outcome:
    mine = {"job_id": job.id, "job_attempt": job.attempt}
    if reason is _StopReason.SUPERSEDED:
        return Outcome.NOT_MINE
    async with job.platform.database.transaction() as transaction:
        if reason is _StopReason.CANCELLED:
            await transaction.execute(queries.CANCELLED, **mine, wipe=job.spec.wipe_payload)
            return Outcome.CANCELLED
        await transaction.execute(queries.HAND_BACK, **mine)
        return Outcome.HANDED_BACK


async def _failed(job: RunningJob, row: Row, error: Exception) -> Outcome:
    """Try again later, or end it for good and tell whoever waits."""
    failures = row["failures"] + 1
    reason = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
    mine = {"job_id": job.id, "job_attempt": job.attempt, "job_error": reason}
    if not isinstance(error, PermanentError) and failures < row["max_attempts"]:
        log.warning("job attempt failed, will be repeated", failures=failures, exc_info=error)
        delay = job.spec.retry.delay(failures).total_seconds()
        async with job.platform.database.transaction() as transaction:
            await transaction.execute(queries.RETRY, **mine, seconds=delay)
        return Outcome.RETRIED
    log.error("job failed for good", failures=failures, exc_info=error)
    async with job.platform.unit_of_work() as uow:
        if await uow.first(queries.FAIL, **mine, wipe=job.spec.wipe_payload) is None:
            return Outcome.NOT_MINE
        tell = find_failure_handler(row["name"])
        if tell:
            await tell(uow, job.spec.payload.model_validate(row["payload"]), error)
    return Outcome.FAILED


async def _fail_unknown(platform: Platform, row: Row) -> Outcome:
    reason = f"No handler for jobs named {row['name']!r}: is the worker older than the core?"
    async with platform.database.transaction() as transaction:
        await transaction.execute(
            queries.FAIL, job_id=row["id"], job_attempt=row["attempt"], job_error=reason, wipe=False
        )
    log.error("job failed for good", reason=reason)
    return Outcome.FAILED
