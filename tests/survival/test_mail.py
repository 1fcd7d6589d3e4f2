"""The mail server goes away and comes back; every mail arrives, and those people wait for come first."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from graasp.embedded.process import free_port
from graasp.jobs.tables import job
from graasp.mail.jobs import SEND_MAIL
from graasp.mail.messages import sign_in
from graasp.mail.service import send_mail
from graasp.platform import Platform
from graasp.settings import Settings
from tests.conftest import MailSink
from tests.worker.sample_jobs import HEAVY_NOTE, Note
from tests.worker.workers import enqueue, row_of, until, until_state, working


class MailServer:
    """An SMTP server that can be away."""

    def __init__(self) -> None:
        self.sink = MailSink(port=free_port())
        self._controller: Controller | None = None

    @property
    def recipients(self) -> list[str]:
        return sorted(str(mail["To"]) for mail in self.sink.messages)

    def start(self) -> None:
        self._controller = Controller(self.sink, hostname="127.0.0.1", port=self.sink.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


@pytest.fixture
def mail_server_of_ones_own() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def own_settings(make_settings: Callable[..., Settings], mail_server_of_ones_own: MailServer) -> Settings:
    return make_settings(
        mailer_connection=mail_server_of_ones_own.sink.url,
        job_poll_seconds=0.1,
        job_heartbeat_seconds=0.5,
        worker_grace_seconds=1,
    )


async def _send(platform: Platform, recipient: str) -> None:
    async with platform.unit_of_work() as uow:
        await send_mail(uow, sign_in(recipient=recipient, lang="en", link="https://client.test/"))


async def test_mails_arrive_once_when_the_server_is_back(
    own_settings: Settings, platform: Platform, mail_server_of_ones_own: MailServer
) -> None:
    server = mail_server_of_ones_own
    with working(own_settings):
        server.start()
        await _send(platform, "before@example.org")
        await until(lambda: server.recipients == ["before@example.org"])
        # Kept connections break in the middle of nothing.
        server.stop()
        while_away = [f"away{number}@example.org" for number in range(5)]
        for recipient in while_away:
            await _send(platform, recipient)
        await until(lambda: _every_mail_was_tried(platform, 6))
        server.start()
        await until(lambda: len(server.recipients) >= 6)
        await _send(platform, "zz-after@example.org")
        await until(lambda: len(server.recipients) >= 7)
    assert server.recipients == [*while_away, "before@example.org", "zz-after@example.org"]
    message_ids = [str(mail["Message-ID"]) for mail in server.sink.messages]
    assert len(set(message_ids)) == 7


async def test_a_sign_in_mail_does_not_wait_behind_exports(
    own_settings: Settings, platform: Platform, mail_server_of_ones_own: MailServer, tmp_path: Path
) -> None:
    server = mail_server_of_ones_own
    server.start()
    exports = [
        await enqueue(platform, HEAVY_NOTE, Note(file=tmp_path / f"{number}", hang_until=9))
        for number in range(10)
    ]
    with working(own_settings):
        await until_state(platform, exports[0], "running")
        await _send(platform, "waiting@example.org")
        await until(lambda: server.recipients == ["waiting@example.org"])
        assert (await row_of(platform, exports[0]))["state"] == "running"
        assert (await row_of(platform, exports[-1]))["state"] == "queued"


async def test_a_mail_that_is_refused_for_good_holds_up_no_other(
    own_settings: Settings,
    platform: Platform,
    mail_server_of_ones_own: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = mail_server_of_ones_own

    async def refuse_some(*arguments: Any) -> str:
        *_, envelope, address, _ = arguments
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    monkeypatch.setattr(MailSink, "handle_RCPT", refuse_some, raising=False)
    server.start()
    for recipient in ("nobody@example.org", "somebody@example.org"):
        await _send(platform, recipient)
    with working(own_settings, "--burst") as worker:
        await asyncio.to_thread(worker.wait, 40)
    assert server.recipients == ["somebody@example.org"]
    rows = await platform.reads.all(select(job.c.state, job.c.failures).order_by(job.c.created_at))
    assert [row["state"] for row in rows] == ["failed", "succeeded"]


async def _every_mail_was_tried(platform: Platform, mails: int) -> bool:
    rows = await platform.reads.all(select(job.c.attempt).where(job.c.name == SEND_MAIL.name))
    return [row["attempt"] > 0 for row in rows] == [True] * mails
