"""Pads, against a server that speaks Etherpad's HTTP API."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.etherpad.service import sort_sessions
from graasp.items.tables import item
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from tests.conftest import serving
from tests.etherpad.stand_in import KEY, Etherpad
from tests.factories import Factory
from tests.items.trees.operations import Operations, operations

Cookie = Callable[[UUID], dict[str, str]]

__all__ = ["operations"]


@pytest.fixture
async def etherpad() -> AsyncIterator[tuple[Etherpad, str]]:
    server = Etherpad()
    async with serving(server.app) as url:  # type: ignore[arg-type]
        yield server, url


@pytest.fixture
def server(etherpad: tuple[Etherpad, str]) -> Etherpad:
    return etherpad[0]


@pytest.fixture
def settings(etherpad: tuple[Etherpad, str], make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(
        etherpad_url=etherpad[1], etherpad_api_key=KEY, etherpad_public_url="https://pads.test"
    )


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member(name="Anna")


async def _pad(factory: Factory, server: Etherpad, **columns: Any) -> Any:
    server.pads["g.1$pad"] = "text"
    reader = columns.pop("reader", None)
    extra = {"padID": "g.1$pad", "groupID": "g.1"} | ({"readerPermission": reader} if reader else {})
    return await factory.item(type="etherpad", extra={"etherpad": extra}, **columns)


async def test_a_pad_is_made_with_its_item(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    platform: Platform,
    server: Etherpad,
    anna: Any,
) -> None:
    folder = await factory.owned_item(anna, lang="fr")
    await factory.item(folder, name="other")
    headers = cookie_for(anna["id"])
    url = f"/api/items/etherpad/create?parentId={folder['id']}"
    answer = await client.post(url, json={"name": "pad"}, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    children = (await client.get(f"/api/items/{folder['id']}/children", headers=headers)).json()
    assert [child["name"] for child in children] == ["pad", "other"]
    (pad_id,) = server.pads
    (group_id,) = server.groups.values()
    assert pad_id.startswith(f"{group_id}$")
    assert children[0]["extra"]["etherpad"] == {
        "padID": pad_id,
        "groupID": group_id,
        "readerPermission": "read",
    }
    assert children[0]["lang"] == "fr"
    assert await platform.reads.all(select(action)) == []
    await client.post(
        "/api/items/etherpad/create", json={"name": "open", "readerPermission": "write"}, headers=headers
    )
    rows = await platform.reads.all(select(item).where(item.c.name == "open"))
    assert rows[0]["extra"]["etherpad"]["readerPermission"] == "write"
    wrong = {"name": "x", "readerPermission": "admin"}
    assert (await client.post("/api/items/etherpad/create", json=wrong, headers=headers)).status_code == 400


async def test_no_pad_without_an_item_and_no_item_without_a_pad(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    platform: Platform,
    server: Etherpad,
    anna: Any,
) -> None:
    headers = cookie_for(anna["id"])
    document = await factory.owned_item(anna, type="document", extra={"document": {"content": "x"}})
    private = await factory.item()
    for parent, code in ((document, "GERR029"), (private, "GERR016")):
        url = f"/api/items/etherpad/create?parentId={parent['id']}"
        answer = await client.post(url, json={"name": "x"}, headers=headers)
        assert answer.json()["code"] == code
    assert server.pads == {}
    server.broken.add("createGroupPad")
    answer = await client.post("/api/items/etherpad/create", json={"name": "x"}, headers=headers)
    assert answer.status_code == 500
    assert answer.json() == {
        "name": "Internal Etherpad server error",
        "code": "GPEPERR001",
        "message": "Internal Etherpad server error",
        "statusCode": 500,
        "origin": "graasp-plugin-etherpad",
    }
    assert len(await platform.reads.all(select(item))) == 2


@pytest.mark.parametrize(
    ("permission", "reader_permission", "mode", "effective"),
    [
        ("read", None, None, "read"),
        ("read", None, "write", "read"),
        ("read", "read", "write", "read"),
        ("read", "write", "write", "write"),
        ("read", "write", "read", "read"),
        ("write", "read", "write", "write"),
        ("admin", None, "write", "write"),
        ("admin", None, None, "read"),
        # Whoever only sees what is public never writes.
        (None, "write", "write", "read"),
    ],
)
async def test_how_a_pad_is_opened(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    server: Etherpad,
    anna: Any,
    permission: str | None,
    reader_permission: str | None,
    mode: str | None,
    effective: str,
) -> None:
    pad = await _pad(factory, server, reader=reader_permission)
    if permission:
        await factory.membership(pad["path"], anna["id"], permission)
    else:
        await factory.visibility(pad["path"], "public")
    url = f"/api/items/etherpad/view/{pad['id']}" + (f"?mode={mode}" if mode else "")
    answer = await client.get(url, headers=cookie_for(anna["id"]))
    assert answer.status_code == 200, answer.text
    shown = answer.json()["padUrl"]
    if effective == "write":
        assert shown == "https://pads.test/p/g.1$pad"
    else:
        assert shown.startswith("https://pads.test/p/r.")
    assert server.names == {server.authors[str(anna["id"])]: "Anna"}


async def test_the_sessions_that_the_pad_server_is_shown(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, server: Etherpad, anna: Any
) -> None:
    pad = await _pad(factory, server)
    await factory.membership(pad["path"], anna["id"], "read")
    author = server.authors[str(anna["id"])] = "a.anna"
    old = [server.add_session(author, -5) for _ in range(3)]
    alive = [server.add_session(author, number * 60) for number in range(1, 60)]
    server.sessions["s.malformed"] = None
    url = f"/api/items/etherpad/view/{pad['id']}"
    answer = await client.get(url, headers=cookie_for(anna["id"]))
    cookies = [c for c in answer.headers.get_list("set-cookie") if c.startswith("sessionID=")]
    value, *attributes = cookies[0].split("; ")
    shown = unquote(value.removeprefix("sessionID=")).split(",")
    created = max(
        server.sessions, key=lambda name: (server.sessions[name] or {"validUntil": 0})["validUntil"]
    )
    assert len(shown) == 53
    assert shown[0] == created
    assert shown[1:] == list(reversed(alive))[:52]
    assert {a.partition("=")[0] for a in attributes} == {"Domain", "Path", "Expires", "SameSite"}
    assert "Domain=pads.test" in attributes
    assert "SameSite=Lax" in attributes
    # What is of no use any more goes.
    assert not set(old) & set(server.sessions)


async def test_pads_that_can_not_be_opened(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, server: Etherpad, anna: Any
) -> None:
    headers = cookie_for(anna["id"])
    public = await _pad(factory, server)
    await factory.visibility(public["path"], "public")
    url = f"/api/items/etherpad/view/{public['id']}"
    assert (await client.get(url)).status_code == 401
    assert (await client.get(f"{url}?mode=admin", headers=headers)).status_code == 400
    folder = await factory.owned_item(anna)
    broken = await factory.owned_item(anna, type="etherpad", extra={"etherpad": {"padID": 1}})
    for other in (folder, broken):
        answer = await client.get(f"/api/items/etherpad/view/{other['id']}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (500, "GPEPERR003")
    server.pads.clear()
    gone = await client.get(url, headers=headers)
    assert (gone.status_code, gone.json()["code"]) == (500, "GPEPERR001")


async def test_changing_a_pad(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    server: Etherpad,
    platform: Platform,
    anna: Any,
) -> None:
    pad = await _pad(factory, server, reader="read", settings={"hasThumbnail": False})
    await factory.membership(pad["path"], anna["id"], "write")
    url, headers = f"/api/items/etherpad/{pad['id']}", cookie_for(anna["id"])
    change = {"name": "new", "readerPermission": "write", "padID": "x", "settings": {"isPinned": True}}
    answer = await client.patch(url, json=change, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    row = await platform.reads.first(select(item).where(item.c.id == pad["id"]))
    assert row is not None
    assert (row["name"], row["settings"]) == ("new", {"hasThumbnail": False, "isPinned": True})
    assert row["extra"]["etherpad"] == pad["extra"]["etherpad"] | {"readerPermission": "write"}
    assert await platform.reads.all(select(action)) == []
    assert (await client.patch(url, json={}, headers=headers)).status_code == 400
    folder = await factory.owned_item(anna)
    wrong = await client.patch(f"/api/items/etherpad/{folder['id']}", json={"name": "x"}, headers=headers)
    assert wrong.json()["message"] == "Item does not have the correct type folder"


async def test_a_pad_is_downloaded_as_a_page(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, server: Etherpad, anna: Any
) -> None:
    pad = await _pad(factory, server, name="notes")
    await factory.membership(pad["path"], anna["id"], "read")
    answer = await client.get(f"/api/items/{pad['id']}/download-file", headers=cookie_for(anna["id"]))
    assert answer.headers["content-disposition"] == 'attachment; filename="notes.html"'
    assert "<body>text</body>" in answer.text


_session = st.one_of(
    st.none(),
    st.just({}),
    st.builds(lambda until: {"validUntil": until}, st.integers(0, 2_000) | st.just("soon")),
)


@given(st.dictionaries(st.text("abc.", min_size=1), _session, max_size=80))
def test_every_session_is_kept_or_deleted_but_for_those_that_do_not_fit(sessions: dict[str, Any]) -> None:
    kept, stale = sort_sessions(sessions, now=1_000)
    lives = [sessions[name]["validUntil"] for name in kept]
    assert len(kept) <= 53
    assert lives == sorted(lives, reverse=True)
    assert all(until > 1_000 for until in lives)
    rest = set(sessions) - set(kept) - set(stale)
    assert all(sessions[name]["validUntil"] <= min(lives) for name in rest)
    assert not rest or len(kept) == 53


async def test_each_copy_of_a_pad_has_a_text_of_its_own(
    operations: Operations, factory: Factory, platform: Platform, server: Etherpad, anna: Any
) -> None:
    folder = await factory.owned_item(anna)
    await _pad(factory, server, parent=folder, name="pad", reader="write")
    # Its text went with another item that shared it.
    lost = {"padID": "g.1$lost", "groupID": "g.1"}
    await factory.item(folder, name="lost", type="etherpad", extra={"etherpad": lost})
    result = await operations.result(anna, "copy", [folder])
    rows = await platform.reads.all(
        select(item).where(item.c.type == "etherpad", item.c.path.op("<@")(result["copies"][0]["path"]))
    )
    copies = {row["name"]: row["extra"]["etherpad"] for row in rows}
    assert {name: server.pads[pad["padID"]] for name, pad in copies.items()} == {
        "pad": "text",
        "lost": "Welcome!",
    }
    assert copies["pad"]["readerPermission"] == "write"
    assert all(pad["padID"].startswith(f"{pad['groupID']}$") for pad in copies.values())
    assert len(server.pads) == 3


async def test_a_copy_that_fails_leaves_no_pad(
    operations: Operations, factory: Factory, server: Etherpad, anna: Any
) -> None:
    folder = await factory.owned_item(anna)
    await _pad(factory, server, parent=folder, name="pad")
    await factory.item(folder, type="etherpad", extra={"etherpad": {"padID": "g.1$lost", "groupID": "g.1"}})
    server.broken.add("createGroupPad")
    assert await operations.refusal(anna, "copy", [folder]) == "Internal Etherpad server error"
    assert list(server.pads) == ["g.1$pad"]


async def test_a_pad_that_items_share_goes_with_the_last_of_them(
    operations: Operations, factory: Factory, server: Etherpad, anna: Any
) -> None:
    items = [await factory.owned_item(anna) for _ in range(2)]
    for folder in items:
        await _pad(factory, server, parent=folder)
    await operations.result(anna, "delete", items[:1])
    assert list(server.pads) == ["g.1$pad"]
    await operations.result(anna, "delete", items[1:])
    assert list(server.pads) == []


async def test_pads_go_with_their_items(
    operations: Operations, factory: Factory, platform: Platform, server: Etherpad, anna: Any
) -> None:
    folder = await factory.owned_item(anna)
    await _pad(factory, server, parent=folder)
    await factory.item(folder, type="etherpad", extra={"etherpad": {"padID": "g.1$lost", "groupID": "g.1"}})
    server.pads["g.2$other"] = "text"
    await operations.result(anna, "delete", [folder])
    assert list(server.pads) == ["g.2$other"]
    assert {row["state"] for row in await platform.reads.all(select(job.c.state))} == {"succeeded"}
