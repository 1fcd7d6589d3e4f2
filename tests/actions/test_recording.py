"""What is recorded, what is not, and that recording never stands in the way."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from graasp.actions.recording import NewAction, RequestOrigin, record, record_for
from graasp.actions.tables import action
from graasp.auth.gates import Caller
from graasp.platform import Platform
from graasp.settings import Settings
from tests.factories import Factory
from tests.statements import counted

Cookie = Callable[[UUID], dict[str, str]]
Counting = Callable[[], AbstractContextManager[list[str]]]

CLIENT = {"Origin": "http://client.test"}
NOWHERE = RequestOrigin(None, None, "")


def _caller(account: Any) -> Caller:
    return Caller(
        account["id"],
        account["name"],
        account["type"],
        bool(account["is_validated"]),
        "en",
        account["enable_save_actions"] is not False,
    )


async def _recorded(platform: Platform) -> list[Any]:
    return list(await platform.reads.all(select(action).order_by(action.c.type)))


@pytest.mark.parametrize(("setting", "kept"), [(True, 1), (False, 0)])
async def test_a_member_decides_whether_its_actions_are_saved(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    setting: bool,
    kept: int,
) -> None:
    member = await factory.member(enable_save_actions=setting)
    item = await factory.owned_item(member)
    headers = cookie_for(member["id"]) | CLIENT
    posted = await client.post(f"/api/items/{item['id']}/actions", json={"type": "a"}, headers=headers)
    assert (posted.status_code, posted.content) == (204, b"")
    changed = await client.patch(f"/api/items/{item['id']}", json={"name": "new"}, headers=headers)
    assert changed.status_code == 200
    assert [row["type"] for row in await _recorded(platform)] == ["a", "update"][: 2 * kept]


async def test_guests_and_those_who_are_signed_out_have_no_such_setting(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie
) -> None:
    item = await factory.item()
    await factory.visibility(item["path"], "public")
    guest = await factory.guest(item["path"], enable_save_actions=False)
    for headers in ({}, cookie_for(guest["id"])):
        url = f"/api/items/{item['id']}/actions"
        answer = await client.post(url, json={"type": "item-view"}, headers=headers | CLIENT)
        assert answer.status_code == 204
    assert {row["account_id"] for row in await _recorded(platform)} == {None, guest["id"]}


async def test_the_setting_of_an_item_is_not_that_of_what_lies_below_it(
    platform: Platform, factory: Factory
) -> None:
    member = await factory.member()
    quiet = await factory.owned_item(member, settings={"enableSaveActions": False})
    below = await factory.item(quiet)
    odd = await factory.item(quiet, settings=[])
    async with platform.unit_of_work() as uow:
        actions = [NewAction("x", item=row) for row in (quiet, below, odd)] + [NewAction("no-item")]
        await record(uow, _caller(member), NOWHERE, actions)
    assert {row["item_id"] for row in await _recorded(platform)} == {below["id"], odd["id"], None}


async def test_any_number_of_actions_is_one_statement(
    platform: Platform, factory: Factory, count_statements: Counting
) -> None:
    member = await factory.member()
    actions = [NewAction("delete", {"itemId": str(number)}) for number in range(500)]
    async with platform.unit_of_work() as uow:
        with counted(platform.database) as statements:
            await record(uow, _caller(member), RequestOrigin(None, None, "8.8.8.8"), actions)
    assert len(statements) == 1
    rows = await _recorded(platform)
    assert {row["extra"]["itemId"] for row in rows} == {str(number) for number in range(500)}
    assert {row["geolocation"]["country"] for row in rows} == {"US"}


@pytest.mark.parametrize(
    "broken",
    [
        NewAction("x", item={"id": uuid4(), "settings": {}}),
        NewAction("x", {"text": "\0"}),
        NewAction("x", {"text": object}),
        NewAction("x", view="no such view"),  # type: ignore[arg-type]
    ],
    ids=["an item that is gone", "what JSON can't hold", "what is no JSON", "no view"],
)
async def test_what_can_not_be_recorded_does_not_fail_what_it_tells_of(
    platform: Platform, factory: Factory, broken: NewAction
) -> None:
    member = await factory.member()
    async with platform.unit_of_work() as uow:
        await record(uow, _caller(member), NOWHERE, [broken])
        await record_for(uow, member["id"], NewAction("y", broken.extra, view=broken.view))
        await record(uow, _caller(member), NOWHERE, [NewAction("afterwards")])
    assert "afterwards" in [row["type"] for row in await _recorded(platform)]


async def test_a_database_of_places_that_can_not_be_read_fails_no_operation(
    make_settings: Callable[..., Settings], platform: Platform, factory: Factory, tmp_path: Any
) -> None:
    member = await factory.member()
    broken = tmp_path / "places.mmdb"
    broken.write_bytes(b"no database")
    settings = make_settings(geoip_database=broken)
    async with platform.unit_of_work() as uow:
        uow.platform = type("Broken", (), {"settings": settings})()  # type: ignore[assignment]
        await record(uow, _caller(member), RequestOrigin(None, None, "8.8.8.8"), [NewAction("x")])
        await uow.execute(action.insert().values(type="afterwards"))
    assert [row["type"] for row in await _recorded(platform)] == ["afterwards"]


async def test_a_requested_sign_in_is_always_recorded_but_names_nobody_who_saves_no_actions(
    client: httpx.AsyncClient, platform: Platform, factory: Factory
) -> None:
    member, private = await factory.member(), await factory.member(enable_save_actions=False)
    for account in (member, private):
        async with platform.unit_of_work() as uow:
            await record_for(uow, account["id"], NewAction("member-login", {"type": "email"}))
            await record_for(uow, account["id"], NewAction("reset-password", view="auth"))
    rows = await _recorded(platform)
    assert [(row["type"], row["view"]) for row in rows] == [
        ("member-login", "unknown"),
        ("member-login", "unknown"),
        ("reset-password", "auth"),
    ]
    assert {row["account_id"] for row in rows[:2]} == {member["id"], None}
    assert rows[2]["account_id"] == member["id"]


@pytest.mark.parametrize(
    ("forwarded", "country"),
    [
        ("8.8.8.8", "US"),
        (" 8.8.8.8 , 10.0.0.1", "US"),
        ("::ffff:8.8.8.8", "US"),
        ("10.0.0.1, 8.8.8.8", None),
        ("no address, 8.8.8.8", None),
        ("8.8.8.8:443", None),
        ("", None),
        (",8.8.8.8", None),
        (None, None),
    ],
)
async def test_the_address_is_the_first_that_was_forwarded_else_the_one_that_connected(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    forwarded: str | None,
    country: str | None,
) -> None:
    item = await factory.item()
    await factory.visibility(item["path"], "public")
    headers = CLIENT | ({} if forwarded is None else {"X-Forwarded-For": forwarded})
    await client.post(f"/api/items/{item['id']}/actions", json={"type": "a"}, headers=headers)
    (row,) = await _recorded(platform)
    assert (row["geolocation"] or {}).get("country") == country


async def test_the_address_of_the_connection_counts_where_nothing_was_forwarded(app: Any) -> None:
    from starlette.requests import Request

    scope = {"type": "http", "headers": [], "client": ("8.8.8.8", 1), "method": "GET", "path": "/"}
    assert RequestOrigin.of(Request(scope)).address == "8.8.8.8"
    assert RequestOrigin.of(Request(scope | {"client": None})).address == ""


@pytest.mark.parametrize(
    ("library", "origin", "referer", "view"),
    [
        ("http://library.test", "http://library.test", None, "library"),
        ("http://library.test", "http://library.test/", None, "unknown"),
        ("http://library.test", "http://client.test", None, "unknown"),
        ("http://library.test", "http://client.test", "http://client.test/account/settings", "account"),
        ("http://library.test", "http://client.test", "http://client.test/analytics", "analytics"),
        ("http://library.test", "http://client.test", "http://client.test/home?from=/player", "home"),
        ("http://library.test", None, "http://client.test/auth/login", "auth"),
        ("http://library.test", None, "http://[client.test", "unknown"),
        ("http://library.test", "null", "http://client.test@evil.test/player", "unknown"),
        # Where the library has no address of its own, it is the client's.
        (None, "http://client.test", None, "library"),
        (None, "http://client.test", "http://client.test/player/1", "player"),
    ],
)
def test_the_view_is_found_in_where_the_request_came_from(
    make_settings: Callable[..., Settings],
    library: str | None,
    origin: str | None,
    referer: str | None,
    view: str,
) -> None:
    assert RequestOrigin(origin, referer, "").view(make_settings(library_client_host=library)) == view


async def test_a_view_that_is_told_wins(platform: Platform, factory: Factory) -> None:
    member = await factory.member()
    async with platform.unit_of_work() as uow:
        origin = RequestOrigin("http://library.test", None, "")
        await record(
            uow, _caller(member), origin, [NewAction("a", view="builder"), NewAction("b"), NewAction("c")]
        )
    assert [row["view"] for row in await _recorded(platform)] == ["builder", "library", "library"]
