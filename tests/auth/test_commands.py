"""`graasp session`: a cookie for an account, on the command line."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import httpx
import orjson
import pytest

from graasp.http.session_cookie import COOKIE
from graasp.platform import Platform
from graasp.settings import Settings
from tests.command_line import Ended, run_graasp
from tests.factories import Factory
from tests.worker.workers import environment

Call = Callable[..., Awaitable[Ended]]


@pytest.fixture
def call(make_settings: Callable[..., Settings], platform: Platform, tmp_path: Path) -> Call:
    async def run(*arguments: object, **settings: object) -> Ended:
        return await run_graasp(tmp_path, "session", *arguments, **environment(make_settings(**settings)))

    return run


async def test_the_cookie_signs_the_account_in(
    call: Call, client: httpx.AsyncClient, factory: Factory
) -> None:
    member = await factory.member()
    for made in await asyncio.gather(call(member["id"]), call(member["email"].upper())):
        assert made.code == 0, made.errors
        assert made.output.count("\n") == 1
        cookie = {"Cookie": f"{COOKIE}={made.output.strip()}"}
        answer = await client.get("/api/members/current", headers=cookie)
        assert answer.json()["id"] == str(member["id"])


async def test_real_installations_need_an_explicit_word_and_log_an_audit_event(
    call: Call, factory: Factory
) -> None:
    member = await factory.member()
    production, staging, meant = await asyncio.gather(
        call(member["id"], node_env="production"),
        call(member["id"], node_env="staging"),
        call(member["id"], "--allow-production", node_env="production"),
    )
    for refused in (production, staging):
        assert (refused.code, refused.output) == (2, "")
        assert "--allow-production" in refused.errors
    assert meant.code == 0
    event = orjson.loads(meant.errors)
    assert (event["log"], event["event"]) == ("audit", "session made on the command line")
    assert event["account_id"] == str(member["id"])
    assert meant.output.strip() not in meant.errors


async def test_an_unknown_account_exits_with_1(call: Call) -> None:
    names = (uuid4(), "nobody@example.org", "no account at all")
    for name, unknown in zip(names, await asyncio.gather(*map(call, names)), strict=True):
        assert (unknown.code, unknown.output) == (1, "")
        assert str(name) in unknown.errors
