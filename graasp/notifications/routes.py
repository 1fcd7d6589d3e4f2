"""`/api/ws`: the websocket of notifications."""

import asyncio
import re
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Discriminator, TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from graasp.apps.origins import AppOrigins
from graasp.auth.gates import Caller, find_caller, read_session
from graasp.db.database import DatabaseUnavailable
from graasp.http.errors import DomainError, FormattedError, ServiceUnavailable
from graasp.http.responses import json_response
from graasp.http.routing import API
from graasp.http.session_cookie import Session
from graasp.notifications.topics import TOPICS, AccessDenied
from graasp.platform import Platform
from graasp.realtime.hub import Hub, Subscriber
from graasp.settings import Settings

log = structlog.get_logger(__name__)

router = APIRouter(prefix=API)

_LARGEST_MESSAGE = 8 * 1024
_MOST_CHANNELS = 200
_RECHECK_S = 60.0
_NORMAL, _POLICY_VIOLATION, _TRY_AGAIN = 1000, 1008, 1013

_BAD_REQUEST = {
    "name": "BAD_REQUEST",
    "message": "Websocket: Request message format was not understood by the server",
}
_NOT_FOUND = {"name": "NOT_FOUND", "message": "Websocket: Requested resource not found"}
_ACCESS_DENIED = {"name": "ACCESS_DENIED", "message": "Websocket: Access denied for the requested resource"}
_SIGNED_OUT = {"name": "websockets signed out", "message": "not authorized"}
_SERVER_ERROR = {"name": "SERVER_ERROR", "message": "Websocket: Internal server error: try again later"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    realm: Literal["notif"]


class Subscription(_Strict):
    action: Literal["subscribe", "subscribeOnly", "unsubscribe"]
    topic: str
    channel: str

    @property
    def key(self) -> str:
        # Messages name their channel in lower case, whatever the client prefers.
        return f"{self.topic}/{self.channel.lower()}"


class Disconnect(_Strict):
    action: Literal["disconnect"]


_messages: TypeAdapter[Subscription | Disconnect] = TypeAdapter(
    Annotated[Subscription | Disconnect, Discriminator("action")]
)
_CHANNEL = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


@router.get("/ws", responses={200: {"description": "Upgrade to the websocket of notifications"}})
async def not_a_websocket() -> Response:
    return Response(status_code=404)


@router.websocket("/ws")
async def notifications(websocket: WebSocket) -> None:
    platform: Platform = websocket.app.state.platform
    hub: Hub = websocket.app.state.hub
    session = read_session(websocket)
    if not await _comes_from_a_client(websocket):
        await websocket.close(_POLICY_VIOLATION)
        return
    try:
        caller = await find_caller(platform.reads, session)
    except DatabaseUnavailable:
        await websocket.send_denial_response(json_response(ServiceUnavailable().body(), status=503))
        return
    await websocket.accept()
    subscriber = hub.join()
    conversation = Conversation(websocket, platform, hub, subscriber, caller)
    tasks = [
        asyncio.create_task(step)
        for step in (
            conversation.listen(),
            conversation.talk(),
            conversation.guard(),
            conversation.recheck(session),
        )
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.leave(subscriber)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Conversation:
    """One socket's requests and what it is sent."""

    def __init__(
        self,
        websocket: WebSocket,
        platform: Platform,
        hub: Hub,
        subscriber: Subscriber,
        caller: Caller | None,
    ) -> None:
        self._websocket = websocket
        self._platform = platform
        self._hub = hub
        self._subscriber = subscriber
        self._caller = caller

    async def listen(self) -> None:
        """Answer requests until the socket closes or asks to be disconnected."""
        while True:
            frame = await self._websocket.receive()
            if frame["type"] == "websocket.disconnect":
                return
            raw = frame.get("text") or frame.get("bytes") or b""
            if len(raw) > _LARGEST_MESSAGE:
                await self._websocket.close(_POLICY_VIOLATION)
                return
            try:
                message = _messages.validate_json(raw)
            except ValidationError:
                self._answer(None, _BAD_REQUEST)
                continue
            if isinstance(message, Disconnect):
                await self._websocket.close(_NORMAL)
                return
            self._answer(message, await self._handle(message))

    async def talk(self) -> None:
        """Send what is queued, one message after the other."""
        while True:
            message = await self._subscriber.next_message()
            try:
                await self._websocket.send_text(message)
            except (WebSocketDisconnect, RuntimeError):
                return

    async def guard(self) -> None:
        """Close a socket that does not take its messages."""
        await self._subscriber.too_slow.wait()
        await self._websocket.close(_TRY_AGAIN)

    async def recheck(self, session: Session | None) -> None:
        """Drop, from time to time, the channels that this session may not listen to any more."""
        while True:
            await asyncio.sleep(_RECHECK_S)
            try:
                caller = await find_caller(self._platform.reads, session)
                for key in tuple(self._subscriber.channels):
                    topic, _, channel = key.rpartition("/")
                    if caller is None or await self._denial(caller, topic, channel):
                        self._hub.unsubscribe(self._subscriber, key)
            except DatabaseUnavailable:
                continue

    async def _handle(self, message: Subscription) -> dict[str, Any] | None:
        """What is wrong, or nothing."""
        if message.action == "unsubscribe":
            return None if self._hub.unsubscribe(self._subscriber, message.key) else _NOT_FOUND
        if self._caller is None:
            return _SIGNED_OUT
        refusal = await self._refusal(self._caller, message)
        if refusal is None:
            if message.action == "subscribeOnly":
                for channel in self._subscriber.channels - {message.key}:
                    self._hub.unsubscribe(self._subscriber, channel)
            self._hub.subscribe(self._subscriber, message.key)
        return refusal

    async def _refusal(self, caller: Caller, message: Subscription) -> dict[str, Any] | None:
        if message.topic not in TOPICS:
            return _NOT_FOUND
        if not _CHANNEL.fullmatch(message.channel):
            return _BAD_REQUEST
        if message.action == "subscribe" and self._has_too_many_beside(message.key):
            return _ACCESS_DENIED
        try:
            return await self._denial(caller, message.topic, message.channel)
        except DatabaseUnavailable:
            return _SERVER_ERROR
        except Exception:
            log.exception("subscription failed", topic=message.topic)
            return _SERVER_ERROR

    def _has_too_many_beside(self, key: str) -> bool:
        return len(self._subscriber.channels - {key}) >= _MOST_CHANNELS

    async def _denial(self, caller: Caller, topic: str, channel: str) -> dict[str, Any] | None:
        """Why the caller may not listen to a channel of a known topic. Raises DatabaseUnavailable."""
        try:
            await TOPICS[topic](self._platform.reads, caller, UUID(channel))
        except AccessDenied:
            return _ACCESS_DENIED
        except (DomainError, FormattedError) as error:
            return error.body()
        return None

    def _answer(self, message: Subscription | None, error: dict[str, Any] | None) -> None:
        answer: dict[str, Any] = {
            "type": "response",
            "realm": "notif",
            "status": "error" if error else "success",
        }
        if message is not None:
            answer["request"] = message.model_dump()
        if error is not None:
            answer["error"] = error
        self._subscriber.offer(orjson.dumps(answer, default=str).decode())


async def _comes_from_a_client(websocket: WebSocket) -> bool:
    """Browsers say where a page is from: only the clients' pages and registered apps may connect."""
    origin = websocket.headers.get("origin")
    settings: Settings = websocket.app.state.settings
    if origin is None or origin in settings.client_origins or origin == settings.public_url:
        return True
    if settings.cors_origin_regex and re.search(settings.cors_origin_regex, origin):
        return True
    app_origins: AppOrigins = websocket.app.state.app_origins
    return await app_origins.include(origin)
