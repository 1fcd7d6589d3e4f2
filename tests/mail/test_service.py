"""Mails by the job: one as soon as possible, very many behind everybody else's."""

from collections.abc import Awaitable, Callable
from email.message import EmailMessage

import pytest
from sqlalchemy import func, select

from graasp.jobs.tables import job
from graasp.mail.messages import sign_in
from graasp.mail.service import send_mails
from graasp.platform import Platform


@pytest.mark.parametrize(("how_many", "queue"), [(1, "mail"), (50, "mail"), (51, "bulk-mail")])
async def test_many_mails_wait_in_a_queue_of_their_own(
    platform: Platform,
    run_jobs: Callable[[], Awaitable[list[object]]],
    mails: list[EmailMessage],
    how_many: int,
    queue: str,
) -> None:
    async with platform.unit_of_work() as uow:
        links = [sign_in(recipient=f"{n}@example.org", lang="en", link="x") for n in range(how_many)]
        await send_mails(uow, links)
    rows = await platform.reads.all(select(job.c.queue, func.count().label("jobs")).group_by(job.c.queue))
    assert [dict(row) for row in rows] == [{"queue": queue, "jobs": how_many}]
    await run_jobs()
    assert sorted(str(mail["to"]) for mail in mails) == sorted(f"{n}@example.org" for n in range(how_many))


async def test_no_mails_are_no_job(platform: Platform) -> None:
    async with platform.unit_of_work() as uow:
        await send_mails(uow, [])
    assert await platform.reads.scalar(select(func.count()).select_from(job)) == 0
