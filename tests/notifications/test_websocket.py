"""The protocol of the websocket of notifications, sentence by sentence."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import delete
from websockets.exceptions import ConnectionClosed, InvalidStatus

from graasp.accounts.tables import account
from graasp.apps.tables import publishers
from graasp.memberships.tables import item_membership
from graasp.notifications import routes
from graasp.platform import Platform
from tests.factories import Factory, Row
from tests.notifications.sockets import socket
from tests.worker.workers import until

Cookie = Callable[[UUID], dict[str, str]]

BAD_REQUEST = {
    "name": "BAD_REQUEST",
    "message": "Websocket: Request message format was not understood by the server",
}
NOT_FOUND = {"name": "NOT_FOUND", "message": "Websocket: Requested resource not found"}
ACCESS_DENIED = {"name": "ACCESS_DENIED", "message": "Websocket: Access denied for the requested resource"}
SIGNED_OUT = {"name": "websockets signed out", "message": "not authorized"}


@pytest.fixture
async def member(factory: Factory) -> Row:
    return await factory.member()


@pytest.fixture
async def folder(factory: Factory, member: Row) -> Row:
    return await factory.owned_item(member)


async def test_without_an_upgrade_there_is_nothing(client: httpx.AsyncClient) -> None:
    for path in ("/api/ws", "/ws"):
        answer = await client.get(path)
        assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("path", ["/api/ws", "/ws"])
async def test_a_subscription_is_confirmed_and_brings_updates(
    live_server: str, platform: Platform, member: Row, cookie_for: Cookie, path: str
) -> None:
    async with socket(live_server, cookie_for(member["id"]), path) as opened:
        request = {
            "realm": "notif",
            "action": "subscribe",
            "topic": "item/member",
            "channel": str(member["id"]),
        }
        for _ in range(2):
            await opened.send(request)
            assert await opened.receive() == {
                "type": "response",
                "realm": "notif",
                "status": "success",
                "request": request,
            }
        platform.realtime.publish("item/member", str(member["id"]), {"kind": "feedback", "id": member["id"]})
        # Subscribed twice, told once.
        assert await opened.receive() == {
            "type": "update",
            "realm": "notif",
            "topic": "item/member",
            "channel": str(member["id"]),
            "body": {"kind": "feedback", "id": str(member["id"])},
        }
        assert await opened.hears_nothing()


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "",
        "[]",
        "null",
        b"\xff\xfe",
        "[" * 5000,
        {"realm": "notif"},
        {"realm": "chat", "action": "disconnect"},
        {"realm": "notif", "action": "get", "topic": "item/member", "channel": "x"},
        {"realm": "notif", "action": "subscribe", "topic": "item/member"},
        {"realm": "notif", "action": "subscribe", "topic": 1, "channel": "x"},
        {"realm": "notif", "action": "subscribe", "topic": "item/member", "channel": None},
        {"realm": "notif", "action": "unsubscribe", "topic": "item/member", "channel": "x", "extra": 1},
        {"realm": "notif", "action": "disconnect", "topic": "item/member"},
    ],
    ids=str,
)
async def test_what_is_not_understood_is_refused_and_the_socket_stays(live_server: str, message: Any) -> None:
    async with socket(live_server) as opened:
        for _ in range(2):
            await opened.send(message)
            assert await opened.receive() == {
                "type": "response",
                "realm": "notif",
                "status": "error",
                "error": BAD_REQUEST,
            }


async def test_a_binary_frame_with_json_is_a_request_too(
    live_server: str, member: Row, cookie_for: Cookie
) -> None:
    request = {"channel": str(member["id"]), "topic": "item/member", "action": "subscribe", "realm": "notif"}
    async with socket(live_server, cookie_for(member["id"])) as opened:
        await opened.send(orjson.dumps(request, option=orjson.OPT_INDENT_2))
        assert (await opened.receive())["status"] == "success"


async def test_nobody_subscribes_without_a_session(live_server: str, member: Row) -> None:
    for headers in ({}, {"Cookie": "session=nonsense"}, {"Authorization": "Bearer a.b.c"}):
        async with socket(live_server, headers) as opened:
            for action in ("subscribe", "subscribeOnly"):
                # Before the topic is looked at.
                for topic in ("item/member", "nonsense"):
                    assert (await opened.ask(action, topic, member["id"]))["error"] == SIGNED_OUT
            assert (await opened.ask("unsubscribe", "item/member", member["id"]))["error"] == NOT_FOUND


async def test_who_may_listen_to_what(
    live_server: str, factory: Factory, member: Row, folder: Row, cookie_for: Cookie
) -> None:
    other, unknown = await factory.member(is_validated=False), uuid4()
    public = await factory.item()
    await factory.visibility(public["path"], "public")
    async with socket(live_server, cookie_for(other["id"])) as opened:
        await opened.subscribe("item/member", other["id"])
        await opened.subscribe("memberships/item", public["id"])
        for topic, channel, error in (
            ("item/member", member["id"], ACCESS_DENIED),
            ("item", folder["id"], NOT_FOUND),
            ("item/member", "not-an-id", BAD_REQUEST),
            ("memberships/item", f"{{{folder['id']}}}", BAD_REQUEST),
            (
                "memberships/item",
                folder["id"],
                {
                    "name": "MEMBER_CANNOT_ACCESS",
                    "code": "GERR016",
                    "statusCode": 403,
                    "message": "MEMBER_CANNOT_ACCESS",
                    "data": str(folder["id"]),
                    "origin": "core",
                },
            ),
            (
                "memberships/item",
                unknown,
                {
                    "name": "FastifyError",
                    "code": "GERR001",
                    "statusCode": 404,
                    "message": f"ITEM_NOT_FOUND {unknown}",
                },
            ),
        ):
            answer = await opened.ask("subscribe", topic, channel)
            assert answer["error"] == error
            assert answer["request"]["channel"] == str(channel)


async def test_guests_may_listen_to_what_they_may_read(
    live_server: str, factory: Factory, folder: Row, cookie_for: Cookie
) -> None:
    guest = await factory.guest(folder["path"])
    async with socket(live_server, cookie_for(guest["id"])) as opened:
        await opened.subscribe("memberships/item", folder["id"])


async def test_subscribe_only_drops_the_others_when_it_is_authorised(
    live_server: str, platform: Platform, factory: Factory, member: Row, folder: Row, cookie_for: Cookie
) -> None:
    async with socket(live_server, cookie_for(member["id"])) as opened:
        await opened.subscribe("item/member", member["id"])
        assert (await opened.ask("subscribeOnly", "memberships/item", uuid4()))["status"] == "error"
        platform.realtime.publish("item/member", str(member["id"]), {"number": 1})
        assert (await opened.receive())["body"] == {"number": 1}
        assert (await opened.ask("subscribeOnly", "memberships/item", folder["id"]))["status"] == "success"
        platform.realtime.publish("item/member", str(member["id"]), {"number": 2})
        platform.realtime.publish("memberships/item", str(folder["id"]), {"number": 3})
        assert (await opened.receive())["body"] == {"number": 3}


async def test_unsubscribing_ends_the_updates_and_is_answered(
    live_server: str, platform: Platform, member: Row, folder: Row, cookie_for: Cookie
) -> None:
    async with socket(live_server, cookie_for(member["id"])) as opened:
        await opened.subscribe("item/member", member["id"])
        await opened.subscribe("memberships/item", folder["id"])
        assert (await opened.ask("unsubscribe", "item/member", member["id"]))["status"] == "success"
        assert (await opened.ask("unsubscribe", "item/member", member["id"]))["error"] == NOT_FOUND
        platform.realtime.publish("item/member", str(member["id"]), {"number": 1})
        platform.realtime.publish("memberships/item", str(folder["id"]), {"number": 2})
        assert (await opened.receive())["body"] == {"number": 2}


async def test_disconnect_closes_without_an_answer(
    live_server: str, app: FastAPI, member: Row, cookie_for: Cookie
) -> None:
    async with socket(live_server, cookie_for(member["id"])) as opened:
        await opened.subscribe("item/member", member["id"])
        await opened.send({"realm": "notif", "action": "disconnect"})
        await opened.send({"realm": "notif", "action": "unsubscribe", "topic": "a", "channel": "b"})
        with pytest.raises(ConnectionClosed) as closed:
            await opened.connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
    await until(lambda: app.state.hub.sockets == 0)


@pytest.mark.parametrize(
    ("origin", "is_welcome"),
    [
        (None, True),
        ("http://client.test", True),
        ("http://library.test", True),
        ("https://apps.test", True),
        ("https://evil.test", False),
        ("http://client.test.evil.test", False),
        ("null", False),
    ],
)
async def test_only_pages_of_the_clients_and_of_registered_apps_may_connect(
    live_server: str, factory: Factory, origin: str | None, is_welcome: bool
) -> None:
    await factory.insert(publishers, name="Publisher", origins=["https://apps.test"])
    headers = {"Origin": origin} if origin else {}
    if is_welcome:
        async with socket(live_server, headers) as opened:
            assert await opened.hears_nothing()
    else:
        with pytest.raises(InvalidStatus) as refused:
            async with socket(live_server, headers):
                pass
        assert refused.value.response.status_code == 403


async def test_frames_and_subscriptions_are_limited(
    live_server: str, factory: Factory, member: Row, cookie_for: Cookie, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_MOST_CHANNELS", 2)
    items = [await factory.owned_item(member) for _ in range(3)]
    async with socket(live_server, cookie_for(member["id"])) as opened:
        answers = [await opened.ask("subscribe", "memberships/item", item["id"]) for item in items]
        assert [answer["status"] for answer in answers] == ["success", "success", "error"]
        # What is subscribed already is no further one.
        await opened.subscribe("memberships/item", items[0]["id"])
        await opened.send("x" * 10_000)
        with pytest.raises(ConnectionClosed):
            await opened.connection.recv()


async def test_what_one_may_no_longer_read_is_no_longer_heard(
    live_server: str,
    app: FastAPI,
    platform: Platform,
    member: Row,
    folder: Row,
    cookie_for: Cookie,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "_RECHECK_S", 0.05)
    hub = app.state.hub
    async with socket(live_server, cookie_for(member["id"])) as opened:
        await opened.subscribe("memberships/item", folder["id"])
        await opened.subscribe("item/member", member["id"])
        await _execute(platform, delete(item_membership))
        await until(lambda: hub.channels == {f"item/member/{member['id']}"})
        await _execute(platform, delete(account).where(account.c.id == member["id"]))
        await until(lambda: hub.channels == set())


async def test_without_a_database_the_handshake_is_refused_for_the_moment(
    live_server: str, app: FastAPI, member: Row, cookie_for: Cookie, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: object, **__: object) -> None:
        raise routes.DatabaseUnavailable

    monkeypatch.setattr(app.state.platform.database.reads, "all", unavailable)
    with pytest.raises(InvalidStatus) as refused:
        async with socket(live_server, cookie_for(member["id"])):
            pass
    assert refused.value.response.status_code == 503
    assert orjson.loads(refused.value.response.body or b"")["code"] == "GERR503"


async def _execute(platform: Platform, statement: Any) -> None:
    async with platform.database.transaction() as transaction:
        await transaction.execute(statement)
