"""`graasp smoke-test`: what operators run before they let people in."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from graasp.accounts.service import ensure_smoke_tester
from graasp.accounts.tables import account
from graasp.auth.gates import SMOKE_TEST_ACCOUNT
from graasp.platform import Platform
from graasp.settings import Settings
from tests.command_line import Ended, run_graasp
from tests.cores import running_core
from tests.worker.workers import environment, working

Cookie = Callable[..., dict[str, str]]


def _signs(ended: Ended) -> list[str]:
    return [line.partition(":")[0] for line in ended.output.splitlines()]


@pytest.fixture
def production(make_settings: Callable[..., Settings], clean_services: None) -> Settings:
    return make_settings(node_env="production", app_version="v9.9.9")


async def test_an_installation_that_works_passes_without_a_password_or_a_captcha(
    production: Settings, platform: Platform, tmp_path: Path
) -> None:
    with (
        (tmp_path / "worker.log").open("wb") as log,
        running_core(production, tmp_path / "core.log") as core,
        working(production, output=log),
    ):
        for _ in range(2):
            ended = await run_graasp(
                *(tmp_path, "smoke-test", "--url", core.url, "--version", "v9.9.9"), **environment(production)
            )
            assert ended.code == 0, ended.output + ended.errors
            assert _signs(ended) == ["✓ health", "✓ version", "✓ status", "✓ session", "✓ job"]
    assert "session made for a smoke test" in ended.errors
    assert [key async for key in platform.storage.list("smoke-test")] == []


async def test_another_version_than_the_wanted_one_does_not_pass(
    production: Settings, tmp_path: Path
) -> None:
    with running_core(production, tmp_path / "core.log") as core:
        ended = await run_graasp(
            *(tmp_path, "smoke-test", "--url", core.url, "--version", "v9.9.8"), **environment(production)
        )
    assert ended.code == 1
    assert _signs(ended) == ["✓ health", "✗ version"]
    assert "not v9.9.8" in ended.output


async def test_a_core_that_does_not_answer_does_not_pass(production: Settings, tmp_path: Path) -> None:
    with running_core(production, tmp_path / "core.log") as core:
        pass
    ended = await run_graasp(tmp_path, "smoke-test", "--url", core.url, **environment(production))
    assert (ended.code, _signs(ended)) == (1, ["✗ health"])
    assert core.url in ended.output


async def test_the_account_of_smoke_tests_asks_who_it_is_and_does_nothing_else(
    client: httpx.AsyncClient, platform: Platform, cookie_for: Cookie
) -> None:
    async with platform.unit_of_work() as uow:
        await ensure_smoke_tester(uow)
        await ensure_smoke_tester(uow)
    headers = cookie_for(SMOKE_TEST_ACCOUNT)
    itself = await client.get("/api/members/current", headers=headers)
    assert itself.json()["id"] == str(SMOKE_TEST_ACCOUNT)
    for method, path, body in (
        ("DELETE", "/api/members/current", None),
        ("PATCH", "/api/members/current", {"name": "Somebody"}),
        ("GET", "/api/members/current/settings", None),
        ("GET", "/api/items/accessible?page=1", None),
        ("POST", "/api/items", {"name": "A", "type": "folder"}),
    ):
        answer = await client.request(method, path, headers=headers, json=body)
        assert answer.status_code == 401, (method, path, answer.text)
    assert await platform.reads.scalar(select(account.c.name).where(account.c.id == SMOKE_TEST_ACCOUNT))
