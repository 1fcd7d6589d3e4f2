"""The topics of apps: who may listen to what becomes of their data."""

import httpx
import pytest

from graasp.settings import Settings
from tests.apps.tokens import app_headers
from tests.factories import Factory
from tests.notifications.sockets import socket
from tests.notifications.test_websocket import ACCESS_DENIED, Cookie

TOPICS = ("app-data", "app-actions", "app-settings")


@pytest.mark.parametrize(
    ("who", "refusals"),
    [
        ("admin", (None, None, None)),
        ("write", (None, "GERR004", None)),
        ("read", (None, "GERR004", None)),
        ("guest", (None, "GERR004", None)),
        ("stranger", ("GERR016", "GERR016", "GERR016")),
    ],
)
async def test_readers_listen_to_data_and_settings_and_admins_to_actions(
    live_server: str, factory: Factory, cookie_for: Cookie, who: str, refusals: tuple[str | None, ...]
) -> None:
    app = await factory.item(type="app")
    if who == "guest":
        account = await factory.guest(app["path"])
    else:
        account = await factory.member()
        if who != "stranger":
            await factory.membership(app["path"], account["id"], who)
    async with socket(live_server, cookie_for(account["id"])) as opened:
        for topic, code in zip(TOPICS, refusals, strict=True):
            answer = await opened.ask("subscribe", topic, app["id"])
            assert answer.get("error", {}).get("code") == code, topic


async def test_anybody_signed_in_listens_to_a_public_app_unless_it_is_hidden(
    live_server: str, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member(is_validated=False)
    public, hidden = await factory.item(type="app"), await factory.item(type="app")
    for app in (public, hidden):
        await factory.visibility(app["path"], "public")
    await factory.visibility(hidden["path"], "hidden")
    async with socket(live_server, cookie_for(member["id"])) as opened:
        for topic in ("app-data", "app-settings"):
            await opened.subscribe(topic, public["id"])
            answer = await opened.ask("subscribe", topic, hidden["id"])
            assert answer["error"]["code"] == "GERR016"


@pytest.mark.parametrize("topic", TOPICS)
async def test_only_apps_have_channels(
    live_server: str, factory: Factory, cookie_for: Cookie, topic: str
) -> None:
    member = await factory.member()
    folder = await factory.owned_item(member)
    async with socket(live_server, cookie_for(member["id"])) as opened:
        assert (await opened.ask("subscribe", topic, folder["id"]))["error"] == ACCESS_DENIED
        assert (await opened.ask("subscribe", topic, member["id"]))["error"]["code"] == "GERR001"


async def test_a_listener_hears_what_is_shared_in_the_app_once_it_is_stored(
    live_server: str, factory: Factory, settings: Settings, cookie_for: Cookie
) -> None:
    reader, admin = await factory.member(), await factory.member()
    app = await factory.item(type="app")
    await factory.membership(app["path"], reader["id"], "read")
    await factory.membership(app["path"], admin["id"], "admin")
    headers = app_headers(settings, app["id"], reader["id"])
    url = f"{live_server}/app-items/{app['id']}"
    async with (
        socket(live_server, cookie_for(reader["id"]), "/ws") as listening,
        socket(live_server, cookie_for(admin["id"]), "/ws") as watching,
        httpx.AsyncClient(headers=headers) as client,
    ):
        await listening.subscribe("app-data", app["id"])
        await watching.subscribe("app-actions", app["id"])
        for visibility in ("member", "item"):
            body = {"type": "answer", "data": {"of": visibility}, "visibility": visibility}
            made = (await client.post(f"{url}/app-data", json=body)).json()
        update = await listening.receive()
        assert (update["topic"], update["channel"]) == ("app-data", str(app["id"]))
        assert update["body"] == {"kind": "app-data", "op": "post", "appData": made}
        assert (await client.post(f"{url}/app-action", json=body)).status_code == 204
        heard = (await watching.receive())["body"]
        assert (heard["kind"], heard["op"]) == ("app-actions", "post")
        assert heard["appAction"]["data"] == {"of": "item"}
