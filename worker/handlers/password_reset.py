"""Answers a request for a new password."""

from graasp.auth.jobs import REQUEST_PASSWORD_RESET, RequestPasswordReset
from graasp.auth.service import mail_reset_link
from worker.execution import RunningJob
from worker.registry import handles


@handles(REQUEST_PASSWORD_RESET)
async def request_password_reset(job: RunningJob, request: RequestPasswordReset) -> None:
    """Idempotent: only the attempt that completes mails; the keys of others are never told to anybody."""
    async with job.completing() as uow:
        await mail_reset_link(uow, email=request.email)
