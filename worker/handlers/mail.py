"""Sends one mail."""

from graasp.mail.jobs import SEND_BULK_MAIL, SEND_MAIL
from graasp.mail.messages import Mail
from graasp.mail.rendering import render
from worker.execution import RunningJob
from worker.registry import handles


@handles(SEND_MAIL)
@handles(SEND_BULK_MAIL)
async def send_mail(job: RunningJob, mail: Mail) -> None:
    """Idempotent but for one gap: a mail is sent again only if this process dies between the mail server's
    acceptance and the commit; its Message-ID, made of the job's id, is then the same.
    """
    sender = job.platform.settings.mailer_config_from_email
    message_id = f"<{job.id}@{sender.rpartition('@')[2]}>"
    await job.platform.mailer.send(render(mail, sender=sender, message_id=message_id))
