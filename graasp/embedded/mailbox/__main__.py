"""`python -m graasp.embedded.mailbox`: takes every mail it is given, and shows it on a page."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session

from graasp.embedded.mailbox.pages import create_mailbox
from graasp.embedded.mailbox.store import MailStore

_LARGEST_MAIL_BYTES = 50 * 1024 * 1024


class _Delivery:
    """Where aiosmtpd hands over what it has received."""

    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        content = envelope.content
        if not isinstance(content, bytes):
            return "554 The mailbox takes bytes only"
        mail_id = await asyncio.to_thread(
            self._store.add, envelope.mail_from or "", envelope.rcpt_tos, content
        )
        return f"250 Kept as {mail_id}"


async def _serve(smtp_port: int, http_port: int, data: Path, host: str) -> None:
    store = MailStore(data)
    smtp = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            _Delivery(store),
            hostname="localhost",
            ident="Graasp mailbox",
            data_size_limit=_LARGEST_MAIL_BYTES,
            enable_SMTPUTF8=True,
        ),
        "127.0.0.1",
        smtp_port,
    )
    config = uvicorn.Config(
        create_mailbox(store),
        host=host,
        port=http_port,
        log_level="warning",
        server_header=False,
        lifespan="off",
    )
    async with smtp:
        await uvicorn.Server(config).serve()


def main(
    smtp_port: Annotated[int, typer.Option(help="Port of the SMTP server, on the loopback interface.")],
    http_port: Annotated[int, typer.Option(help="Port of the page.")],
    data: Annotated[Path, typer.Option(help="Folder that keeps the mails.")],
    host: Annotated[str, typer.Option(help="Address the page listens on.")] = "127.0.0.1",
) -> None:
    """Take every mail, deliver none, show all."""
    asyncio.run(_serve(smtp_port, http_port, data, host))


if __name__ == "__main__":
    typer.run(main)
