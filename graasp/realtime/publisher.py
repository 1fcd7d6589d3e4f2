"""Websocket messages on their way out: always through Redis, so that every process delivers them once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from graasp.background import in_background
from graasp.http.responses import dump_json
from graasp.telemetry.metrics import count_lost_messages

log = structlog.get_logger(__name__)

UPDATES_CHANNEL = "graasp-realtime-updates"

_MOST_WAITING = 10_000
_MOST_WAITING_BYTES = 64 * 1024 * 1024
_BATCH = 100
_FLUSH_TIMEOUT_S = 3.0


class RealtimePublisher:
    """Publishes updates in the background; without Redis they are lost, counted and logged, and nobody waits."""

    def __init__(self, connection: redis.asyncio.Redis) -> None:
        self._connection = connection
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._has_waiting = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def publish(self, topic: str, channel: str, body: dict[str, Any]) -> None:
        """Send `body` to the subscribers of the topic's channel, in every process. Never waits nor raises."""
        update = {"type": "update", "realm": "notif", "topic": topic, "channel": channel, "body": body}
        envelope = dump_json({"realm": "notif", "channel": f"{topic}/{channel}", "data": update})
        if len(self._waiting) >= _MOST_WAITING or self._waiting_bytes + len(envelope) > _MOST_WAITING_BYTES:
            self._lose(1, "Redis is too slow")
            return
        self._waiting.append(envelope)
        self._waiting_bytes += len(envelope)
        self._is_idle.clear()
        self._has_waiting.set()

    async def flush(self) -> None:
        """Wait until what was published has left, within a bound."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_idle.wait(), _FLUSH_TIMEOUT_S)

    async def run(self) -> None:
        """Send what is published, in order and in batches, until cancelled."""
        while True:
            await self._has_waiting.wait()
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._waiting_bytes -= sum(map(len, batch))
            try:
                async with self._connection.pipeline(transaction=False) as pipeline:
                    for envelope in batch:
                        pipeline.publish(UPDATES_CHANNEL, envelope)
                    await pipeline.execute()
            except (RedisError, OSError) as error:
                self._lose(len(batch), str(error))
            if not self._waiting:
                self._has_waiting.clear()
                self._is_idle.set()

    def _lose(self, messages: int, reason: str) -> None:
        count_lost_messages(messages)
        log.warning("websocket messages lost", messages=messages, reason=reason)


@asynccontextmanager
async def open_publisher(connection: redis.asyncio.Redis) -> AsyncIterator[RealtimePublisher]:
    """A publisher at work. What was published is sent at the end."""
    publisher = RealtimePublisher(connection)
    async with in_background(publisher.run()):
        yield publisher
        await publisher.flush()
