"""Websocket messages on their way out: always through Redis, so that every process delivers them once."""

from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from graasp.http.responses import dump_json
from graasp.telemetry.metrics import count_lost_message

log = structlog.get_logger(__name__)

UPDATES_CHANNEL = "graasp-realtime-updates"


class RealtimePublisher:
    """Publishes updates; without Redis they are lost, counted and logged, and nobody waits."""

    def __init__(self, connection: redis.asyncio.Redis) -> None:
        self._connection = connection

    async def publish(self, topic: str, channel: str, body: dict[str, Any]) -> None:
        """Send `body` to the subscribers of the topic's channel, in every process. Never raises."""
        update = {"type": "update", "realm": "notif", "topic": topic, "channel": channel, "body": body}
        envelope = {"realm": "notif", "channel": f"{topic}/{channel}", "data": update}
        try:
            await self._connection.publish(UPDATES_CHANNEL, dump_json(envelope))
        except (RedisError, OSError) as error:
            count_lost_message()
            log.warning("websocket message lost", topic=topic, reason=str(error))
