"""Between processes and sockets: everybody is told once, and nobody holds up anybody."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import pytest
import redis.asyncio
import uvicorn
from fastapi import FastAPI

from graasp import server
from graasp.background import in_background
from graasp.embedded.process import free_port
from graasp.platform import Platform
from graasp.realtime import hub as hub_module
from graasp.realtime.hub import Hub, open_hub
from graasp.realtime.publisher import UPDATES_CHANNEL, open_publisher
from graasp.redis_client import redis_client
from graasp.settings import Settings
from tests.cores import running_core
from tests.factories import Factory
from tests.notifications.sockets import socket
from tests.proxies import Proxy, proxy_to
from tests.worker.workers import until

Cookie = Callable[[UUID], dict[str, str]]


async def test_a_message_reaches_the_sockets_of_every_process_once(
    live_server: str,
    platform: Platform,
    settings: Settings,
    factory: Factory,
    cookie_for: Cookie,
    tmp_path: Path,
) -> None:
    member = await factory.member()
    channel = str(member["id"])
    with running_core(settings, tmp_path / "core.log") as core:
        async with AsyncExitStack() as stack:
            sockets = [
                await stack.enter_async_context(socket(url, cookie_for(member["id"])))
                for url in (live_server, live_server, core.url, core.url)
            ]
            for opened in sockets:
                await opened.subscribe("item/member", channel)
            for number in range(50):
                platform.realtime.publish("item/member", channel, {"number": number})
            for opened in sockets:
                bodies = [(await opened.receive())["body"] for _ in range(50)]
                assert bodies == [{"number": number} for number in range(50)]
                assert await opened.hears_nothing()


async def test_a_process_that_is_told_to_stop_closes_its_sockets(
    settings: Settings, factory: Factory, cookie_for: Cookie, tmp_path: Path
) -> None:
    member = await factory.member()
    with running_core(settings, tmp_path / "core.log") as core:
        async with socket(core.url, cookie_for(member["id"])) as opened:
            await opened.subscribe("item/member", member["id"])
            core.process.terminate()
            async with asyncio.timeout(20):
                await opened.connection.wait_closed()
            assert opened.connection.close_code == 1012
        assert await asyncio.to_thread(core.process.wait, 20) in (0, -signal.SIGTERM)


async def test_a_client_that_does_not_read_holds_up_nobody_and_is_let_go(
    live_server: str, app: FastAPI, platform: Platform, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    channel, hub = str(member["id"]), app.state.hub
    async with (
        socket(live_server, cookie_for(member["id"]), max_queue=1, ping_interval=None) as slow,
        socket(live_server, cookie_for(member["id"])) as quick,
    ):
        await slow.subscribe("item/member", channel)
        await quick.subscribe("item/member", channel)
        slow.connection.transport.pause_reading()
        for number in range(400):
            platform.realtime.publish("item/member", channel, {"number": number, "padding": "x" * 60_000})
            assert (await quick.receive())["body"]["number"] == number
        assert await quick.hears_nothing()
        [subscriber] = [each for each in hub._subscribers if each.too_slow.is_set()]
        assert not subscriber._queued
        slow.connection.transport.abort()
        await until(lambda: hub.sockets == 1)


@pytest.mark.skipif(
    sys.platform != "linux", reason="needs a kernel that ends connections whose peer reads nothing"
)
async def test_a_client_that_never_reads_again_is_dropped(
    app: FastAPI, platform: Platform, factory: Factory, cookie_for: Cookie, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_UNREAD_S", 1)
    member = await factory.member()
    config = uvicorn.Config(app, port=free_port(), log_config=None, lifespan="off")
    core = uvicorn.Server(config)
    async with in_background(core.serve([server._listen(config)])):
        await until(lambda: core.started)
        url = f"http://127.0.0.1:{config.port}"
        async with socket(url, cookie_for(member["id"]), max_queue=1, ping_interval=None) as stuck:
            await stuck.subscribe("item/member", member["id"])
            stuck.connection.transport.pause_reading()
            for _ in range(200):
                platform.realtime.publish("item/member", str(member["id"]), {"padding": "x" * 100_000})
            await until(lambda: app.state.hub.sockets == 0)
            stuck.connection.transport.abort()
        core.should_exit = True
        await until(lambda: not core.servers[0].is_serving())


def test_what_waits_for_a_socket_is_bounded_and_one_large_message_passes() -> None:
    hub = Hub()
    takers = {kind: hub.join() for kind in ("many", "large", "huge")}
    for kind, taker in takers.items():
        hub.subscribe(taker, kind)
    for _ in range(hub_module._QUEUED_MESSAGES):
        hub.deliver("many", "x")
    hub.deliver("huge", "x" * 3 * hub_module._QUEUED_CHARACTERS)
    hub.deliver("large", "x" * hub_module._QUEUED_CHARACTERS)
    assert not any(taker.too_slow.is_set() for taker in takers.values())
    for kind, taker in takers.items():
        hub.deliver(kind, "x")
        assert taker.too_slow.is_set()
        assert not taker._queued


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    port = urlsplit(redis_url).port
    assert port is not None
    async with proxy_to(port) as opened:
        yield opened


@pytest.fixture
def proxied_url(redis_url: str, proxy: Proxy) -> str:
    return f"redis://:{urlsplit(redis_url).password}@127.0.0.1:{proxy.port}/0"


@pytest.fixture
async def publisher(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    client = redis_client(redis_url)
    yield client
    await client.aclose()


class Listener:
    """What a subscriber of one channel has heard."""

    def __init__(self, hub: Hub, channel: str) -> None:
        self.subscriber = hub.join()
        hub.subscribe(self.subscriber, channel)

    async def next(self) -> Any:
        async with asyncio.timeout(15):
            return orjson.loads(await self.subscriber.next_message())


def envelope(channel: str, data: Any, **changes: Any) -> bytes:
    return orjson.dumps({"realm": "notif", "channel": channel, "data": data} | changes)


async def hears(listener: Listener, publisher: redis.asyncio.Redis) -> bool:
    """Whether what is published now is heard soon."""
    await publisher.publish(UPDATES_CHANNEL, envelope("topic/channel", "now"))
    try:
        async with asyncio.timeout(0.3):
            while orjson.loads(await listener.subscriber.next_message()) != "now":
                pass
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("failure", ["break_off", "strand", "close"])
async def test_a_hub_that_lost_redis_finds_it_again(
    proxied_url: str,
    proxy: Proxy,
    publisher: redis.asyncio.Redis,
    failure: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "_SILENCE_S", 0.5)
    monkeypatch.setattr(hub_module, "_RECONNECT_S", 0.1)
    async with open_hub(proxied_url) as hub:
        listener = Listener(hub, "topic/channel")
        await until(lambda: hears(listener, publisher))
        if failure == "break_off":
            proxy.break_off()
        elif failure == "close":
            proxy.close()
            await asyncio.sleep(0.5)
            await proxy.open()
        else:
            # The hub has to see by itself that its connection is dead.
            proxy.strand()
        await until(lambda: hears(listener, publisher))


async def test_what_is_no_message_is_dropped_and_nothing_else(
    redis_url: str, publisher: redis.asyncio.Redis
) -> None:
    async with open_hub(redis_url) as hub:
        listener, everybody = Listener(hub, "topic/channel"), Listener(hub, "other/channel")
        await until(lambda: hears(listener, publisher))
        for raw in (
            b"no json",
            b"[]",
            b"\xff",
            envelope("topic/channel", 1, extra=1),
            envelope("topic/channel", 1, realm="other"),
            orjson.dumps({"realm": "notif", "channel": "topic/channel"}),
            envelope(["topic/channel"], 1),  # type: ignore[arg-type]
        ):
            await publisher.publish(UPDATES_CHANNEL, raw)
        await publisher.publish(UPDATES_CHANNEL, envelope("broadcast", "for all"))
        await publisher.publish(UPDATES_CHANNEL, envelope("topic/channel", {"any": ["thing"]}))
        assert await listener.next() == "for all"
        assert await listener.next() == {"any": ["thing"]}
        assert await everybody.next() == "for all"


async def test_publishing_waits_for_nobody_and_keeps_the_order(
    redis_url: str, proxied_url: str, proxy: Proxy
) -> None:
    connection = redis_client(proxied_url)
    async with open_hub(redis_url) as hub, open_publisher(connection) as publisher:
        listener = Listener(hub, "topic/channel")
        await until(lambda: bool(hub._channels) and _is_connected(hub, publisher, listener))
        proxy.stall()
        async with asyncio.timeout(0.5):
            for number in range(3):
                publisher.publish("topic", "channel", {"number": number})
        proxy.resume()
        bodies = [(await listener.next())["body"] for _ in range(3)]
        assert bodies == [{"number": number} for number in range(3)]
    await connection.aclose()


async def _is_connected(hub: Hub, publisher: Any, listener: Listener) -> bool:
    publisher.publish("topic", "channel", {"number": "first"})
    try:
        async with asyncio.timeout(0.3):
            await listener.subscriber.next_message()
    except TimeoutError:
        return False
    return True


async def test_what_was_published_leaves_before_the_process_ends(redis_url: str) -> None:
    async with open_hub(redis_url) as hub:
        listener, connection = Listener(hub, "topic/channel"), redis_client(redis_url)
        await until(lambda: hears(listener, connection))
        async with open_publisher(connection) as publisher:
            for number in range(200):
                publisher.publish("topic", "channel", {"number": number})
        async with asyncio.timeout(10):
            for number in range(200):
                assert (await listener.next())["body"] == {"number": number}
        await connection.aclose()
