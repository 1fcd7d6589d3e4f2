"""Who tries too often is told to come back: by address and by account."""

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from limits import parse

from graasp.http.errors import TooManyRequests
from graasp.rate_limits import (
    MAIL_BY_ACCOUNT,
    MAIL_BY_ADDRESS,
    SIGN_IN_BY_ACCOUNT,
    SIGN_IN_BY_ADDRESS,
    RateLimits,
)
from graasp.settings import Settings
from tests.conftest import RunJobs
from tests.factories import Factory
from tests.people import PASSWORD, Cookie, with_password

EMAIL = "a@example.org"
BY_ACCOUNT: list[tuple[str, str, dict[str, Any], int]] = [
    ("POST", "/api/register", {"name": "Anna", "email": EMAIL, "captcha": "x"}, MAIL_BY_ACCOUNT.amount),
    ("POST", "/api/login", {"email": EMAIL, "captcha": "x"}, MAIL_BY_ACCOUNT.amount),
    ("POST", "/api/password/reset", {"email": EMAIL, "captcha": "x"}, MAIL_BY_ACCOUNT.amount),
    (
        "POST",
        "/api/login-password",
        {"email": EMAIL, "captcha": "x", "password": "wrong"},
        SIGN_IN_BY_ACCOUNT.amount,
    ),
    ("POST", "/api/password", {"password": PASSWORD}, SIGN_IN_BY_ACCOUNT.amount),
    (
        "PATCH",
        "/api/password",
        {"password": PASSWORD, "currentPassword": "Wrong-horse-1"},
        SIGN_IN_BY_ACCOUNT.amount,
    ),
    ("POST", "/api/members/current/email/change", {"email": "new@example.org"}, MAIL_BY_ACCOUNT.amount),
    ("POST", "/api/members/export-data", {}, MAIL_BY_ACCOUNT.amount),
]


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(node_env="development", rate_limits=True, trusted_proxies=1)


@pytest.mark.parametrize(("method", "path", "body", "amount"), BY_ACCOUNT)
async def test_an_account_is_tried_a_few_times_from_wherever(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    method: str,
    path: str,
    body: dict[str, Any],
    amount: int,
) -> None:
    member = await with_password(factory, email=EMAIL)
    headers = cookie_for(member["id"])

    async def ask(number: int, **changed: object) -> httpx.Response:
        # Every time from another address, and with the letters of the address cased differently.
        sent = {
            name: value.title() if name == "email" and number % 2 else value for name, value in body.items()
        }
        address = {"X-Forwarded-For": f"192.0.2.{number}"}
        return await client.request(method, path, json=sent | changed, headers=headers | address)

    for number in range(amount):
        assert (await ask(number)).status_code != 429
    refused = await ask(amount)
    assert refused.status_code == 429
    assert refused.json() == {
        "name": "TOO_MANY_REQUESTS",
        "code": "GERR429",
        "message": "TOO_MANY_REQUESTS",
        "statusCode": 429,
        "origin": "core",
    }
    assert 0 < int(refused.headers["retry-after"]) <= 61
    await run_jobs()
    assert len(mails) <= amount
    headers = cookie_for((await factory.member())["id"])
    somebody_else = {"email": "other@example.org"} if "email" in body else {}
    assert (await ask(amount, **somebody_else)).status_code != 429


@pytest.mark.parametrize(
    ("method", "path", "body", "amount"),
    [
        ("POST", "/api/login", {"captcha": "x"}, MAIL_BY_ADDRESS.amount),
        ("POST", "/api/login-password", {"captcha": "x", "password": "wrong"}, SIGN_IN_BY_ADDRESS.amount),
        ("PATCH", "/api/password/reset", {"password": PASSWORD}, SIGN_IN_BY_ADDRESS.amount),
        ("PATCH", "/api/members/current/email/change", {}, SIGN_IN_BY_ADDRESS.amount),
    ],
)
async def test_an_address_tries_so_many_accounts(
    client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any], amount: int
) -> None:
    async def ask(number: int, address: str) -> int:
        headers = {"X-Forwarded-For": f"203.0.113.{number % 250}, {address}", "Authorization": "Bearer a.b.c"}
        sent = body | {"email": f"{number}@example.org"}
        return (await client.request(method, path, json=sent, headers=headers)).status_code

    # One network has many addresses of the sixth version, and an address of the client's own making counts nothing.
    statuses = [await ask(number, f"2001:db8::{number:x}") for number in range(amount + 1)]
    assert 429 not in statuses[:-1]
    assert statuses[-1] == 429
    assert await ask(amount + 1, "2001:db8:0:1::1") != 429
    assert await ask(amount + 2, "192.0.2.1") != 429


async def test_what_is_refused_does_not_ask_the_database(
    client: httpx.AsyncClient, factory: Factory, count_statements: Callable[[], Any]
) -> None:
    await with_password(factory, email=EMAIL)
    body = {"email": EMAIL, "captcha": "x", "password": "wrong"}
    for _ in range(SIGN_IN_BY_ACCOUNT.amount):
        await client.post("/api/login-password", json=body)
    with count_statements() as statements:
        assert (await client.post("/api/login-password", json=body)).status_code == 429
    assert statements == []


@pytest.mark.parametrize(
    ("one", "another", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("somebody", "somebody else", False),
    ],
)
async def test_networks_count_together(app: FastAPI, one: str, another: str, together: bool) -> None:
    limits: RateLimits = app.state.rate_limits
    once = parse("1 per minute")
    await limits.require("sign-in", (once, one))
    if together:
        with pytest.raises(TooManyRequests):
            await limits.require("sign-in", (once, another))
    else:
        await limits.require("sign-in", (once, another))
