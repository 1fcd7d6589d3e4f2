"""Cancelling jobs and queueing them again, from the dashboard and the command line."""

from uuid import UUID

from graasp.db.database import open_database
from graasp.jobs import queries
from graasp.jobs.queue import open_job_queue
from graasp.settings import Settings


async def requeue_job(settings: Settings, job_id: UUID) -> bool:
    """Queue a failed or cancelled job again, with all its attempts; whether there was such a job."""
    async with open_database(settings.db_connection, pool_size=1) as database:
        async with database.transaction() as transaction:
            found = await transaction.scalar(queries.REQUEUE, job_id=job_id)
        if found is None:
            return False
        async with open_job_queue(settings, database) as jobs:
            await jobs.push([job_id])
    return True


async def cancel_job(settings: Settings, job_id: UUID) -> bool:
    """Cancel a waiting job at once, ask a running one to end; whether there was such a job."""
    async with (
        open_database(settings.db_connection, pool_size=1) as database,
        database.transaction() as transaction,
    ):
        return await transaction.scalar(queries.REQUEST_CANCEL, job_id=job_id) is not None
