"""How the rest of the product sends mails: in its transaction, by a job."""

from graasp.mail.jobs import SEND_MAIL
from graasp.mail.messages import Mail
from graasp.platform import UnitOfWork


async def send_mail(uow: UnitOfWork, mail: Mail) -> None:
    """Send a mail once the unit of work is committed; it is retried until the mail server takes it."""
    await uow.enqueue(SEND_MAIL, mail)
