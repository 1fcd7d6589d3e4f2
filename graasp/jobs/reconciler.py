"""The reconciler: rows and reality brought together again after a death.

RQ loses jobs when a worker is killed, when Redis restarts, when a worker dies between taking a job and registering
it. The rows tell: a running one without heartbeat has lost its process, a waiting one that RQ does not have has
been lost. Every worker runs this; a lock in PostgreSQL makes one at a time do the work.
"""

from collections.abc import Sequence
from uuid import UUID

import structlog
from rq.job import JobStatus

from graasp.db.database import Database
from graasp.jobs import queries
from graasp.jobs.queue import JobQueue

log = structlog.get_logger(__name__)

_RECONCILE_LOCK = 2
_VIEW_LOCK = 3


async def resume_orphans(database: Database, stale_after_s: float) -> int:
    """Queue again the running jobs whose heartbeat is older than this; how many there were."""
    async with database.transaction() as transaction:
        orphans = await transaction.all(queries.RESUME_ORPHANS, seconds=stale_after_s)
    for orphan in orphans:
        log.warning("job lost its process, queued again", job_id=str(orphan["id"]))
    return len(orphans)


async def resume_orphan_of(database: Database, job_id: UUID, worker_name: str) -> bool:
    """Queue a job again whose process is known to be dead; whether it had not ended before."""
    async with database.transaction() as transaction:
        return (
            await transaction.scalar(queries.RESUME_ORPHAN_OF, job_id=job_id, worker_name=worker_name)
            is not None
        )


async def find_lost(database: Database, jobs: JobQueue, older_than_s: float) -> int:
    """Mark rows that RQ no longer has for another hand-over; how many there were. Raises RedisError."""
    async with database.transaction() as transaction:
        if not await transaction.scalar(queries.TRY_LOCK, part=_RECONCILE_LOCK):
            return 0
        by_queue: dict[str, list[UUID]] = {}
        for row in await transaction.all(queries.HANDED_OVER_LONG_AGO, seconds=older_than_s):
            by_queue.setdefault(row["queue"], []).append(row["id"])
        lost = await jobs.in_thread(lambda transport: transport.missing(by_queue)) if by_queue else []
        if lost:
            log.warning("jobs lost by the transport, handed over again", jobs=len(lost))
            await transaction.execute(queries.HAND_OVER_AGAIN, job_ids=lost)
    return len(lost)


async def refresh_view(
    database: Database, jobs: JobQueue, queues: Sequence[str], *, completed: int, failed: int
) -> None:
    """Make RQ's history, which the dashboard shows, tell what the rows tell: the newest few of each kind.

    Raises RedisError.
    """
    async with database.transaction() as transaction:
        if not await transaction.scalar(queries.TRY_LOCK, part=_VIEW_LOCK):
            return
        for queue in queues:
            shown = {
                status: await transaction.all(
                    queries.ENDED_IN, wanted_queue=queue, wanted_state=state, how_many=how_many
                )
                for status, state, how_many in (
                    (JobStatus.FINISHED, "succeeded", completed),
                    (JobStatus.FAILED, "failed", failed),
                    (JobStatus.CANCELED, "cancelled", failed),
                )
            }
            shown[JobStatus.SCHEDULED] = await transaction.all(
                queries.DELAYED_IN, wanted_queue=queue, how_many=failed
            )
            for status, rows in shown.items():
                await jobs.in_thread(
                    lambda transport, queue=queue, status=status, rows=rows: transport.show(
                        queue, status, rows
                    )  # type: ignore[misc]
                )
