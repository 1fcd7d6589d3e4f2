"""The job by which a smoke test sees that workers work."""

from datetime import timedelta

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec, RetryPolicy


class SmokeTest(BaseModel):
    """Nothing to tell."""


SMOKE_TEST = JobSpec(
    name="smoke-test",
    # Its workers take nothing long, so one that runs is found free.
    queue="mail",
    payload=SmokeTest,
    timeout=timedelta(minutes=1),
    retry=RetryPolicy(max_attempts=1),
)
