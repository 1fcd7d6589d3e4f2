"""Redis goes away, or takes its time; people notice as little as possible, and nothing that was accepted is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select

from graasp.auth.tokens import reset_token
from graasp.embedded.redis_server import EmbeddedRedis, run_redis
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from tests.cores import Core, running_core
from tests.factories import Factory, Row
from tests.notifications.sockets import socket
from tests.proxies import Proxy, proxy_to
from tests.worker.workers import until, working

Cookie = Callable[[UUID], dict[str, str]]

# Nobody waits longer for an answer, and only one in a few seconds waits at all.
_LONGEST_S = 4.0
_LONGEST_OF_TWENTY_S = 8.0


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with run_redis(tmp_path / "redis", options=("appendonly no",)) as server:
        yield server


@pytest.fixture
async def proxy(own_redis: EmbeddedRedis) -> AsyncIterator[Proxy]:
    port = urlsplit(own_redis.url).port
    assert port is not None
    async with proxy_to(port) as opened:
        yield opened


@pytest.fixture
def own_settings(make_settings: Callable[..., Settings], own_redis: EmbeddedRedis, proxy: Proxy) -> Settings:
    """Captchas are not verified in development."""
    url = f"redis://:{urlsplit(own_redis.url).password}@127.0.0.1:{proxy.port}/0"
    return make_settings(redis_connection=url, node_env="development", rate_limits=True, job_poll_seconds=0.1)


@pytest.fixture
def core(own_settings: Settings, clean_services: None, tmp_path: Path) -> Iterator[Core]:
    with running_core(own_settings, tmp_path / "core.log") as core:
        yield core


@pytest.fixture
async def browser(core: Core) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=core.url, timeout=20) as opened:
        yield opened


async def _stop(redis: EmbeddedRedis, _: Proxy) -> None:
    await asyncio.to_thread(redis.program.kill)


async def _restart_empty(redis: EmbeddedRedis, _: Proxy) -> None:
    redis.program.start()
    await asyncio.to_thread(redis.program.wait_until_ready)


async def _stall(_: EmbeddedRedis, proxy: Proxy) -> None:
    proxy.stall()


async def _resume(_: EmbeddedRedis, proxy: Proxy) -> None:
    proxy.resume()


@pytest.mark.parametrize(
    ("fail", "recover"), [(_stop, _restart_empty), (_stall, _resume)], ids=["stopped", "slow"]
)
async def test_people_go_on_working_and_accepted_jobs_are_done_once(
    own_redis: EmbeddedRedis,
    own_settings: Settings,
    proxy: Proxy,
    core: Core,
    browser: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    cookie_for: Cookie,
    mails: list[EmailMessage],
    fail: Callable[[EmbeddedRedis, Proxy], Any],
    recover: Callable[[EmbeddedRedis, Proxy], Any],
) -> None:
    member, other = await factory.member(), await factory.member()
    headers = cookie_for(member["id"])
    folder = await factory.owned_item(member)
    file = await _stored_file(factory, platform, member)
    async with socket(core.url, headers) as listener:
        await listener.subscribe("memberships/item", folder["id"])
        assert (await browser.get("/api/members/current", headers=headers)).status_code == 200
        await fail(own_redis, proxy)

        # What needs no Redis.
        for status, method, path, body in (
            (200, "GET", "/api/members/current", None),
            (204, "PATCH", "/api/members/current", {"name": "Renamed"}),
            (200, "POST", "/api/items/folders", {"name": "made meanwhile"}),
            # The cache of links is passed by.
            (200, "GET", f"/api/items/{file['id']}/download", None),
            # A mail and a message to websockets follow: nobody waits for them.
            (
                204,
                "POST",
                f"/api/items/{folder['id']}/memberships",
                {"accountId": str(other["id"]), "permission": "read"},
            ),
        ):
            answer, seconds = await _timed(browser.request(method, path, json=body, headers=headers))
            assert answer.status_code == status, f"{method} {path}: {answer.text}"
            assert seconds < _LONGEST_S, f"{method} {path}"

        # Tries are counted in the process.
        logins = [
            await _timed(browser.post("/api/login", json={"email": other["email"], "captcha": "x"}))
            for _ in range(7)
        ]
        assert [answer.status_code for answer, _ in logins] == [204] * 5 + [429] * 2
        assert int(logins[-1][0].headers["retry-after"]) > 0
        assert max(seconds for _, seconds in logins) < _LONGEST_S

        # What can't be done without it is said.
        token = reset_token(own_settings, uuid4())
        answer, seconds = await _timed(
            browser.patch(
                "/api/password/reset",
                json={"password": "Passw0rdPassw0rd"},
                headers={"Authorization": f"Bearer {token}"},
            )
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "GERR503")
        assert "retry-after" in answer.headers
        assert seconds < _LONGEST_S

        started = time.monotonic()
        answers = [await browser.get(f"/api/items/{file['id']}/download", headers=headers) for _ in range(20)]
        assert {answer.status_code for answer in answers} == {200}
        assert time.monotonic() - started < _LONGEST_OF_TWENTY_S

        await recover(own_redis, proxy)
        with working(own_settings) as worker:
            await until(lambda: _all_succeeded(platform))
            # Not in this thread: the proxy is here.
            worker.terminate()
            await asyncio.to_thread(worker.wait, 30)
        assert sorted(str(mail["To"]) for mail in mails) == [other["email"]] * 6

        # Websockets get what is published from now on, without a new connection.
        async def hears_again() -> bool:
            body = {"accountId": str((await factory.member())["id"]), "permission": "read"}
            await browser.post(f"/api/items/{folder['id']}/memberships", json=body, headers=headers)
            try:
                async with asyncio.timeout(0.5):
                    await listener.connection.recv()
            except TimeoutError:
                return False
            return True

        await until(hears_again)
    assert core.is_alive


async def test_a_core_starts_without_redis(
    own_redis: EmbeddedRedis, own_settings: Settings, factory: Factory, cookie_for: Cookie, tmp_path: Path
) -> None:
    member = await factory.member()
    await asyncio.to_thread(own_redis.program.kill)
    with running_core(own_settings, tmp_path / "core.log") as core:
        async with httpx.AsyncClient(base_url=core.url, headers=cookie_for(member["id"])) as browser:
            assert (await browser.get("/api/members/current")).status_code == 200


async def _timed(request: Any) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    return await request, time.monotonic() - started


async def _all_succeeded(platform: Platform) -> bool:
    states = await platform.reads.all(select(job.c.state, func.count()).group_by(job.c.state))
    return [row["state"] for row in states] == ["succeeded"]


async def _stored_file(factory: Factory, platform: Platform, owner: Row) -> Row:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"content"

    await platform.storage.put("files/one", chunks(), content_type="text/plain", metadata={})
    extra = {
        "file": {"name": "a.txt", "path": "files/one", "mimetype": "text/plain", "size": 7, "content": ""}
    }
    return await factory.owned_item(owner, type="file", extra=extra)
