"""Changing the e-mail address: a link to the new one, and a word to the old one."""

from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import jwt
import pytest
from sqlalchemy import delete, select, update

from graasp.accounts.tables import account
from graasp.auth import tokens
from graasp.auth.tokens import EmailChange
from graasp.platform import Platform
from graasp.settings import Settings
from tests.auth.conftest import Clock, clock
from tests.conftest import RunJobs
from tests.factories import Factory, Row
from tests.people import NOT_A_MEMBER, UNAUTHORIZED, Cookie, every_caller, link_in, refusal, text_of

__all__ = ["clock"]

CHANGE = "/api/members/current/email/change"


@pytest.fixture
async def anna(factory: Factory) -> Row:
    return await factory.member(email="old@example.org", extra={"lang": "fr"}, is_validated=False)


@pytest.fixture
def mailed_token(
    client: httpx.AsyncClient, anna: Row, cookie_for: Cookie, run_jobs: RunJobs, mails: list[EmailMessage]
) -> Callable[..., Any]:
    async def ask(email: str = "New@Example.org") -> str:
        answer = await client.post(CHANGE, json={"email": email}, headers=cookie_for(anna["id"]))
        assert (answer.status_code, answer.content) == (204, b"")
        await run_jobs()
        return parse_qs(urlsplit(link_in(mails[-1])).query)["t"][0]

    return ask


async def _follow(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.patch(CHANGE, headers={"Authorization": f"Bearer {token}"})


async def _email(platform: Platform, member: Row) -> str:
    email: str = await platform.reads.scalar(select(account.c.email).where(account.c.id == member["id"]))
    return email


async def test_the_new_address_is_proven_and_the_old_one_is_told(
    client: httpx.AsyncClient,
    platform: Platform,
    anna: Row,
    mailed_token: Callable[..., Any],
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    audited: list[MutableMapping[str, Any]],
) -> None:
    token = await mailed_token()
    (proof,) = mails
    assert proof["to"] == "new@example.org"
    link = urlsplit(link_in(proof))
    assert f"{link.scheme}://{link.netloc}{link.path}" == "http://client.test/email/change"
    assert parse_qs(link.query)["email"] == ["new@example.org"]
    assert "ignorer" in text_of(proof)
    assert await _email(platform, anna) == "old@example.org"
    answer = await _follow(client, token)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "set-cookie" not in answer.headers
    assert await _email(platform, anna) == "new@example.org"
    assert await platform.reads.scalar(select(account.c.is_validated)) is False
    await run_jobs()
    told = mails[-1]
    assert told["to"] == "old@example.org"
    assert "new@example.org" in text_of(told)
    assert "http://" not in text_of(told)
    assert refusal(await _follow(client, token)) == (401, "GERR027")
    assert [event["event"] for event in audited] == ["e-mail change requested", "e-mail changed"]
    assert "example.org" not in str(audited)


@pytest.mark.parametrize("taken", ["old@example.org", "OLD@example.org", "other@example.org"])
async def test_an_address_that_somebody_has_is_refused(
    client: httpx.AsyncClient,
    factory: Factory,
    anna: Row,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    taken: str,
) -> None:
    await factory.member(email="other@example.org")
    answer = await client.post(CHANGE, json={"email": taken}, headers=cookie_for(anna["id"]))
    assert answer.status_code == 409
    assert answer.json() == {
        "name": "EMAIL_ALREADY_TAKEN",
        "code": "GMERR001",
        "message": "EMAIL_ALREADY_TAKEN",
        "statusCode": 409,
        "origin": "graasp-plugin-member",
    }
    await run_jobs()
    assert mails == []


async def test_an_address_that_was_taken_meanwhile_is_refused(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    anna: Row,
    mailed_token: Callable[..., Any],
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    token = await mailed_token()
    await factory.member(email="new@example.org")
    assert refusal(await _follow(client, token)) == (409, "GMERR001")
    assert await _email(platform, anna) == "old@example.org"
    await run_jobs()
    assert len(mails) == 1


async def test_a_link_dies_with_every_other_change_and_with_the_account(
    client: httpx.AsyncClient, platform: Platform, mailed_token: Callable[..., Any]
) -> None:
    token = await mailed_token()
    async with platform.unit_of_work() as uow:
        await uow.execute(update(account).values(email="third@example.org"))
    assert refusal(await _follow(client, token)) == (401, "GERR027")
    async with platform.unit_of_work() as uow:
        await uow.execute(delete(account))
    assert refusal(await _follow(client, token)) == (401, "GERR027")


async def test_a_link_ends_with_its_day(
    client: httpx.AsyncClient, platform: Platform, anna: Row, mailed_token: Callable[..., Any], clock: Clock
) -> None:
    token = await mailed_token()
    clock.advance(timedelta(days=1, seconds=1))
    assert refusal(await _follow(client, token)) == UNAUTHORIZED
    clock.advance(timedelta(seconds=-10))
    assert (await _follow(client, token)).status_code == 204


async def test_tokens_that_are_no_good_change_nothing(
    client: httpx.AsyncClient, platform: Platform, anna: Row, settings: Settings, cookie_for: Cookie
) -> None:
    change = EmailChange(anna["id"], "old@example.org", "new@example.org")
    good = tokens.email_change_token(settings, change)
    secret = settings.email_change_jwt_secret.get_secret_value()
    incomplete = jwt.encode(
        {"uuid": str(anna["id"]), "exp": datetime.now(UTC) + timedelta(minutes=1)}, secret, "HS256"
    )
    session = cookie_for(anna["id"])
    for header in (None, "", good, f"Token {good}", f"Bearer {good[:-4]}", f"Bearer {incomplete}"):
        headers = session | ({} if header is None else {"Authorization": header})
        answer = await client.patch(CHANGE, headers=headers)
        assert (answer.status_code, answer.text) == (401, "Unauthorized"), header
    for other in (
        tokens.reset_token(settings, uuid4()),
        tokens.magic_link_token(settings, anna["id"], timedelta(1)),
    ):
        assert refusal(await _follow(client, other)) == UNAUTHORIZED
    assert await _email(platform, anna) == "old@example.org"
    empty_body = {"Authorization": f"bearer {good}"}
    assert (await client.patch(CHANGE, json={}, headers=empty_body)).status_code == 204


async def test_every_member_may_ask(client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie) -> None:
    for number, (caller, headers) in enumerate((await every_caller(factory, cookie_for)).items()):
        answer = await client.post(CHANGE, json={"email": f"new{number}@example.org"}, headers=headers)
        if caller == "guest":
            assert refusal(answer) == NOT_A_MEMBER
        elif caller in ("member", "unvalidated member"):
            assert answer.status_code == 204
        else:
            assert refusal(answer) == UNAUTHORIZED
        for email in ("no", f"{'a' * 150}@example.org", None):
            invalid = await client.post(CHANGE, json={"email": email}, headers=headers)
            assert refusal(invalid) == (400, "FST_ERR_VALIDATION")
