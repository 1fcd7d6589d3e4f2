"""The outbox of jobs: rows first, in the transaction of what they belong to; Redis after the commit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import structlog
from pydantic import BaseModel
from redis.exceptions import RedisError

from graasp.background import in_background
from graasp.db.database import Database, DatabaseUnavailable, Row, Transaction
from graasp.jobs import queries
from graasp.jobs.spec import JobSpec
from graasp.jobs.transport import RqTransport
from graasp.redis_client import blocking_redis_client
from graasp.settings import Settings
from graasp.telemetry.tracing import current_trace

log = structlog.get_logger(__name__)

P = TypeVar("P", bound=BaseModel)
T = TypeVar("T")

_PAUSE_AFTER_FAILURE_S = 1.0
_FLUSH_TIMEOUT_S = 3.0


class JobQueue:
    """Writes job rows and hands them to RQ. RQ and Redis are the transport; the rows are the truth.

    Handing over happens in the background, in a thread of its own: nobody who enqueues ever waits for Redis. What
    can't be handed over now is left to the relay of the workers (`graasp.jobs.relay`).
    """

    def __init__(self, database: Database, transport: RqTransport) -> None:
        self._database = database
        self.transport = transport
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rq")
        self._waiting: list[UUID] = []
        self._has_waiting = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def enqueue(
        self,
        transaction: Transaction,
        spec: JobSpec[P],
        payload: P,
        *,
        account_id: UUID | None = None,
        item_id: UUID | None = None,
        delay: timedelta | None = None,
    ) -> UUID:
        """Write the row; the id of the live job it joins, when deduplication finds one."""
        row = _row(spec, payload, account_id=account_id, item_id=item_id, delay=delay)
        return UUID(str(await transaction.scalar(queries.ENQUEUE, **row)))

    async def enqueue_all(
        self, transaction: Transaction, spec: JobSpec[P], payloads: Sequence[P]
    ) -> list[UUID]:
        """Write one row per payload in one round trip; their ids. A payload that joins a live job makes no row."""
        rows = [_row(spec, payload) for payload in payloads]
        await transaction.execute_many(queries.ENQUEUE, rows)
        return [row["new_id"] for row in rows]

    async def push(self, job_ids: Sequence[UUID]) -> None:
        """Have committed rows handed to RQ as soon as possible. Neither waits nor raises."""
        self._waiting.extend(job_ids)
        self._is_idle.clear()
        self._has_waiting.set()

    async def flush(self) -> None:
        """Wait until what was pushed is handed over, or was given up for the relay."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_idle.wait(), _FLUSH_TIMEOUT_S)

    async def hand_over(self, rows: Iterable[Row], transaction: Transaction | None = None) -> int:
        """Hand rows to RQ and note it in them; how many. Raises RedisError."""
        rows = list(rows)
        if rows:
            await self.in_thread(lambda transport: transport.hand_over(rows))
            ids = [row["id"] for row in rows]
            if transaction is not None:
                await transaction.execute(queries.HANDED_OVER, job_ids=ids)
            else:
                async with self._database.transaction() as own:
                    await own.execute(queries.HANDED_OVER, job_ids=ids)
        return len(rows)

    async def in_thread(self, work: Callable[[RqTransport], T]) -> T:
        """Do something with RQ where it holds up nobody. Raises RedisError."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self.transport)

    async def run(self) -> None:
        """Hand over what is pushed, in batches, until cancelled."""
        while True:
            await self._has_waiting.wait()
            self._has_waiting.clear()
            job_ids, self._waiting = self._waiting, []
            try:
                async with self._database.transaction() as transaction:
                    rows = await transaction.all(queries.DUE, job_ids=job_ids)
                await self.hand_over(rows)
            except (RedisError, OSError, DatabaseUnavailable) as error:
                log.warning("jobs not handed over yet, the relay will", jobs=len(job_ids), reason=str(error))
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
            except Exception:
                log.exception("jobs not handed over yet, the relay will")
            if not self._waiting:
                self._is_idle.set()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.transport.connection.close()


def _row(
    spec: JobSpec[P],
    payload: P,
    *,
    account_id: UUID | None = None,
    item_id: UUID | None = None,
    delay: timedelta | None = None,
) -> dict[str, Any]:
    return {
        "new_id": uuid4(),
        "job_name": spec.name,
        "job_queue": spec.queue,
        "job_payload": payload.model_dump(mode="json"),
        "attempts": spec.retry.max_attempts,
        "key": spec.deduplicate(payload) if spec.deduplicate else None,
        "account": account_id,
        "item": item_id,
        "request": structlog.contextvars.get_contextvars().get("request_id"),
        "trace": current_trace(),
        "seconds": delay.total_seconds() if delay else 0.0,
    }


@asynccontextmanager
async def open_job_queue(settings: Settings, database: Database) -> AsyncIterator[JobQueue]:
    """A queue on its own Redis connections, with short timeouts. What was pushed is flushed at the end."""
    queue = JobQueue(database, RqTransport(blocking_redis_client(settings.redis_connection)))
    try:
        async with in_background(queue.run()):
            yield queue
            await queue.flush()
    finally:
        queue.close()
