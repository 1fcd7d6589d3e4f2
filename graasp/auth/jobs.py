"""The job that answers a request for a new password."""

from datetime import timedelta

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec


class RequestPasswordReset(BaseModel):
    """`email` is the address as it was typed, known or not."""

    email: str


# A job, so that the answer takes as long for an address that nobody has.
REQUEST_PASSWORD_RESET = JobSpec(
    name="request-password-reset",
    queue="mail",
    payload=RequestPasswordReset,
    timeout=timedelta(minutes=1),
    wipe_payload=True,
)
