"""The websocket of notifications, as a client uses it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect

_PATIENCE_S = 15


class Socket:
    """One connection; every message is one JSON object."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, message: Any) -> None:
        await self.connection.send(
            message if isinstance(message, str | bytes) else orjson.dumps(message).decode()
        )

    async def receive(self) -> dict[str, Any]:
        """The next message; text, as the clients need it."""
        async with asyncio.timeout(_PATIENCE_S):
            frame = await self.connection.recv()
        assert isinstance(frame, str)
        message: dict[str, Any] = orjson.loads(frame)
        return message

    async def ask(self, action: str, topic: str, channel: Any) -> dict[str, Any]:
        """The answer to a request, as the next message."""
        await self.send({"realm": "notif", "action": action, "topic": topic, "channel": str(channel)})
        return await self.receive()

    async def subscribe(self, topic: str, channel: Any) -> None:
        answer = await self.ask("subscribe", topic, channel)
        assert answer["status"] == "success", answer

    async def hears_nothing(self) -> bool:
        """Whether nothing has come that was sent before now."""
        answer = await self.ask("unsubscribe", "nothing", "nothing")
        return answer["type"] == "response"


@asynccontextmanager
async def socket(
    base_url: str, headers: Mapping[str, str] | None = None, path: str = "/api/ws", **options: Any
) -> AsyncIterator[Socket]:
    url = base_url.replace("http", "ws", 1) + path
    async with connect(
        url, additional_headers=dict(headers or {}), compression=None, **options
    ) as connection:
        yield Socket(connection)
