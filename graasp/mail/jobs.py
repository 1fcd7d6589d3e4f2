"""The jobs that send one mail each."""

from dataclasses import replace
from datetime import timedelta

from graasp.jobs.spec import JobSpec, RetryPolicy
from graasp.mail.messages import Mail

# Patient enough for a mail server that is away for a day; soon again at first, since sign-ins wait for it.
SEND_MAIL = JobSpec(
    name="send-mail",
    queue="mail",
    payload=Mail,
    timeout=timedelta(minutes=2),
    retry=RetryPolicy(
        max_attempts=40, first_delay=timedelta(seconds=5), factor=2, longest=timedelta(hours=1)
    ),
    # Links in mails carry sign-in tokens.
    wipe_payload=True,
)

# One of very many: nobody's sign-in link waits behind a school's invitations.
SEND_BULK_MAIL = replace(SEND_MAIL, name="send-bulk-mail", queue="bulk-mail")
