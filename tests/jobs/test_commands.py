"""`graasp job`, as a person or a script calls it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from graasp.jobs.commands import job_commands
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from tests.worker.sample_jobs import HEAVY_NOTE, SECRET_NOTE, Note
from tests.worker.workers import enqueue, environment, row_of

Call = Callable[..., "asyncio.Future[Result]"]


@pytest.fixture
def call(settings: Settings) -> Call:
    def run(*arguments: object) -> "asyncio.Future[Result]":
        texts = [str(argument) for argument in arguments]
        return asyncio.ensure_future(
            asyncio.to_thread(CliRunner().invoke, job_commands, texts, env=environment(settings))
        )

    return run


async def _failed(platform: Platform, spec: object = HEAVY_NOTE) -> UUID:
    job_id = await enqueue(platform, spec, Note(file=Path("secret-file")))
    async with platform.database.transaction() as transaction:
        await transaction.execute(
            update(job).where(job.c.id == job_id).values(state="failed", error="a reason")
        )
    return job_id


async def test_list_and_show_tell_what_happened_but_no_payload(platform: Platform, call: Call) -> None:
    job_id = await _failed(platform)
    other = await enqueue(platform, HEAVY_NOTE, Note(file=Path("other")))
    listed = await call("list", "--state", "failed", "--queue", "action-export", "--json")
    assert [(row["id"], row["state"], row["error"]) for row in orjson.loads(listed.stdout)] == [
        (str(job_id), "failed", "a reason")
    ]
    assert {row["id"] for row in orjson.loads((await call("list", "--json")).stdout)} == {
        str(job_id),
        str(other),
    }
    assert "heavy-note" in (await call("list")).stdout
    shown = await call("show", job_id)
    assert "a reason" in shown.stdout
    assert "secret-file" not in shown.stdout
    assert orjson.loads((await call("show", job_id, "--json")).stdout)["id"] == str(job_id)


async def test_a_failed_job_is_queued_again_and_a_waiting_one_cancelled(
    platform: Platform, call: Call
) -> None:
    job_id = await _failed(platform)
    assert (await call("requeue", job_id)).exit_code == 0
    assert platform.jobs.transport.queue("action-export").get_job_ids() == [str(job_id)]
    assert (await call("cancel", job_id)).exit_code == 0
    assert (await row_of(platform, job_id))["state"] == "cancelled"


async def test_what_is_not_possible_has_exit_code_1_and_a_reason(platform: Platform, call: Call) -> None:
    for command in ("show", "cancel", "requeue"):
        answer = await call(command, uuid4())
        assert answer.exit_code == 1
        assert answer.stderr
    blanked = await _failed(platform, SECRET_NOTE)
    async with platform.database.transaction() as transaction:
        await transaction.execute(update(job).where(job.c.id == blanked).values(payload=None))
    assert (await call("requeue", blanked)).exit_code == 1
    assert (await call("cancel", "no-uuid")).exit_code == 2
    assert (await call("list", "--state", "unheard-of")).exit_code == 2
