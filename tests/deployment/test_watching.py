"""The state reaches every core, and what the cores still do comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
import redis
from fastapi import FastAPI
from sqlalchemy import insert

from graasp.app import create_app
from graasp.deployment import announcement
from graasp.deployment.announcement import CHANNEL, STATE_KEY, announce, announced, in_flight
from graasp.deployment.driver import InFlight, StepFailed
from graasp.deployment.states import State
from graasp.embedded.process import free_port
from graasp.maintenance.tables import maintenance
from graasp.platform import Platform
from graasp.settings import Settings
from tests.cores import Core, running_core
from tests.deployment.visitors import SECRET, HeldRequest
from tests.factories import Factory
from tests.notifications.sockets import socket
from tests.proxies import Proxy, proxy_to
from tests.worker.workers import until

Cookie = Callable[[UUID], dict[str, str]]

_CLOSED = [State.RESTRICTED, State.DB_ONLY, State.STOPPED]
# A loaded machine may be late; whoever only looked now and then would take longer still.
_SOON_S = 5.0


@pytest.fixture
def core_settings(make_settings: Callable[..., Settings]) -> Settings:
    [(name, secret)] = SECRET.items()
    return make_settings(maintenance_header_name=name, maintenance_header_secret=secret)


@pytest.fixture
def cores(core_settings: Settings, clean_services: None, tmp_path: Path) -> Iterator[list[Core]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(running_core(core_settings, tmp_path / f"core-{number}.log"))
            for number in range(2)
        ]


async def _status(core: Core, headers: dict[str, str] | None = None) -> int:
    async with httpx.AsyncClient(timeout=10) as client:
        return (await client.get(f"{core.url}/api/maintenance/next", headers=headers)).status_code


async def _become(cores: list[Core], status: int) -> None:
    async with asyncio.timeout(_SOON_S):
        for core in cores:
            while await _status(core) != status:
                await asyncio.sleep(0.02)


async def test_every_process_closes_and_opens_and_tells_what_it_still_does(
    cores: list[Core],
    core_settings: Settings,
    factory: Factory,
    cookie_for: Cookie,
    tmp_path: Path,
) -> None:
    url = core_settings.redis_connection
    headers = cookie_for((await factory.member())["id"])
    assert await asyncio.to_thread(in_flight, url) is None
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(socket(core.url, headers)) for core in cores]
        tester = await stack.enter_async_context(socket(cores[0].url, headers | SECRET))
        requests = [await HeldRequest.begin(core.url, "/api/login", {}) for core in cores]
        ours = await HeldRequest.begin(cores[0].url, "/api/login", SECRET)
        # The requests are in: what is asked later is answered.
        assert [await _status(core) for core in cores] == [200, 200]

        await asyncio.to_thread(announce, url, State.RESTRICTED)
        first = await asyncio.to_thread(in_flight, url)
        assert first is not None
        assert first.requests == 2
        await _become(cores, 503)
        assert [await _status(core, headers | SECRET) for core in cores] == [200, 200]
        for opened in sockets:
            await asyncio.wait_for(opened.connection.wait_closed(), _SOON_S)
            assert opened.connection.close_code == 1012
        assert await tester.hears_nothing()
        await until(lambda: _is_in_flight(url, InFlight(2, 0)))

        for request in requests:
            assert b" 400 " in await request.end()
        await until(lambda: _is_in_flight(url, InFlight(0, 0)))
        assert b" 400 " in await ours.end()

    # One that starts now has never been open.
    with running_core(core_settings, tmp_path / "late.log") as late:
        assert await _status(late) == 503
    # It has ended, and nobody waits for it.
    assert await asyncio.to_thread(in_flight, url) == InFlight(0, 0)

    await asyncio.to_thread(announce, url, State.RUNNING)
    await _become(cores, 200)
    assert await asyncio.to_thread(in_flight, url) is None


async def _is_in_flight(url: str, expected: InFlight) -> bool:
    return await asyncio.to_thread(in_flight, url) == expected


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    port = urlsplit(redis_url).port
    assert port is not None
    async with proxy_to(port) as opened:
        yield opened


@pytest.fixture
def settings(make_settings: Callable[..., Settings], redis_url: str, proxy: Proxy) -> Settings:
    """The server of this process reaches Redis through the proxy."""
    return make_settings(redis_connection=f"redis://:{urlsplit(redis_url).password}@127.0.0.1:{proxy.port}/0")


async def _said(redis_url: str, state: State) -> None:
    await asyncio.to_thread(announce, redis_url, state)


@pytest.mark.parametrize("state", _CLOSED)
async def test_only_running_is_open(app: FastAPI, redis_url: str, state: State) -> None:
    assert app.state.door.is_open
    await _said(redis_url, state)
    await until(lambda: not app.state.door.is_open)
    await _said(redis_url, State.RUNNING)
    await until(lambda: app.state.door.is_open)


async def test_an_announcement_that_was_not_heard_is_seen(app: FastAPI, redis_url: str) -> None:
    with redis.from_url(redis_url) as client:
        await until(lambda: client.pubsub_numsub(CHANNEL)[0][1] == 1)
        client.set(STATE_KEY, announcement.Announcement(State.RESTRICTED, datetime.now(UTC)).encode())
    await until(lambda: not app.state.door.is_open)


async def test_without_redis_the_last_state_holds_and_an_empty_one_is_told(
    app: FastAPI, client: httpx.AsyncClient, redis_url: str, proxy: Proxy, settings: Settings
) -> None:
    await _said(redis_url, State.RESTRICTED)
    await until(lambda: not app.state.door.is_open)
    proxy.close()
    await asyncio.sleep(1.5)
    assert (await client.get("/api/maintenance/next")).status_code == 503

    # It comes back, and has kept nothing. A core that starts now learns the state from the others.
    with redis.from_url(redis_url) as connection:
        connection.flushall()
    await proxy.open()
    await until(lambda: announced(redis_url) is not None)
    late = create_app(settings)
    async with late.router.lifespan_context(late):
        assert not late.state.door.is_open
        assert not app.state.door.is_open
        await _said(redis_url, State.RUNNING)
        await until(lambda: late.state.door.is_open and app.state.door.is_open)


async def test_a_redis_that_is_away_or_slow_keeps_no_core_from_starting(
    settings: Settings, clean_services: None, proxy: Proxy
) -> None:
    for fail in (proxy.close, proxy.stall):
        fail()
        late = create_app(settings)
        async with late.router.lifespan_context(late):
            assert late.state.door.is_open
        await proxy.open() if fail == proxy.close else proxy.resume()


@pytest.mark.parametrize("failure", ["break_off", "strand", "close"])
async def test_connections_that_were_lost_are_made_again(
    app: FastAPI, redis_url: str, proxy: Proxy, failure: str
) -> None:
    await _said(redis_url, State.RESTRICTED)
    await until(lambda: not app.state.door.is_open)
    getattr(proxy, failure)()
    await _said(redis_url, State.RUNNING)
    if failure == "close":
        await asyncio.sleep(1)
        assert not app.state.door.is_open
        await proxy.open()
    await until(lambda: app.state.door.is_open)


async def test_what_is_no_announcement_changes_nothing(app: FastAPI, redis_url: str) -> None:
    await _said(redis_url, State.RESTRICTED)
    await until(lambda: not app.state.door.is_open)
    with redis.from_url(redis_url) as client:
        for raw in (
            "running",
            "{}",
            '{"state": "open", "since": "2030-01-01T00:00:00+00:00"}',
            "[]",
            b"\xff",
        ):
            client.set(STATE_KEY, raw)
            await asyncio.sleep(0.6)
            assert not app.state.door.is_open, raw
            assert await asyncio.to_thread(announced, redis_url) is None
    await _said(redis_url, State.RUNNING)
    await until(lambda: app.state.door.is_open)


async def test_the_end_that_was_announced_is_known_while_the_door_is_closed(
    app: FastAPI, platform: Platform, redis_url: str
) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    await _announce_end(platform, end)
    assert app.state.door.ends_at is None
    for state in (State.RESTRICTED, State.RUNNING, State.RESTRICTED):
        await _said(redis_url, state)
        expected = end if state == State.RESTRICTED else None
        await until(lambda expected=expected: app.state.door.ends_at == expected)


async def test_people_are_told_while_the_database_is_away(
    make_settings: Callable[..., Settings],
    database_url: str,
    redis_url: str,
    platform: Platform,
) -> None:
    port = urlsplit(database_url).port
    assert port is not None
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(proxy_to(port))
        app = create_app(
            make_settings(
                db_connection=database_url.replace(f":{port}/", f":{database.port}/"),
                cors_origin_regex=r"^http://client\.test$",
            )
        )
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app=app)
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://core")
        )
        database.close()
        await _said(redis_url, State.RESTRICTED)
        await until(lambda: not app.state.door.is_open)
        page = await client.get("/home", headers={"Accept": "text/html"})
        assert (page.status_code, "Graasp is under maintenance" in page.text) == (503, True)
        for origin in ("http://client.test", "http://app.test"):
            for path in ("/api/items/search", "/api/app-items/1/app-data"):
                error = await client.get(path, headers={"Origin": origin})
                assert error.json()["data"] == {"reason": "maintenance", "endAt": None}
        assert (await client.get("/health")).status_code == 200

        # It is back when the door is closed the next time.
        await database.open()
        await _announce_end(platform, datetime.now(UTC) + timedelta(hours=1))
        for state in (State.RUNNING, State.DB_ONLY):
            await _said(redis_url, state)
            await until(lambda state=state: app.state.door.is_open == (state == State.RUNNING))
        await until(lambda: app.state.door.ends_at is not None)


async def _announce_end(platform: Platform, end: datetime) -> None:
    row = {"slug": "now", "start_at": datetime.now(UTC) - timedelta(hours=1), "end_at": end}
    async with platform.unit_of_work() as uow:
        await uow.execute(insert(maintenance).values(row))


def test_announcing_again_changes_nothing(redis_url: str, clean_services: None) -> None:
    assert announced(redis_url) is None
    announce(redis_url, State.RESTRICTED)
    first = announced(redis_url)
    announce(redis_url, State.RESTRICTED)
    assert announced(redis_url) == first
    announce(redis_url, State.DB_ONLY)
    second = announced(redis_url)
    assert first is not None
    assert second is not None
    assert (second.state, second.since > first.since) == (State.DB_ONLY, True)


def test_nobody_is_in_flight_where_no_core_is(redis_url: str, clean_services: None) -> None:
    assert in_flight(redis_url) is None
    announce(redis_url, State.RESTRICTED)
    assert in_flight(redis_url) is None


def test_a_core_that_is_too_busy_to_report_is_waited_for(redis_url: str, clean_services: None) -> None:
    announce(redis_url, State.RESTRICTED)
    with redis.from_url(redis_url) as client, client.pubsub() as silent:
        silent.subscribe(CHANNEL)
        began = time.monotonic()
        assert in_flight(redis_url) == InFlight(requests=1, websockets=0)
        assert time.monotonic() - began > 1


def test_what_was_reported_under_an_earlier_announcement_does_not_count(
    redis_url: str, clean_services: None
) -> None:
    announce(redis_url, State.RESTRICTED)
    with redis.from_url(redis_url) as client:
        client.sadd(announcement.REPORTERS_KEY, "old")
        old = announcement.Report(datetime.now(UTC) - timedelta(hours=1), 5, 5)
        client.set(announcement.report_key("old"), old.encode())
    assert in_flight(redis_url) is None


def test_a_redis_that_is_away_is_said_without_its_password() -> None:
    nowhere = f"redis://:hidden@127.0.0.1:{free_port()}/0"
    calls: list[Callable[[], Any]] = [
        lambda: announce(nowhere, State.RESTRICTED),
        lambda: announced(nowhere),
        lambda: in_flight(nowhere),
    ]
    for call in calls:
        with pytest.raises(StepFailed, match="Is it running") as failed:
            call()
        assert "hidden" not in str(failed.value)
