"""The relay: hands over what the one who enqueued could not, and what had to wait for its time.

Every worker runs it; a lock in PostgreSQL makes one at a time do the work, so any number of workers is fine.
"""

from graasp.db.database import Database
from graasp.jobs import queries
from graasp.jobs.queue import JobQueue

_LOCK = 1


async def relay(database: Database, jobs: JobQueue) -> int:
    """Hand every due row that waits for it to RQ; how many there were. Raises RedisError."""
    async with database.transaction() as transaction:
        if not await transaction.scalar(queries.TRY_LOCK, part=_LOCK):
            return 0
        if await jobs.in_thread(lambda transport: transport.was_emptied()):
            await transaction.execute(queries.HAND_ALL_OVER_AGAIN)
        return await jobs.hand_over(await transaction.all(queries.LEFT_BEHIND), transaction)
