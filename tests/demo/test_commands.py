"""`graasp seed`, on a real database."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from graasp.actions.tables import action
from graasp.auth.passwords import matches
from graasp.auth.tables import member_password
from graasp.demo.commands import seed_commands
from graasp.demo.course import build_course
from graasp.demo.people import PASSWORD, people
from graasp.platform import Platform
from graasp.settings import Settings
from tests.worker.workers import environment

Cookie = Callable[[UUID], dict[str, str]]
Seed = Callable[..., "asyncio.Future[Result]"]


@pytest.fixture
def seed(make_settings: Callable[..., Settings], platform: Platform) -> Seed:
    def run(*arguments: str, node_env: str = "development") -> "asyncio.Future[Result]":
        variables = environment(make_settings(node_env=node_env))
        return asyncio.ensure_future(
            asyncio.to_thread(CliRunner().invoke, seed_commands, arguments, env=variables)
        )

    return run


async def test_the_course_is_what_each_of_its_people_sees(
    seed: Seed, client: httpx.AsyncClient, platform: Platform, cookie_for: Cookie
) -> None:
    made = await seed("demo")
    assert made.exit_code == 0
    assert "33 people" in made.stdout
    course = build_course()
    owner, _, _, learner = people()[:4]
    seen = {}
    for person in (owner, learner):
        headers = cookie_for(person.id)
        [found] = (await client.get("/api/items/accessible", headers=headers)).json()["data"]
        assert (found["id"], found["name"]) == (str(course.id), "How light travels")
        below = (await client.get(f"/api/items/{course.id}/descendants", headers=headers)).json()
        seen[person.code] = {item["name"] for item in below}
    everything = {node.name for node in course.walk()} - {course.name}
    assert seen["t1"] == everything
    assert seen["l1"] == everything - {"For teachers", "Lesson plan", "Solutions.txt"}
    stored = select(member_password.c.password).where(member_password.c.member_id == learner.id)
    assert await matches(PASSWORD, await platform.reads.scalar(stored))
    file = next(node for node in course.walk() if node.type == "file")
    link = await client.get(f"/api/items/{file.id}/download?replyUrl=true", headers=cookie_for(learner.id))
    content = await client.get(httpx.URL(link.text).raw_path.decode())
    assert content.text == file.values["content"]


async def test_a_second_time_adds_nothing(seed: Seed, platform: Platform) -> None:
    await seed("demo")
    before = await platform.reads.scalar(select(func.count()).select_from(action))
    again = await seed("demo")
    assert (again.exit_code, again.stdout) == (0, "the demo course was there already\n")
    assert await platform.reads.scalar(select(func.count()).select_from(action)) == before > 2000


async def test_accounts_with_a_known_password_are_for_development_only(
    seed: Seed, platform: Platform
) -> None:
    for mode in ("production", "staging", "test"):
        refused = await seed("demo", node_env=mode)
        assert refused.exit_code == 1
        assert "NODE_ENV=development" in refused.stderr
    assert await platform.reads.scalar(select(func.count()).select_from(action)) == 0


async def test_the_benchmark_data_wants_a_database_of_its_own(
    seed: Seed, factory: object, platform: Platform
) -> None:
    await seed("demo")
    refused = await seed("bench")
    assert refused.exit_code == 1
    assert "not empty" in refused.stderr
