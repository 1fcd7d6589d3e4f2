"""What goes by itself: the hourly clean-up, and the weekly sweep of storage."""

from graasp.auth.service import forget_expired_revocations
from graasp.downloads.service import remove_orphans
from graasp.housekeeping import orphans
from graasp.housekeeping.jobs import CLEAN_UP, SWEEP_STORAGE, CleanUp, SweepStorage
from graasp.items.trees.deletion import resume_deletions
from graasp.job_catalogue import JOBS
from graasp.jobs.retention import forget_ended_jobs
from graasp.jobs.spec import PermanentError
from worker.execution import RunningJob
from worker.registry import handles


@handles(CLEAN_UP)
async def clean_up(job: RunningJob, _: CleanUp) -> None:
    """Idempotent: what is gone is gone."""
    archives = await remove_orphans(job.platform)
    revocations = await forget_expired_revocations(job.platform)
    jobs = await forget_ended_jobs(job.platform.database, JOBS, days=job.platform.settings.job_retention_days)
    async with job.unit_of_work() as uow:
        deletions = await resume_deletions(uow)
    result = {"archives": archives, "revocations": revocations, "jobs": jobs, "deletions": deletions}
    async with job.completing(result):
        pass


@handles(SWEEP_STORAGE)
async def sweep_storage(job: RunningJob, _: SweepStorage) -> None:
    """Idempotent: what is gone is gone."""

    def tell(counted: orphans.Counted) -> None:
        job.progress(counted.orphans, text=f"orphans of {counted.objects} objects below {counted.prefix}/")

    found = await orphans.survey(job.platform, tell)
    if orphans.is_suspicious(found):
        raise PermanentError(
            "More than half of what is stored belongs to nothing in this database: is it the right one? "
            "`graasp storage orphans` tells more, and with --delete deletes them."
        )
    swept = await orphans.sweep(job.platform, tell)
    unfinished = await orphans.drop_unfinished_uploads(job.platform)
    result = {counted.prefix: counted.orphans for counted in swept} | {"unfinished uploads": unfinished}
    async with job.completing(result):
        pass
