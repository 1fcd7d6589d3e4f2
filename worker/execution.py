"""One attempt at one job: claimed, watched, fenced, and brought to an end."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import structlog
from redis.exceptions import RedisError
from sqlalchemy.sql import Executable

from graasp.db.database import DatabaseUnavailable, Row
from graasp.jobs import queries
from graasp.jobs.spec import JobCancelled, JobSpec, PermanentError
from graasp.platform import Platform, UnitOfWork
from graasp.telemetry.tracing import job_span
from worker.registry import find_failure_handler, find_handler
from worker.reports import report_attempt

log = structlog.get_logger(__name__)

T = TypeVar("T")
Progress = dict[str, Any]

_LONGEST_ERROR = 2000
_LONGEST_TICK_S = 1.0
_DATABASE_RETRY_S = 0.5
# Even a job that is tried only once survives the death of its process; one that kills every process does not.
_DEATHS_SURVIVED = 3


class Outcome(Enum):
    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HANDED_BACK = "handed_back"
    NOT_MINE = "not_mine"


class Superseded(Exception):
    """Another attempt has taken over: nothing this one does counts any more."""


class _HandBack(Exception):
    """The worker stops, and the job did not end within its grace."""


async def _show_nowhere(_: Progress) -> None:
    return


class Surroundings:
    """What the process around an attempt does for it; these do nothing."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.show: Callable[[Progress], Awaitable[None]] = _show_nowhere

    def die_within(self, seconds: float | None) -> None:
        """Have this process killed unless called again in time; None takes it back."""


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
        self.is_cancelled = False
        self.latest_progress: Progress | None = None

    def progress(self, done: int, total: int | None = None, text: str = "") -> None:
        """Tell how far the job is; shown in the dashboard within seconds, in the row within a heartbeat."""
        self.latest_progress = {"done": done, "total": total, "text": text}

    def raise_if_cancelled(self) -> None:
        """For work outside the event loop, which nobody interrupts. Raises JobCancelled."""
        if self.is_cancelled:
            raise JobCancelled("The job was cancelled.")

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """A unit of work that only the latest attempt can commit. Raises Superseded at its end."""
        async with self.platform.unit_of_work() as uow:
            yield uow
            if await uow.first(queries.FENCE, **self.mine) is None:
                raise Superseded

    @asynccontextmanager
    async def completing(self, result: dict[str, Any] | None = None) -> AsyncIterator[UnitOfWork]:
        """The last unit of work: what it writes and the job's success are one commit. Raises Superseded at its end.

        What is published or mailed in it leaves after the commit, hence once.
        """
        async with self.platform.unit_of_work() as uow:
            uow.after_commit(self._note_completion)
            yield uow
            succeeded = await uow.first(
                queries.SUCCEED,
                **self.mine,
                job_result=result,
                now_at=self.latest_progress,
                wipe=self.spec.wipe_payload,
            )
            if succeeded is None:
                raise Superseded

    async def heartbeat(self) -> bool:
        """Show that this attempt lives; whether its end was asked for. Raises Superseded."""
        async with self.platform.database.transaction() as transaction:
            row = await transaction.first(queries.HEARTBEAT, **self.mine, now_at=self.latest_progress)
        if row is None:
            raise Superseded
        return bool(row["cancelled"])

    @property
    def mine(self) -> dict[str, Any]:
        """What tells this attempt from all others."""
        return {"job_id": self.id, "job_attempt": self.attempt}

    async def _note_completion(self) -> None:
        self.completed = True


def worker_name(process_id: int | None = None) -> str:
    """The name of a process in the rows that it claims."""
    return f"{socket.gethostname()}.{process_id or os.getpid()}"


async def execute(platform: Platform, job_id: UUID, surroundings: Surroundings | None = None) -> Outcome:
    """Claim a job and run it to the end of this attempt. A job that is not waiting is left alone.

    Raises DatabaseUnavailable when PostgreSQL stays away for so long that others take over.
    """
    row = await _patiently(platform, lambda: _claim(platform, job_id))
    if row is None:
        return Outcome.NOT_MINE
    waited_s = (datetime.now(UTC) - row["run_at"]).total_seconds()
    ids = {"job_id": str(job_id), "attempt": row["attempt"], "request_id": row["request_id"]}
    with (
        structlog.contextvars.bound_contextvars(job=row["name"], **ids),
        job_span(row["name"], row["trace_context"], **ids) as ended,
    ):
        started = time.perf_counter()
        outcome = await _attempt(platform, row, surroundings or Surroundings())
        ended(outcome.value, outcome not in (Outcome.RETRIED, Outcome.FAILED))
        seconds = time.perf_counter() - started
        report_attempt(row["name"], outcome.value, seconds, max(0.0, waited_s))
        log.info("job attempt ended", outcome=outcome.value, seconds=round(seconds, 3))
        return outcome


async def _claim(platform: Platform, job_id: UUID) -> Row | None:
    async with platform.database.transaction() as transaction:
        return await transaction.first(queries.CLAIM, job_id=job_id, worker_name=worker_name())


async def _patiently(platform: Platform, step: Callable[[], Awaitable[T]]) -> T:
    """Repeat a step while PostgreSQL restarts."""
    deadline = time.monotonic() + platform.settings.job_stale_after_seconds
    while True:
        try:
            return await step()
        except DatabaseUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_DATABASE_RETRY_S)


async def _attempt(platform: Platform, row: Row, surroundings: Surroundings) -> Outcome:
    registration = find_handler(row["name"])
    if registration is None:
        return await _fail_unknown(platform, row)
    spec, handler = registration
    job = RunningJob(platform, spec, row)
    try:
        if row["cancel_requested_at"] is not None:
            raise JobCancelled("The job was cancelled.")
        if row["failures"] >= max(row["max_attempts"], _DEATHS_SURVIVED):
            raise PermanentError(row["error"] or "Every attempt failed.")
        await _run_watched(job, handler(job, spec.payload.model_validate(row["payload"])), surroundings)
        if not job.completed:
            async with job.completing():
                pass
    except Superseded:
        log.warning("another attempt has taken over")
        return Outcome.NOT_MINE
    except Exception as error:
        if job.completed:
            log.exception("failed after the job was complete")
            return Outcome.SUCCEEDED
        return await _patiently(platform, lambda error=error: _settle(job, row, error))  # type: ignore[misc]
    finally:
        surroundings.die_within(None)
    return Outcome.SUCCEEDED


async def _run_watched(
    job: RunningJob, handling: Coroutine[Any, Any, None], surroundings: Surroundings
) -> None:
    """Run the handler beside its heartbeat.

    Raises what the handler raises; and, when it is stopped, JobCancelled, TimeoutError, Superseded or _HandBack. A
    handler that does not let itself be stopped dies with its process.
    """
    patience_s = job.platform.settings.worker_grace_seconds
    surroundings.die_within(job.spec.timeout.total_seconds() + patience_s)
    work = asyncio.create_task(handling)
    watch = asyncio.create_task(_watch(job, surroundings))
    try:
        await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            surroundings.die_within(patience_s)
            work.cancel()
            await asyncio.wait((work,))
            if not job.completed:
                watch.result()
        if work.cancelled() and not job.completed:
            raise RuntimeError("The handler cancelled itself.")
        if not work.cancelled():
            work.result()
    finally:
        watch.cancel()
        work.cancel()
        await asyncio.gather(work, watch, return_exceptions=True)


async def _watch(job: RunningJob, surroundings: Surroundings) -> None:
    """Heartbeats, and what is shown of the job; raises the reason to stop as soon as there is one."""
    settings, clock = job.platform.settings, asyncio.get_running_loop().time
    interval_s = settings.job_heartbeat_seconds
    tick_s = min(interval_s, _LONGEST_TICK_S)
    time_out_at = clock() + job.spec.timeout.total_seconds()
    next_heartbeat = clock() + interval_s
    hand_back_at: float | None = None
    shown: Progress | None = None
    while True:
        await _wait_for_stop(
            surroundings.stopping, min(tick_s, max(0.0, time_out_at - clock())), hand_back_at
        )
        if clock() >= time_out_at:
            raise TimeoutError(f"The job did not end within {job.spec.timeout}.")
        if surroundings.stopping.is_set() and hand_back_at is None:
            hand_back_at = clock() + settings.worker_grace_seconds
        if hand_back_at is not None and clock() >= hand_back_at:
            raise _HandBack
        try:
            if job.latest_progress is not shown and job.latest_progress is not None:
                shown = job.latest_progress
                await surroundings.show(shown)
            if clock() >= next_heartbeat:
                next_heartbeat = clock() + interval_s
                if await job.heartbeat():
                    job.is_cancelled = True
                    raise JobCancelled("The job was cancelled.")
        except (DatabaseUnavailable, RedisError, OSError) as error:
            log.warning("heartbeat missed", reason=str(error) or type(error).__name__)


async def _wait_for_stop(stopping: asyncio.Event, seconds: float, hand_back_at: float | None) -> None:
    if hand_back_at is not None:
        await asyncio.sleep(min(seconds, max(0.0, hand_back_at - asyncio.get_running_loop().time())))
        return
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


async def _settle(job: RunningJob, row: Row, error: Exception) -> Outcome:
    """What becomes of a job whose attempt did not succeed."""
    failures = row["failures"] + 1
    reason = _reason(error)
    if isinstance(error, _HandBack):
        log.info("the worker stops, job handed back")
        return await _leave(job, Outcome.HANDED_BACK, queries.HAND_BACK)
    if isinstance(error, JobCancelled):
        return await _end(job, row, error, Outcome.CANCELLED, queries.CANCEL, wipe=job.spec.wipe_payload)
    if isinstance(error, PermanentError) or failures >= row["max_attempts"]:
        # Where a refusal comes from is no riddle.
        unforeseen = None if isinstance(error, PermanentError) else error
        log.error("job failed for good", failures=failures, reason=reason, exc_info=unforeseen)
        return await _end(job, row, error, Outcome.FAILED, queries.FAIL, job_error=reason)
    log.warning("job attempt failed, will be repeated", failures=failures, reason=reason)
    delay_s = job.spec.retry.delay(failures).total_seconds()
    return await _leave(job, Outcome.RETRIED, queries.RETRY, seconds=delay_s, job_error=reason)


async def _leave(job: RunningJob, outcome: Outcome, statement: Executable, **values: Any) -> Outcome:
    """Back to the queue."""
    async with job.platform.database.transaction() as transaction:
        settled = await transaction.first(statement, **job.mine, **values)
    return outcome if settled else Outcome.NOT_MINE


async def _end(
    job: RunningJob, row: Row, error: Exception, outcome: Outcome, statement: Executable, **values: Any
) -> Outcome:
    """The end without success, told to whoever waits for the job in the same transaction."""
    tell = find_failure_handler(row["name"])
    if tell is not None:
        try:
            async with job.platform.unit_of_work() as uow:
                if await uow.first(statement, **job.mine, **values) is None:
                    return Outcome.NOT_MINE
                await tell(uow, job.spec.payload.model_validate(row["payload"]), error)
        except DatabaseUnavailable:
            raise
        except Exception:
            # It may not keep the job from ending.
            log.exception("nobody could be told of the job's failure")
        else:
            return outcome
    return await _leave(job, outcome, statement, **values)


async def _fail_unknown(platform: Platform, row: Row) -> Outcome:
    reason = f"No handler for jobs named {row['name']!r}: is the worker older than the core?"
    async with platform.database.transaction() as transaction:
        await transaction.execute(
            queries.FAIL, job_id=row["id"], job_attempt=row["attempt"], job_error=reason
        )
    log.error("job failed for good", reason=reason)
    return Outcome.FAILED


def _reason(error: Exception) -> str:
    text = str(error) if isinstance(error, PermanentError) else f"{type(error).__name__}: {error}"
    return text[:_LONGEST_ERROR]
