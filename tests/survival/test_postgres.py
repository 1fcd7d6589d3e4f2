"""PostgreSQL goes away and comes back; the core stays, tells the truth meanwhile, and goes on."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from graasp.db.database import open_database
from graasp.db.migrations import migrate
from graasp.embedded.postgres import EmbeddedPostgres, run_postgres
from graasp.settings import Settings
from tests.cores import Core, running_core
from tests.factories import Factory
from tests.worker.workers import until

Cookie = Callable[[UUID], dict[str, str]]

UNAVAILABLE = {
    "name": "SERVICE_UNAVAILABLE",
    "code": "GERR503",
    "message": "SERVICE_UNAVAILABLE",
    "statusCode": 503,
    "origin": "core",
}


@pytest.fixture(scope="module")
def postgres(service_folder: Path) -> Iterator[EmbeddedPostgres]:
    with run_postgres(service_folder / "postgres-of-survivors") as server:
        migrate(server.url)
        yield server


@pytest.fixture
def own_settings(
    make_settings: Callable[..., Settings], postgres: EmbeddedPostgres, clean_services: None
) -> Settings:
    return make_settings(db_connection=postgres.url)


@pytest.fixture
def core(own_settings: Settings, tmp_path: Path) -> Iterator[Core]:
    with running_core(own_settings, tmp_path / "core.log") as core:
        yield core


@pytest.fixture
async def browser(
    core: Core, postgres: EmbeddedPostgres, cookie_for: Cookie
) -> AsyncIterator[httpx.AsyncClient]:
    """A signed-in member's."""
    async with open_database(postgres.url, pool_size=1) as database:
        number = next(_members)
        member = await Factory(database).member(email=f"survivor{number}@example.org")
    async with httpx.AsyncClient(base_url=core.url, headers=cookie_for(member["id"]), timeout=20) as opened:
        yield opened


_members = itertools.count()


@dataclass
class Answers:
    """What came back, by what was asked for."""

    created: list[str] = field(default_factory=list)
    refused: list[httpx.Response] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    reads: int = 0


async def keep_asking(
    browser: httpx.AsyncClient, visitor: str, answers: Answers, enough: asyncio.Event
) -> None:
    for number in itertools.count():
        if enough.is_set():
            return
        name = f"{visitor}-{number}"
        for answer in (
            await browser.get("/api/members/current"),
            await browser.post("/api/items/folders", json={"name": name}),
        ):
            if answer.status_code == 503:
                answers.refused.append(answer)
            elif answer.status_code != 200:
                answers.others.append(f"{answer.status_code} {answer.text}")
            elif answer.request.method == "POST":
                answers.created.append(name)
            else:
                answers.reads += 1
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("ending", ["stopped", "killed"])
async def test_a_restart_is_survived_without_one(
    postgres: EmbeddedPostgres, core: Core, browser: httpx.AsyncClient, ending: str
) -> None:
    answers, enough = Answers(), asyncio.Event()
    visitors = [asyncio.create_task(keep_asking(browser, f"{ending}-{n}", answers, enough)) for n in range(8)]
    await until(lambda: len(answers.created) > 20)
    await asyncio.to_thread(postgres.program.stop if ending == "stopped" else postgres.program.kill)
    await until(lambda: len(answers.refused) > 20)
    await asyncio.to_thread(_start, postgres)
    before = len(answers.created), answers.reads
    await until(lambda: len(answers.created) > before[0] + 50 and answers.reads > before[1] + 50)
    enough.set()
    await asyncio.gather(*visitors)
    assert answers.others == [], core.log.read_text()
    for refused in answers.refused:
        assert refused.json() == UNAVAILABLE
        assert int(refused.headers["retry-after"]) > 0
    assert core.is_alive
    # What was confirmed is there, once; nothing is there twice.
    stored = await _names(postgres.url)
    assert len(stored) == len(set(stored))
    assert set(answers.created) <= set(stored)


async def test_requests_in_flight_are_told_to_come_back(
    postgres: EmbeddedPostgres, core: Core, browser: httpx.AsyncClient
) -> None:
    lock = await asyncpg.connect(postgres.url)
    await lock.execute("begin; lock table item_membership in access exclusive mode")
    in_flight = [
        asyncio.create_task(browser.get("/api/items/accessible")),
        asyncio.create_task(browser.post("/api/items/folders", json={"name": "in flight"})),
    ]
    watch = await asyncpg.connect(postgres.url)
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"

    async def both_wait() -> bool:
        return bool(await watch.fetchval(waiting) == len(in_flight))

    await until(both_wait)
    assert postgres.program.process is not None
    postgres.program.process.send_signal(signal.SIGQUIT)
    await asyncio.to_thread(postgres.program.process.wait, 20)
    for answer in await asyncio.gather(*in_flight):
        assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
    await asyncio.to_thread(_start, postgres)
    assert (await browser.get("/api/items/accessible")).status_code == 200
    assert "in flight" not in await _names(postgres.url)
    assert core.is_alive


async def test_what_needs_no_database_answers_without_one(
    postgres: EmbeddedPostgres, core: Core, browser: httpx.AsyncClient
) -> None:
    await asyncio.to_thread(postgres.program.stop)
    try:
        assert (await browser.get("/health")).text == "OK"
        assert (await browser.get("/api/version")).status_code == 200
        status = await browser.get("/api/status")
        assert status.status_code == 200
        assert status.json()["api"]["status"] == "healthy"
        assert status.json()["database"] == {
            "status": "not-reachable",
            "isHealthy": "❌",
            "message": "Service Unreachable",
        }
        assert (await browser.get("/ready")).status_code == 503
    finally:
        await asyncio.to_thread(_start, postgres)
    assert (await browser.get("/ready")).status_code == 200


def _start(postgres: EmbeddedPostgres) -> None:
    postgres.program.start()
    postgres.program.wait_until_ready()


async def _names(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows: list[Any] = await connection.fetch("select name from item")
    await connection.close()
    return [row["name"] for row in rows]
