"""What goes by itself, as jobs."""

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


class SweepStorage(BaseModel):
    """Nothing to tell: every object that nothing refers to goes."""


SWEEP_STORAGE = JobSpec(
    name="sweep-storage",
    queue="scheduled-jobs",
    payload=SweepStorage,
    timeout=timedelta(hours=12),
    deduplicate=lambda _: "sweep-storage",
)
