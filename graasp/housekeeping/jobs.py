"""The hourly clean-up, as a job."""

from datetime import timedelta

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec


class CleanUp(BaseModel):
    """Nothing to tell: everything that is over goes."""


CLEAN_UP = JobSpec(
    name="clean-up",
    queue="scheduled-jobs",
    payload=CleanUp,
    timeout=timedelta(hours=1),
    deduplicate=lambda _: "clean-up",
)
