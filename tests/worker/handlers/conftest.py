"""Running jobs to their end, in this process."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from graasp.jobs.tables import job
from graasp.platform import Platform
from worker.execution import Outcome, execute
from worker.registry import load_handlers

RunJobs = Callable[[], Awaitable[list[Outcome]]]


@pytest.fixture
def run_jobs(platform: Platform) -> RunJobs:
    """Run every waiting job, and those they enqueue, as a worker would; the outcomes in order."""
    load_handlers()

    async def run() -> list[Outcome]:
        outcomes: list[Outcome] = []
        while waiting := await platform.reads.all(
            select(job.c.id).where(job.c.state == "queued").order_by(job.c.created_at)
        ):
            ended = [await execute(platform, row["id"]) for row in waiting]
            outcomes += ended
            if Outcome.RETRIED in ended:
                break
        return outcomes

    return run
