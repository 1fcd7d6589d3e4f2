"""The sockets of this process and what they listen to."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import redis.asyncio
import structlog
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from graasp.background import in_background
from graasp.realtime.publisher import UPDATES_CHANNEL

log = structlog.get_logger(__name__)

_QUEUED_MESSAGES = 256
# One message may be longer, whatever it takes: the feedback of a job on a large tree.
_QUEUED_CHARACTERS = 4 * 1024 * 1024
_RECONNECT_S = 1.0
_CONNECT_TIMEOUT_S = 2.0
# A connection that is silent for so long is asked whether it lives, and given up when it does not answer.
_SILENCE_S = 10.0
_BROADCAST = "broadcast"
_ENVELOPE = {"realm", "channel", "data"}


class Subscriber:
    """One socket: its channels, and the messages it has not taken yet."""

    def __init__(self) -> None:
        self.channels: set[str] = set()
        # Set when messages come faster than the socket takes them; nothing more is kept for it then.
        self.too_slow = asyncio.Event()
        self._queued: deque[str] = deque()
        self._queued_characters = 0
        self._has_queued = asyncio.Event()

    def offer(self, message: str) -> None:
        """Queue a message; nobody waits for a socket that does not keep up."""
        if self.too_slow.is_set():
            return
        too_long = self._queued and self._queued_characters + len(message) > _QUEUED_CHARACTERS
        if too_long or len(self._queued) >= _QUEUED_MESSAGES:
            self.too_slow.set()
            self._queued.clear()
            return
        self._queued.append(message)
        self._queued_characters += len(message)
        self._has_queued.set()

    async def next_message(self) -> str:
        """The oldest message that was not taken yet, as soon as there is one."""
        while not self._queued:
            self._has_queued.clear()
            await self._has_queued.wait()
        message = self._queued.popleft()
        self._queued_characters -= len(message)
        return message


class Hub:
    """Who listens to what, in this process."""

    def __init__(self) -> None:
        self._subscribers: set[Subscriber] = set()
        self._channels: dict[str, set[Subscriber]] = {}

    @property
    def sockets(self) -> int:
        """How many are open."""
        return len(self._subscribers)

    @property
    def channels(self) -> set[str]:
        """Those that somebody listens to."""
        return set(self._channels)

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
    """Distribute what Redis brings, for ever; what was published while it was away is gone."""
    is_away = False
    while True:
        connection = redis.asyncio.from_url(
            url,
            socket_timeout=_CONNECT_TIMEOUT_S,
            socket_connect_timeout=_CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            async with connection.pubsub() as updates:
                await updates.subscribe(UPDATES_CHANNEL)
                async for message in _messages(updates):
                    if is_away:
                        is_away = False
                        log.info("websocket updates are back")
                    if message["type"] == "message":
                        _distribute(hub, message["data"])
        except (RedisError, OSError) as error:
            if not is_away:
                log.warning("no websocket updates for the moment", reason=str(error))
            is_away = True
        except Exception:
            log.exception("websocket updates interrupted")
        finally:
            await connection.aclose()
        await asyncio.sleep(_RECONNECT_S)


async def _messages(updates: PubSub) -> AsyncIterator[dict[str, Any]]:
    """Everything the subscription brings. Raises TimeoutError when Redis does not answer any more."""
    is_asked = False
    while True:
        message = await updates.get_message(timeout=_SILENCE_S)
        if message is not None:
            is_asked = False
            yield message
        elif is_asked:
            raise TimeoutError("Redis does not answer")
        else:
            await updates.ping()
            is_asked = True


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
