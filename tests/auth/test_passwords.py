"""Passwords: signing in with them, making, changing and resetting them."""

import asyncio
from collections.abc import Callable, MutableMapping
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import bcrypt
import httpx
import pytest
import redis.asyncio
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import delete, select

from graasp.accounts.tables import account
from graasp.actions.tables import action
from graasp.auth import passwords, tokens
from graasp.auth.tables import member_password
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from tests.auth.conftest import Clock
from tests.conftest import RunJobs
from tests.factories import Factory
from tests.people import (
    NOT_VALIDATED,
    PASSWORD,
    UNAUTHORIZED,
    Cookie,
    every_caller,
    is_signed_in,
    link_in,
    refusal,
    session_of,
    with_password,
)

NEW = "Another-horse-2"
Audited = list[MutableMapping[str, Any]]


def _credentials(password: str = PASSWORD, email: str = "a@example.org") -> dict[str, str]:
    return {"email": email, "password": password, "captcha": "x"}


async def _stored(platform: Platform) -> str | None:
    stored: str | None = await platform.reads.scalar(select(member_password.c.password))
    return stored


# --- signing in --------------------------------------------------------------------------------------


async def test_a_password_signs_in(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, audited: Audited
) -> None:
    member = await with_password(factory, email="a@example.org", is_validated=False)
    answer = await client.post("/api/login-password?lang=fr", json=_credentials(email="A@example.org"))
    assert (answer.status_code, answer.content) == (204, b"")
    current = (await client.get("/api/members/current", headers=session_of(answer))).json()
    assert (current["id"], current["isValidated"]) == (str(member["id"]), False)
    assert current["lastAuthenticatedAt"] is not None
    assert await platform.reads.scalar(select(action.c.id)) is None
    assert (audited[-1]["event"], audited[-1]["by"]) == ("signed in", "password")


@pytest.mark.parametrize(
    ("body", "status", "code", "data"),
    [
        (_credentials(email="No@example.org"), 404, "GERR018", {"email": "No@example.org"}),
        (_credentials(email="without@example.org"), 406, "GERR019", None),
        (_credentials("Wrong-horse-1"), 401, "GERR037", None),
        (_credentials("weak"), 401, "GERR037", None),
    ],
)
async def test_what_refuses_a_password(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    body: dict[str, str],
    status: int,
    code: str,
    data: object,
) -> None:
    await factory.member(email="without@example.org")
    await with_password(factory, email="a@example.org")
    answer = await client.post("/api/login-password", json=body)
    assert (answer.status_code, answer.json()["code"], answer.json().get("data")) == (status, code, data)
    assert "set-cookie" not in answer.headers
    assert await platform.reads.scalar(select(account.c.last_authenticated_at)) is None


async def test_a_wrong_password_is_told_to_the_operators_without_it(
    client: httpx.AsyncClient, factory: Factory, audited: Audited
) -> None:
    member = await with_password(factory, email="a@example.org")
    await client.post("/api/login-password", json=_credentials("Wrong-horse-1"))
    (event,) = audited
    assert (event["event"], event["account_id"]) == ("wrong password", str(member["id"]))
    assert "Wrong-horse-1" not in str(event)


async def test_an_empty_password_is_a_bad_request_in_plain_text(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    await with_password(factory, email="a@example.org")
    answer = await client.post("/api/login-password", json=_credentials(""))
    assert (answer.status_code, answer.text) == (400, "Bad Request")


async def test_hashes_of_both_prefixes_are_accepted_and_only_72_bytes_count(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    long = "é" * 40
    hashed = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    for number, prefix in enumerate(("$2a$", "$2b$")):
        member = await factory.member(email=f"{number}@example.org")
        await factory.insert(member_password, member_id=member["id"], password=hashed.replace("$2b$", prefix))
        body = _credentials(long[:36] + "other", email=f"{number}@example.org")
        assert (await client.post("/api/login-password", json=body)).status_code == 204


@examples(max_examples=50, deadline=None)
@given(st.text(max_size=100).filter(lambda text: "\0" not in text))
def test_every_password_matches_its_own_hash(password: str) -> None:
    hashed = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()
    assert asyncio.run(passwords.matches(password, hashed))


async def test_new_hashes_are_bcrypt_of_cost_ten_and_a_malformed_one_matches_nothing() -> None:
    assert (await passwords.hash_password(PASSWORD)).startswith("$2b$10$")
    for malformed in ("", "x", "$2b$10$short"):
        assert not await passwords.matches("", malformed)


# --- making and changing -----------------------------------------------------------------------------


async def test_only_validated_members_make_and_change_passwords(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    wanted = {
        "anonymous": UNAUTHORIZED,
        "unreadable cookie": UNAUTHORIZED,
        "deleted account": UNAUTHORIZED,
        "guest": NOT_VALIDATED,
        "unvalidated member": NOT_VALIDATED,
        "member": (204, None),
    }
    for caller, headers in (await every_caller(factory, cookie_for)).items():
        made = await client.post("/api/password", json={"password": PASSWORD}, headers=headers)
        assert refusal(made) == wanted[caller], caller
        change = {"password": NEW, "currentPassword": PASSWORD}
        changed = await client.patch("/api/password", json=change, headers=headers)
        assert refusal(changed) == wanted[caller], caller
        invalid = await client.post("/api/password", json={"password": "weak"}, headers=headers)
        assert invalid.status_code == 400, caller


@pytest.mark.parametrize(
    "weak", ["", "Short-1", "no-digits-AT", "NO-LOWER-1", "no-upper-1", "line\nBreak-1", "１２３４５６７８aA"]
)
async def test_passwords_are_strong(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie, weak: str
) -> None:
    headers = cookie_for((await with_password(factory))["id"])
    before = await _stored(platform)
    for method, body in (
        ("POST", {"password": weak}),
        ("PATCH", {"password": weak, "currentPassword": PASSWORD}),
        ("PATCH", {"password": NEW, "currentPassword": weak}),
    ):
        answer = await client.request(method, "/api/password", json=body, headers=headers)
        assert answer.status_code == 400
        assert "strongPassword" in answer.json()["message"]
    assert await _stored(platform) == before


async def test_a_member_makes_one_password(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, audited: Audited
) -> None:
    member = await factory.member(email="a@example.org")
    headers = cookie_for(member["id"])
    status = "/api/members/current/password/status"
    assert (await client.get(status, headers=headers)).json() == {"hasPassword": False}
    assert (
        await client.post("/api/password", json={"password": PASSWORD}, headers=headers)
    ).status_code == 204
    assert (await client.get(status, headers=headers)).json() == {"hasPassword": True}
    assert [event["event"] for event in audited] == ["password created"]
    again = await client.post("/api/password", json={"password": NEW}, headers=headers)
    assert again.status_code == 409
    assert again.json() == {
        "name": "PASSWORD_CONFLICT_ERROR",
        "code": "GPPWDERR003",
        "message": "PASSWORD_CONFLICT_ERROR",
        "statusCode": 409,
        "origin": "graasp-plugin-password",
    }
    assert (await client.post("/api/login-password", json=_credentials())).status_code == 204


async def test_the_password_status_of_guests_and_strangers(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    callers = await every_caller(factory, cookie_for)
    url = "/api/members/current/password/status"
    assert (await client.get(url, headers=callers["guest"])).json() == {"hasPassword": False}
    assert (await client.get(url, headers=callers["unvalidated member"])).status_code == 200
    assert refusal(await client.get(url, headers=callers["anonymous"])) == UNAUTHORIZED


async def test_a_password_is_changed_by_who_knows_it(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie, audited: Audited
) -> None:
    headers = cookie_for((await with_password(factory, email="a@example.org"))["id"])
    before = await _stored(platform)
    wrong = {"password": NEW, "currentPassword": "Wrong-horse-1"}
    refused = await client.patch("/api/password", json=wrong, headers=headers)
    assert refusal(refused) == (401, "GERR025")
    assert await _stored(platform) == before
    change = {"password": NEW, "currentPassword": PASSWORD}
    assert (await client.patch("/api/password", json=change, headers=headers)).status_code == 204
    assert refusal(await client.post("/api/login-password", json=_credentials())) == (401, "GERR037")
    assert (await client.post("/api/login-password", json=_credentials(NEW))).status_code == 204
    assert [event["event"] for event in audited][:2] == ["wrong password", "password changed"]


async def test_a_member_without_a_password_gets_one_by_changing_it(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member(email="a@example.org"))["id"])
    change = {"password": NEW, "currentPassword": PASSWORD}
    assert (await client.patch("/api/password", json=change, headers=headers)).status_code == 204
    assert (await client.post("/api/login-password", json=_credentials(NEW))).status_code == 204


# --- resetting ---------------------------------------------------------------------------------------


async def _reset_token(
    client: httpx.AsyncClient, run_jobs: RunJobs, mails: list[EmailMessage], email: str = "a@example.org"
) -> str:
    answer = await client.post("/api/password/reset", json={"email": email, "captcha": "x"})
    assert (answer.status_code, answer.content) == (204, b"")
    await run_jobs()
    return parse_qs(urlsplit(link_in(mails[-1])).query)["t"][0]


async def _reset(client: httpx.AsyncClient, token: str, password: str = NEW) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await client.patch("/api/password/reset", json={"password": password}, headers=headers)


async def test_a_reset_link_sets_a_password_once_and_ends_every_session(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    audited: Audited,
) -> None:
    member = await with_password(factory, email="a@example.org", is_validated=False, extra={"lang": "fr"})
    session = session_of(await client.post("/api/login-password", json=_credentials()))
    token = await _reset_token(client, run_jobs, mails, "A@Example.org")
    (mail,) = mails
    assert mail["to"] == "A@Example.org"
    assert "mot de passe" in mail["subject"]
    assert link_in(mail).startswith("http://client.test/auth/reset-password?t=")
    weak = await _reset(client, token, "weak")
    assert (weak.status_code, weak.json()) == (400, {})
    answer = await _reset(client, token)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "set-cookie" not in answer.headers
    assert not await is_signed_in(client, session)
    again = await _reset(client, token, "Third-horse-3")
    assert (again.status_code, again.json()["code"]) == (401, "GERR027")
    signed_in = await client.post("/api/login-password", json=_credentials(NEW))
    current = await client.get("/api/members/current", headers=session_of(signed_in))
    assert current.json()["isValidated"] is False
    rows = await platform.reads.all(select(action).order_by(action.c.created_at))
    assert [(row["type"], row["view"], row["extra"], row["account_id"]) for row in rows] == [
        ("ask-reset-password", "auth", {}, member["id"]),
        ("reset-password", "auth", {}, member["id"]),
    ]
    assert "password reset" in [event["event"] for event in audited]


async def test_resets_of_members_who_save_no_actions_are_not_recorded(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    await with_password(factory, email="a@example.org", enable_save_actions=False)
    assert (await _reset(client, await _reset_token(client, run_jobs, mails))).status_code == 204
    assert await platform.reads.scalar(select(action.c.id)) is None


async def test_asking_for_a_reset_tells_nothing_by_its_answer_or_its_work(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    count_statements: Callable[[], Any],
) -> None:
    await with_password(factory, email="a@example.org")
    await factory.member(email="without@example.org")
    ran = {}
    for email in ("nobody@example.org", "without@example.org", "a@example.org"):
        with count_statements() as statements:
            answer = await client.post("/api/password/reset", json={"email": email, "captcha": "x"})
        assert (answer.status_code, answer.content) == (204, b"")
        ran[email] = list(statements)
    assert ran["nobody@example.org"] == ran["without@example.org"] == ran["a@example.org"]
    await run_jobs()
    assert [mail["to"] for mail in mails] == ["a@example.org"]
    assert "example.org" not in str(await platform.reads.all(select(job.c.payload)))


async def test_a_reset_link_ends_with_its_day(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    clock: Clock,
) -> None:
    await with_password(factory, email="a@example.org")
    token = await _reset_token(client, run_jobs, mails)
    (key,) = [key async for key in platform.redis.scan_iter(match="reset-password:*")]
    assert 86_390 < await platform.redis.ttl(key) <= 86_400
    clock.advance(timedelta(days=1, seconds=1))
    late = await _reset(client, token)
    assert (late.status_code, late.text) == (401, "Unauthorized")
    clock.advance(timedelta(seconds=-5))
    await platform.redis.delete(key)
    assert refusal(await _reset(client, token)) == (401, "GERR027")


async def test_tokens_that_are_no_good_reset_nothing(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, settings: Settings
) -> None:
    member = await with_password(factory, email="a@example.org")
    before = await _stored(platform)
    good = tokens.reset_token(settings, uuid4())
    for header in ("", good, f"Token {good}", "Bearer a.b", f"Bearer  {good}"):
        answer = await client.patch(
            "/api/password/reset", json={"password": NEW}, headers={"Authorization": header}
        )
        assert (answer.status_code, answer.json()) == (400, {}), header
    assert (await client.patch("/api/password/reset", json={"password": NEW})).json() == {}
    for token in (f"{good[:-4]}aaaa", tokens.magic_link_token(settings, member["id"], timedelta(days=1))):
        assert refusal(await _reset(client, token)) == UNAUTHORIZED
    assert refusal(await _reset(client, good)) == (401, "GERR027")
    lower = await client.patch(
        "/api/password/reset", json={"password": NEW}, headers={"Authorization": f"bearer {good}"}
    )
    assert refusal(lower) == (401, "GERR027")
    assert await _stored(platform) == before


@pytest.mark.parametrize("body", [{}, {"email": "no", "captcha": "x"}, {"email": "a@example.org"}])
async def test_invalid_requests_for_a_reset_are_told_nothing(
    client: httpx.AsyncClient, body: dict[str, str]
) -> None:
    answer = await client.post("/api/password/reset", json=body)
    assert (answer.status_code, answer.json()) == (400, {})


async def test_a_link_of_a_member_that_is_gone_resets_nothing(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    await with_password(factory, email="a@example.org")
    token = await _reset_token(client, run_jobs, mails)
    async with platform.unit_of_work() as uow:
        await uow.execute(delete(account))
    assert refusal(await _reset(client, token)) == (401, "GERR027")


async def test_a_reset_that_came_to_nothing_can_be_tried_again(
    client: httpx.AsyncClient,
    factory: Factory,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await with_password(factory, email="a@example.org")
    token = await _reset_token(client, run_jobs, mails)

    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr("graasp.auth.service.record_for", fail)
        answer = await _reset(client, token)
        assert (answer.status_code, answer.json()["message"]) == (500, "UNEXPECTED_ERROR")
    assert refusal(await client.post("/api/login-password", json=_credentials(NEW))) == (401, "GERR037")
    assert (await _reset(client, token)).status_code == 204


async def test_without_redis_a_reset_asks_to_come_back(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise redis.asyncio.ConnectionError

    monkeypatch.setattr(redis.asyncio.Redis, "getdel", fail)
    answer = await _reset(client, tokens.reset_token(settings, uuid4()))
    assert refusal(answer) == (503, "GERR503")
    assert answer.headers["retry-after"].isdigit()
