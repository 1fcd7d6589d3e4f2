"""The hourly clean-up."""

from graasp.auth.service import forget_expired_revocations
from graasp.downloads.service import remove_orphans
from graasp.housekeeping.jobs import CLEAN_UP, CleanUp
from graasp.job_catalogue import JOBS
from graasp.jobs.retention import forget_ended_jobs
from worker.execution import RunningJob
from worker.registry import handles


@handles(CLEAN_UP)
async def clean_up(job: RunningJob, _: CleanUp) -> None:
    """Idempotent: what is gone is gone."""
    archives = await remove_orphans(job.platform)
    revocations = await forget_expired_revocations(job.platform)
    jobs = await forget_ended_jobs(job.platform.database, JOBS, days=job.platform.settings.job_retention_days)
    async with job.completing({"archives": archives, "revocations": revocations, "jobs": jobs}):
        pass
