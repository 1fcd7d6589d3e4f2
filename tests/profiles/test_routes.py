"""What members tell of themselves."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from graasp.accounts.tables import member_profile
from graasp.platform import Platform
from tests.factories import Factory
from tests.people import (
    NOT_A_MEMBER,
    NOT_VALIDATED,
    UNAUTHORIZED,
    Cookie,
    every_caller,
    refusal,
)

PROFILE = "/api/members/profile"
FULL = {"bio": "I <b>teach</b>", "facebookId": "f", "linkedinId": "l", "twitterId": "t", "visibility": True}


async def test_a_member_tells_of_itself_and_everybody_reads_it(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    headers = cookie_for(member["id"])
    made = await client.post(PROFILE, json=FULL | {"unknown": 1}, headers=headers)
    assert made.status_code == 201
    body = made.json()
    assert {name: body[name] for name in FULL} == FULL
    assert body.keys() - FULL.keys() == {"id", "createdAt", "updatedAt"}
    assert datetime.fromisoformat(body["createdAt"]).tzinfo is not None
    for caller in (await every_caller(factory, cookie_for)).values():
        shown = await client.get(f"{PROFILE}/{member['id']}", headers=caller)
        assert (shown.status_code, shown.json()) == (200, body)
    assert (await client.get(f"{PROFILE}/own", headers=headers)).json() == body


async def test_what_is_not_told_is_null_and_hidden(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    headers = cookie_for(member["id"])
    body = (await client.post(f"{PROFILE}/", json={"bio": "b"}, headers=headers)).json()
    assert {name: body[name] for name in FULL} == {
        "bio": "b",
        "facebookId": None,
        "linkedinId": None,
        "twitterId": None,
        "visibility": False,
    }
    for caller in ({}, headers):
        hidden = await client.get(f"{PROFILE}/{member['id']}", headers=caller)
        assert (hidden.status_code, hidden.content) == (200, b"null")
    assert (await client.get(f"{PROFILE}/own", headers=headers)).json()["bio"] == "b"
    nobody = await client.get(f"{PROFILE}/{uuid4()}")
    assert (nobody.status_code, nobody.content) == (200, b"null")


async def test_a_change_leaves_what_is_not_sent_and_takes_null_for_empty(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member())["id"])
    other = cookie_for((await factory.member())["id"])
    await client.post(PROFILE, json=FULL, headers=headers)
    await client.post(PROFILE, json=FULL, headers=other)
    for change in ({"bio": None, "twitterId": "new"}, {"visibility": False}):
        answer = await client.patch(PROFILE, json=change, headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
    shown = (await client.get(f"{PROFILE}/own", headers=headers)).json()
    assert {name: shown[name] for name in FULL} == FULL | {
        "bio": "",
        "twitterId": "new",
        "visibility": False,
    }
    row = await platform.reads.first(select(member_profile).where(member_profile.c.bio == ""))
    assert row is not None
    assert row["updated_at"] > row["created_at"]
    untouched = (await client.get(f"{PROFILE}/own", headers=other)).json()
    assert {name: untouched[name] for name in FULL} == FULL


async def test_changing_a_profile_that_is_not_there_makes_none(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member())["id"])
    assert (await client.patch(f"{PROFILE}/", json=FULL, headers=headers)).status_code == 204
    own = await client.get(f"{PROFILE}/own", headers=headers)
    assert (own.status_code, own.content) == (200, b"null")


async def test_there_is_one_profile_a_member(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member())["id"])
    await client.post(PROFILE, json=FULL, headers=headers)
    assert refusal(await client.post(PROFILE, json={"bio": "b"}, headers=headers)) == (409, "GMPERR004")
    assert (await client.get(f"{PROFILE}/own", headers=headers)).json()["bio"] == FULL["bio"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_is_no_profile_is_refused(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie, method: str
) -> None:
    headers = cookie_for((await factory.member())["id"])
    unknown = await client.request(method, PROFILE, json={"unknown": 1}, headers=headers)
    assert unknown.status_code == 400
    assert unknown.json() == {
        "name": "All properties of the member profile are empty",
        "code": "GMPERR003",
        "message": "All properties of the member profile are empty",
        "statusCode": 400,
        "origin": "graasp-member-profile",
    }
    for body, message in (
        ({}, "body must NOT have fewer than 1 properties"),
        ({"bio": "a" * 5001}, "body/bio must NOT have more than 5000 characters"),
        ({"facebookId": "a" * 101}, "body/facebookId must NOT have more than 100 characters"),
        ({"visibility": "maybe"}, "body/visibility must be boolean"),
        ({"bio": {}}, "body/bio must be string"),
    ):
        answer = await client.request(method, PROFILE, json=body, headers=headers)
        assert (answer.status_code, answer.json()["message"]) == (400, message)
    without = await client.request(method, PROFILE, headers=headers)
    assert (without.status_code, without.json()["message"]) == (400, "body must be object")
    assert await platform.reads.first(select(member_profile)) is None


async def test_who_has_a_profile(client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie) -> None:
    for caller, headers in (await every_caller(factory, cookie_for)).items():
        own = await client.get(f"{PROFILE}/own", headers=headers)
        made = await client.post(PROFILE, json=FULL, headers=headers)
        changed = await client.patch(PROFILE, json=FULL, headers=headers)
        if caller == "guest":
            assert refusal(own) == NOT_A_MEMBER
        elif caller in ("member", "unvalidated member"):
            assert (own.status_code, own.json()) == (200, None)
        else:
            assert refusal(own) == UNAUTHORIZED
        if caller == "member":
            assert (made.status_code, changed.status_code) == (201, 204)
        else:
            refused = NOT_VALIDATED if "member" in caller or caller == "guest" else UNAUTHORIZED
            assert (refusal(made), refusal(changed)) == (refused, refused)


async def test_reading_and_writing_take_one_statement_each(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, count_statements: Callable[[], Any]
) -> None:
    member = await factory.member()
    headers = cookie_for(member["id"])
    for method, path, body, most in (
        ("POST", PROFILE, FULL, 2),
        ("PATCH", PROFILE, FULL, 2),
        ("GET", f"{PROFILE}/own", None, 2),
        ("GET", f"{PROFILE}/{member['id']}", None, 1),
    ):
        with count_statements() as statements:
            await client.request(method, path, json=body, headers=headers)
        assert len(statements) == most
