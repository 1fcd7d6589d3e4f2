"""How the rest of the product sends mails: in its transaction, by a job."""

from collections.abc import Sequence

from graasp.mail.jobs import SEND_BULK_MAIL, SEND_MAIL
from graasp.mail.messages import Mail
from graasp.platform import UnitOfWork

_FEW = 50


async def send_mail(uow: UnitOfWork, mail: Mail) -> None:
    """Send a mail once the unit of work is committed; it is retried until the mail server takes it."""
    await uow.enqueue(SEND_MAIL, mail)


async def send_mails(uow: UnitOfWork, mails: Sequence[Mail]) -> None:
    """As `send_mail` for many, in one statement whatever their number; very many wait in a queue of their own."""
    await uow.enqueue_all(SEND_MAIL if len(mails) <= _FEW else SEND_BULK_MAIL, mails)
