"""The outbox of jobs: rows first, Redis after the commit."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import redis
import structlog
from pydantic import BaseModel
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from graasp.db.database import Database, DatabaseUnavailable, Row, Transaction
from graasp.jobs import queries
from graasp.jobs.spec import JobSpec
from graasp.settings import Settings

log = structlog.get_logger(__name__)

P = TypeVar("P", bound=BaseModel)

# Named by text: the core knows the worker only by the names of its jobs.
ENTRY_POINT = "worker.entry.run_job"
_HARD_TIMEOUT_S = 24 * 3600
_FINISHED_KEPT_S = 7 * 24 * 3600


class JobQueue:
    """Writes job rows and hands them to RQ. RQ and Redis are the transport; the rows are the truth."""

    def __init__(self, database: Database, connection: redis.Redis) -> None:
        self._database = database
        self._connection = connection

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
        context = structlog.contextvars.get_contextvars()
        job_id = await transaction.scalar(
            queries.ENQUEUE,
            new_id=uuid4(),
            job_name=spec.name,
            job_queue=spec.queue,
            job_payload=payload.model_dump(mode="json"),
            attempts=spec.retry.max_attempts,
            key=spec.deduplicate(payload) if spec.deduplicate else None,
            account=account_id,
            item=item_id,
            request=context.get("request_id"),
            seconds=delay.total_seconds() if delay else 0.0,
        )
        return UUID(str(job_id))

    async def push(self, job_ids: Sequence[UUID]) -> None:
        """Hand rows that are due to RQ. What can't be handed over now is left to the relay; never raises."""
        try:
            await self._push(await self._database.reads.all(queries.DUE, job_ids=list(job_ids)))
        except (RedisError, OSError, DatabaseUnavailable) as error:
            log.warning("jobs not handed over yet", jobs=len(job_ids), reason=str(error))

    async def relay(self) -> int:
        """Hand over every due row that has not been; how many there were. Raises RedisError when Redis is down."""
        rows = await self._database.reads.all(queries.TO_PUSH)
        await self._push(rows)
        return len(rows)

    async def find_lost(self, older_than_s: float) -> int:
        """Mark rows that RQ no longer has for another hand-over; how many there were."""
        rows = await self._database.reads.all(queries.PUSHED_LONG_AGO, seconds=older_than_s)
        by_queue: dict[str, list[UUID]] = {}
        for row in rows:
            by_queue.setdefault(row["queue"], []).append(row["id"])
        lost = await asyncio.to_thread(self._not_in_redis, by_queue) if by_queue else []
        if lost:
            async with self._database.transaction() as transaction:
                await transaction.execute(queries.PUSH_AGAIN, job_ids=lost)
        return len(lost)

    async def _push(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        if not rows:
            return
        await asyncio.to_thread(self._hand_over, rows)
        async with self._database.transaction() as transaction:
            await transaction.execute(queries.PUSHED, job_ids=[row["id"] for row in rows])

    def _hand_over(self, rows: list[Row]) -> None:
        for row in rows:
            queue = self.rq_queue(row["queue"])
            try:
                _enqueue(queue, row)
            except DuplicateJobError:
                # RQ still knows an earlier attempt, or has the job already.
                if str(row["id"]) not in queue.get_job_ids():
                    _forget(queue, str(row["id"]))
                    _enqueue(queue, row)

    def _not_in_redis(self, by_queue: dict[str, list[UUID]]) -> list[UUID]:
        lost: list[UUID] = []
        for name, ids in by_queue.items():
            waiting = set(self.rq_queue(name).get_job_ids())
            lost.extend(job_id for job_id in ids if str(job_id) not in waiting)
        return lost

    def rq_queue(self, name: str) -> Queue:
        return Queue(name, connection=self._connection, serializer=JSONSerializer)


def _enqueue(queue: Queue, row: Row) -> None:
    queue.enqueue_call(
        ENTRY_POINT,
        args=(str(row["id"]),),
        job_id=str(row["id"]),
        description=row["name"],
        timeout=_HARD_TIMEOUT_S,
        result_ttl=_FINISHED_KEPT_S,
        failure_ttl=_FINISHED_KEPT_S,
        unique=True,
    )


def _forget(queue: Queue, job_id: str) -> None:
    try:
        Job.fetch(job_id, connection=queue.connection, serializer=JSONSerializer).delete()
    except NoSuchJobError:
        return


@asynccontextmanager
async def open_job_queue(settings: Settings, database: Database) -> AsyncIterator[JobQueue]:
    """A queue on its own Redis connections, with short timeouts: nobody waits long for the transport."""
    connection = redis.Redis.from_url(
        settings.redis_connection, socket_timeout=2, socket_connect_timeout=1, health_check_interval=30
    )
    try:
        yield JobQueue(database, connection)
    finally:
        await asyncio.to_thread(connection.close)
