"""The sockets of this process and what they listen to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import redis.asyncio
import structlog
from redis.exceptions import RedisError

from graasp.background import in_background
from graasp.realtime.publisher import UPDATES_CHANNEL

log = structlog.get_logger(__name__)

_QUEUED_MESSAGES = 256
_RECONNECT_S = 1.0
_BROADCAST = "broadcast"
_ENVELOPE = {"realm", "channel", "data"}


class Subscriber:
    """One socket: its channels, and the messages it has not taken yet."""

    def __init__(self) -> None:
        self.channels: set[str] = set()
        self.queue: asyncio.Queue[str] = asyncio.Queue(_QUEUED_MESSAGES)
        # Set when messages come faster than the socket takes them.
        self.too_slow = asyncio.Event()

    def offer(self, message: str) -> None:
        """Queue a message; nobody waits for a socket that does not keep up."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.too_slow.set()


class Hub:
    """Who listens to what, in this process."""

    def __init__(self) -> None:
        self._subscribers: set[Subscriber] = set()
        self._channels: dict[str, set[Subscriber]] = {}

    def join(self) -> Subscriber:
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        for channel in list(subscriber.channels):
            self.unsubscribe(subscriber, channel)

    def subscribe(self, subscriber: Subscriber, channel: str) -> None:
        """Does nothing for a socket that left meanwhile."""
        if subscriber in self._subscribers:
            subscriber.channels.add(channel)
            self._channels.setdefault(channel, set()).add(subscriber)

    def unsubscribe(self, subscriber: Subscriber, channel: str) -> bool:
        """Whether the socket was subscribed."""
        if channel not in subscriber.channels:
            return False
        subscriber.channels.discard(channel)
        listeners = self._channels[channel]
        listeners.discard(subscriber)
        if not listeners:
            del self._channels[channel]
        return True

    def deliver(self, channel: str, message: str) -> None:
        listeners = self._subscribers if channel == _BROADCAST else self._channels.get(channel, ())
        for subscriber in tuple(listeners):
            subscriber.offer(message)


@asynccontextmanager
async def open_hub(redis_url: str) -> AsyncIterator[Hub]:
    """A hub fed from Redis; it reconnects by itself for as long as it is open."""
    hub = Hub()
    async with in_background(_feed(hub, redis_url)):
        yield hub


async def _feed(hub: Hub, url: str) -> None:
    while True:
        connection = redis.asyncio.from_url(url, socket_connect_timeout=2, health_check_interval=15)
        try:
            async with connection.pubsub(ignore_subscribe_messages=True) as updates:
                await updates.subscribe(UPDATES_CHANNEL)
                async for message in updates.listen():
                    _distribute(hub, message["data"])
        except (RedisError, OSError) as error:
            log.warning("no websocket updates for the moment", reason=str(error))
        finally:
            await connection.aclose()
        await asyncio.sleep(_RECONNECT_S)


def _distribute(hub: Hub, raw: bytes) -> None:
    try:
        envelope = orjson.loads(raw)
        if set(envelope) != _ENVELOPE or envelope["realm"] != "notif":
            raise ValueError("wrong shape")
        channel, data = envelope["channel"], envelope["data"]
    except (ValueError, TypeError) as error:
        log.warning("websocket update dropped", reason=str(error))
        return
    hub.deliver(str(channel), orjson.dumps(data).decode())
