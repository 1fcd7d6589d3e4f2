"""The current account: what it sees of itself, what it may change, and its settings."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from graasp.accounts.tables import account
from graasp.actions.tables import action
from graasp.platform import Platform
from tests.factories import Factory
from tests.people import NOT_A_MEMBER, UNAUTHORIZED, Cookie, every_caller, refusal

CURRENT = "/api/members/current"


async def test_a_member_sees_itself(client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie) -> None:
    extra = {"lang": "fr", "emailFreq": "never", "hasCompletedTour": True, "hasAvatar": True, "secret": 1}
    member = await factory.member(extra=extra, enable_save_actions=False)
    answer = await client.get(CURRENT, headers=cookie_for(member["id"]))
    body = answer.json()
    assert datetime.fromisoformat(body.pop("createdAt")) == member["created_at"]
    assert datetime.fromisoformat(body.pop("updatedAt")) == member["updated_at"]
    assert body == {
        "id": str(member["id"]),
        "name": member["name"],
        "email": member["email"],
        "type": "individual",
        "lang": "fr",
        "isValidated": True,
        "enableSaveActions": False,
        "userAgreementsDate": None,
        "lastAuthenticatedAt": None,
        "extra": {"lang": "fr", "emailFreq": "never", "hasCompletedTour": True, "hasAvatar": True},
    }


async def test_a_guest_sees_the_item_that_lets_it_in_even_recycled(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    item = await factory.item(lang="de")
    guest = await factory.guest(item["path"])
    for _ in ("live", "recycled"):
        body = (await client.get(CURRENT, headers=cookie_for(guest["id"]))).json()
        assert body.keys() == {
            "id",
            "name",
            "type",
            "lang",
            "lastAuthenticatedAt",
            "itemLoginSchema",
            "createdAt",
            "updatedAt",
        }
        assert (body["type"], body["lang"]) == ("guest", "de")
        assert body["itemLoginSchema"] == {
            "item": {"id": str(item["id"]), "name": item["name"], "path": item["path"]}
        }
        await factory.recycle(item)


@pytest.mark.parametrize(
    "extra", [{"lang": None}, {"lang": 3}, {"hasAvatar": "yes", "emailFreq": {}}, [], "text"]
)
async def test_what_older_servers_stored_in_extra_harms_nothing(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, extra: object
) -> None:
    headers = cookie_for((await factory.member(extra=extra))["id"])
    body = (await client.get(CURRENT, headers=headers)).json()
    assert (body["lang"], body["extra"]) == ("en", {})
    settings = (await client.get(f"{CURRENT}/settings", headers=headers)).json()
    assert settings["notificationFrequency"] == "always"
    assert (await client.patch(CURRENT, json={"extra": {"lang": "it"}}, headers=headers)).status_code == 204
    assert (await client.get(CURRENT, headers=headers)).json()["lang"] == "it"


async def test_a_member_changes_what_it_sends_and_nothing_else(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie
) -> None:
    member = await factory.member(extra={"lang": "fr", "hasAvatar": True}, is_validated=False)
    other = await factory.member()
    headers = cookie_for(member["id"])
    for change in (
        {"name": "New name"},
        {"enableSaveActions": False},
        {"extra": {"emailFreq": "never", "unknown": "x", "hasAvatar": False}},
        {"extra": {"hasCompletedTour": True}, "email": "other@example.org", "isValidated": True},
        {"unknown": True},
    ):
        answer = await client.patch(CURRENT, json=change, headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
    row = await platform.reads.first(select(account).where(account.c.id == member["id"]))
    assert row is not None
    assert (row["name"], row["email"], row["is_validated"]) == ("New name", member["email"], False)
    assert row["enable_save_actions"] is False
    assert row["extra"] == {
        "lang": "fr",
        "hasAvatar": True,
        "emailFreq": "never",
        "hasCompletedTour": True,
    }
    assert row["updated_at"] > member["updated_at"]
    assert await platform.reads.first(select(account).where(account.c.id == other["id"])) == other


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "body must NOT have fewer than 1 properties"),
        ({"name": None}, "body/name must NOT have fewer than 2 characters"),
        ({"name": "a" * 61}, "body/name must NOT have more than 60 characters"),
        ({"name": "a\nb"}, 'body/name must match format "username"'),
        ({"enableSaveActions": "yes"}, "body/enableSaveActions must be boolean"),
        ({"extra": None}, "body/extra must be object"),
        ({"extra": "text"}, "body/extra must be object"),
        (
            {"extra": {"emailFreq": "sometimes"}},
            "body/extra/emailFreq must be equal to one of the allowed values",
        ),
        ({"extra": {"lang": "x" * 36}}, "body/extra/lang must NOT have more than 35 characters"),
    ],
)
async def test_wrong_changes_are_refused_before_anybody_asks_who_it_is(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, change: dict[str, Any], message: str
) -> None:
    for headers in ({}, cookie_for((await factory.member())["id"])):
        answer = await client.patch(CURRENT, json=change, headers=headers)
        assert answer.status_code == 400
        assert answer.json() == {
            "message": message,
            "name": "Error",
            "code": "FST_ERR_VALIDATION",
            "statusCode": 400,
        }


async def test_null_is_false_for_saving_actions(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member())["id"])
    await client.patch(CURRENT, json={"enableSaveActions": None}, headers=headers)
    assert await platform.reads.scalar(select(account.c.enable_save_actions)) is False


async def test_guests_change_their_name_within_their_schema(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie
) -> None:
    path = (await factory.item())["path"]
    guest, other = await factory.guest(path), await factory.guest(path)
    elsewhere = await factory.guest((await factory.item())["path"])
    headers = cookie_for(guest["id"])
    taken = await client.patch(CURRENT, json={"name": other["name"]}, headers=headers)
    assert refusal(taken) == (409, "GERR409")
    changed = await client.patch(CURRENT, json={"name": elsewhere["name"]}, headers=headers)
    assert changed.status_code == 204
    ignored = await client.patch(CURRENT, json={"extra": {"lang": "fr"}}, headers=headers)
    assert ignored.status_code == 204
    row = await platform.reads.first(select(account).where(account.c.id == guest["id"]))
    assert row is not None
    assert (row["name"], row["extra"]) == (elsewhere["name"], {})


async def test_members_may_share_a_name(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member, other = await factory.member(), await factory.member()
    answer = await client.patch(CURRENT, json={"name": other["name"]}, headers=cookie_for(member["id"]))
    assert answer.status_code == 204


async def test_settings(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie
) -> None:
    member = await factory.member(extra={})
    headers = cookie_for(member["id"])
    body = (await client.get(f"{CURRENT}/settings", headers=headers)).json()
    subscribed_at = body.pop("marketingEmailsSubscribedAt")
    assert datetime.fromisoformat(subscribed_at) == member["marketing_emails_subscribed_at"]
    assert body == {"notificationFrequency": "always", "enableSaveActions": True}
    change = {"extra": {"lang": "fr", "emailFreq": "never"}, "enableSaveActions": False}
    await client.patch(CURRENT, json=change, headers=headers)
    async with platform.unit_of_work() as uow:
        await uow.execute(update(account).values(marketing_emails_subscribed_at=None))
    assert (await client.get(f"{CURRENT}/settings", headers=headers)).json() == {
        "lang": "fr",
        "marketingEmailsSubscribedAt": None,
        "notificationFrequency": "never",
        "enableSaveActions": False,
    }


async def test_marketing_mails_are_the_members_choice(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie
) -> None:
    member = await factory.member()
    headers = cookie_for(member["id"])
    moments = []
    for choice in ("unsubscribe", "unsubscribe", "subscribe", "subscribe"):
        answer = await client.post(f"{CURRENT}/marketing/{choice}", headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
        moments.append(await platform.reads.scalar(select(account.c.marketing_emails_subscribed_at)))
    assert moments[:2] == [None, None]
    assert member["marketing_emails_subscribed_at"] < moments[2] < moments[3]
    rows = await platform.reads.all(select(action).order_by(action.c.created_at))
    assert [row["type"] for row in rows] == [
        "marketing-emails-unsubscribe",
        "marketing-emails-unsubscribe",
        "marketing-emails-subscribe",
        "marketing-emails-subscribe",
    ]
    assert {row["account_id"] for row in rows} == {member["id"]}
    assert rows[0]["extra"] == {"memberId": str(member["id"])}
    await client.patch(CURRENT, json={"enableSaveActions": False}, headers=headers)
    await client.post(f"{CURRENT}/marketing/subscribe", headers=headers)
    assert len(await platform.reads.all(select(action.c.id))) == 4


async def test_who_may_see_and_change_what(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    operations: list[tuple[str, str, dict[str, Any] | None, bool]] = [
        ("GET", CURRENT, None, True),
        ("PATCH", CURRENT, {"name": "Another"}, True),
        ("GET", f"{CURRENT}/settings", None, False),
        ("POST", f"{CURRENT}/marketing/subscribe", None, False),
        ("POST", f"{CURRENT}/marketing/unsubscribe", None, False),
    ]
    for caller, headers in (await every_caller(factory, cookie_for)).items():
        for method, path, body, guests_too in operations:
            answer = await client.request(method, path, json=body, headers=headers)
            if caller in ("anonymous", "unreadable cookie", "deleted account"):
                assert refusal(answer) == UNAUTHORIZED, (caller, path)
            elif caller == "guest" and not guests_too:
                assert refusal(answer) == NOT_A_MEMBER, (caller, path)
            else:
                assert answer.status_code in (200, 204), (caller, path)


async def test_reading_the_account_takes_two_statements(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, count_statements: Callable[[], Any]
) -> None:
    member = cookie_for((await factory.member())["id"])
    guest = cookie_for((await factory.guest((await factory.item())["path"]))["id"])
    for headers, path in ((member, CURRENT), (guest, CURRENT), (member, f"{CURRENT}/settings")):
        with count_statements() as statements:
            await client.get(path, headers=headers)
        assert len(statements) == 2
