"""How long what has ended is remembered."""

from collections.abc import Sequence
from typing import Any

from graasp.db.database import Database
from graasp.jobs import queries
from graasp.jobs.spec import JobSpec


async def forget_ended_jobs(database: Database, specs: Sequence[JobSpec[Any]], *, days: int) -> int:
    """Delete the rows of jobs that ended so many days ago, blank secrets of those that failed; how many deleted."""
    secret = [spec.name for spec in specs if spec.wipe_payload]
    async with database.transaction() as transaction:
        await transaction.execute(queries.BLANK_FAILED, names=secret)
        return await transaction.execute(queries.FORGET, days=days)
