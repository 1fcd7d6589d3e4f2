"""Cancelling jobs and queueing them again, from the dashboard and the command line."""

from uuid import UUID

import asyncpg

from graasp.db.database import Database
from graasp.jobs import queries
from graasp.jobs.queue import JobQueue


async def requeue_job(database: Database, jobs: JobQueue, job_id: UUID) -> bool:
    """Queue a failed or cancelled job again, with all its attempts; whether that was possible.

    It is not when there is no such job, when its payload was blanked, or when another of its kind is live.
    """
    try:
        async with database.transaction() as transaction:
            if await transaction.scalar(queries.REQUEUE, job_id=job_id) is None:
                return False
    except asyncpg.UniqueViolationError:
        return False
    await jobs.push([job_id])
    return True


async def requeue_failed(database: Database, jobs: JobQueue, queue: str) -> int:
    """Queue the failed jobs of a queue again; how many."""
    failed = await _ids(database, queries.FAILED_IN, queue)
    return sum([await requeue_job(database, jobs, job_id) for job_id in failed])


async def cancel_job(database: Database, job_id: UUID) -> bool:
    """Cancel a waiting job at once, ask a running one to end; whether there was such a job."""
    async with database.transaction() as transaction:
        return await transaction.scalar(queries.REQUEST_CANCEL, job_id=job_id) is not None


async def cancel_waiting(database: Database, queue: str) -> int:
    """Cancel all that wait in a queue; how many."""
    waiting = await _ids(database, queries.WAITING_IN, queue)
    return sum([await cancel_job(database, job_id) for job_id in waiting])


async def _ids(database: Database, statement: object, queue: str) -> list[UUID]:
    async with database.transaction() as transaction:
        return [row["id"] for row in await transaction.all(statement, wanted_queue=queue)]  # type: ignore[arg-type]
