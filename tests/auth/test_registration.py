"""Registration, and signing in by mailed links."""

import asyncio
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import httpx
import jwt
import pytest
from sqlalchemy import select

from graasp.accounts.tables import account
from graasp.actions.tables import action
from graasp.auth import tokens
from graasp.invitations.tables import invitation
from graasp.jobs.tables import job
from graasp.memberships.tables import item_membership
from graasp.platform import Platform
from graasp.settings import Settings
from tests.auth.conftest import Clock
from tests.conftest import RunJobs
from tests.factories import Factory
from tests.people import Cookie, link_in, session_of, text_of

NEW = {"name": "Anna", "email": "Anna@Example.org", "captcha": "x"}
FAILED = "http://client.test/auth/?error=true"
HOME = "http://client.test/home/"


def _path(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def _query(link: str, name: str) -> str:
    return parse_qs(urlsplit(link).query)[name][0]


async def _mailed_link(client: httpx.AsyncClient, run_jobs: RunJobs, mails: list[EmailMessage]) -> str:
    await client.post("/api/login", json={"email": "a@example.org", "captcha": "x"})
    await run_jobs()
    return link_in(mails[-1])


async def test_registration_leads_through_the_mail_to_a_validated_session(
    client: httpx.AsyncClient,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    audited: list[MutableMapping[str, Any]],
) -> None:
    before = datetime.now(UTC)
    answer = await client.post("/api/register?lang=fr", json=NEW | {"url": "http://library.test/page"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "set-cookie" not in answer.headers
    row = await platform.reads.first(select(account))
    assert row is not None
    assert (row["name"], row["email"], row["extra"]) == ("Anna", "anna@example.org", {"lang": "fr"})
    assert (row["type"], row["is_validated"], row["enable_save_actions"]) == ("individual", False, True)
    assert row["user_agreements_date"] >= before
    assert row["last_authenticated_at"] is None
    await run_jobs()
    (mail,) = mails
    assert mail["to"] == "anna@example.org"
    assert "Bienvenue" in text_of(mail)
    assert "https://graasp.org/fr/terms" in text_of(mail)
    link = link_in(mail)
    assert link.startswith("http://client.test/api/auth?")
    assert _query(link, "url") == "http://library.test/page"
    followed = await client.get(_path(link))
    assert (followed.status_code, followed.headers["location"]) == (303, "http://library.test/page")
    current = (await client.get("/api/members/current", headers=session_of(followed))).json()
    assert (current["isValidated"], current["lang"], current["email"]) == (True, "fr", "anna@example.org")
    assert current["lastAuthenticatedAt"] is not None
    assert datetime.fromisoformat(current["userAgreementsDate"]) == row["user_agreements_date"]
    assert [event["event"] for event in audited] == ["registered", "signed in"]
    assert await platform.reads.scalar(select(action.c.id)) is None


@pytest.mark.parametrize(
    ("given", "saves"),
    [({}, True), ({"enableSaveActions": False}, False), ({"enableSaveActions": None}, False)],
)
async def test_saving_actions_is_the_members_choice(
    client: httpx.AsyncClient, platform: Platform, given: dict[str, object], saves: bool
) -> None:
    assert (await client.post("/api/register", json=NEW | given)).status_code == 204
    row = await platform.reads.first(select(account.c.enable_save_actions, account.c.extra))
    assert row is not None
    assert (row["enable_save_actions"], row["extra"]) == (saves, {"lang": "en"})


async def test_what_a_new_member_was_invited_to_is_shared_with_it(
    client: httpx.AsyncClient, platform: Platform, factory: Factory
) -> None:
    parent = await factory.item()
    child = await factory.item(parent)
    inviter = await factory.member()
    for item, permission in ((parent, "read"), (child, "write")):
        await factory.insert(
            invitation,
            item_path=item["path"],
            email="anna@example.org",
            permission=permission,
            creator_id=inviter["id"],
        )
    await factory.insert(invitation, item_path=child["path"], email="other@example.org", permission="read")
    assert (await client.post("/api/register", json=NEW)).status_code == 204
    rows = await platform.reads.all(
        select(item_membership.c.item_path, item_membership.c.permission).order_by(
            item_membership.c.item_path
        )
    )
    assert [(row["item_path"], row["permission"]) for row in rows] == [
        (parent["path"], "read"),
        (child["path"], "write"),
    ]
    left = await platform.reads.all(select(invitation.c.email))
    assert [row["email"] for row in left] == ["other@example.org"]


async def test_a_known_address_gets_a_sign_in_link_and_nobody_can_tell(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    member = await factory.member(email="anna@example.org", name="before")
    body = NEW | {"name": "after", "url": "http://library.test/page"}
    answer = await client.post("/api/register", json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    await run_jobs()
    assert "sign-in" in mails[0]["subject"]
    assert _query(link_in(mails[0]), "url") == "http://library.test/page"
    assert await platform.reads.scalar(select(account.c.name)) == "before"
    recorded = await platform.reads.first(select(action))
    assert recorded is not None
    assert (recorded["type"], recorded["account_id"], recorded["view"], recorded["extra"]) == (
        "member-login",
        member["id"],
        "unknown",
        {"type": "email"},
    )


async def test_a_sign_in_of_who_saves_no_actions_is_recorded_without_a_name(
    client: httpx.AsyncClient, factory: Factory, platform: Platform
) -> None:
    await factory.member(email="a@example.org", enable_save_actions=False)
    await client.post("/api/login", json={"email": "a@example.org", "captcha": "x"})
    recorded = await platform.reads.first(select(action.c.type, action.c.account_id))
    assert recorded is not None
    assert (recorded["type"], recorded["account_id"]) == ("member-login", None)


async def test_two_registrations_of_one_address_at_once_make_one_member(
    client: httpx.AsyncClient, platform: Platform, run_jobs: RunJobs, mails: list[EmailMessage]
) -> None:
    answers = await asyncio.gather(*(client.post("/api/register", json=NEW) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {204}
    assert len(await platform.reads.all(select(account.c.id))) == 1
    await run_jobs()
    assert len(mails) == 4


async def test_a_sign_in_link_is_mailed_to_members_alone(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    member = await factory.member(email="a@example.org", extra={"lang": "es"}, is_validated=False)
    unknown = await client.post("/api/login", json={"email": "No@example.org", "captcha": "x"})
    assert unknown.status_code == 404
    assert unknown.json() == {
        "name": "MEMBER_NOT_SIGNED_UP",
        "code": "GERR018",
        "message": "MEMBER_NOT_SIGNED_UP",
        "statusCode": 404,
        "data": {"email": "No@example.org"},
        "origin": "core",
    }
    url = "http://client.test/player/1?a=b&c=d#e"
    known = await client.post("/api/login", json={"email": "A@Example.org", "captcha": "x", "url": url})
    assert (known.status_code, known.content) == (204, b"")
    await run_jobs()
    (mail,) = mails
    assert mail["to"] == "a@example.org"
    assert "Graasp" in mail["subject"]
    assert "https://graasp.org" not in text_of(mail)
    assert await platform.reads.scalar(select(action.c.account_id)) == member["id"]
    followed = await client.get(_path(link_in(mail)))
    assert followed.headers["location"] == url
    assert await platform.reads.scalar(select(account.c.is_validated)) is True


async def test_mails_leave_no_token_behind_in_the_job(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    await factory.member(email="a@example.org")
    await _mailed_link(client, run_jobs, mails)
    assert not await platform.reads.scalar(select(job.c.payload))


@pytest.mark.parametrize(
    ("path", "body", "life"),
    [
        ("/api/register", NEW, timedelta(minutes=60)),
        ("/api/login", {"email": "a@example.org", "captcha": "x"}, timedelta(minutes=30)),
    ],
)
async def test_links_end_with_their_time(
    client: httpx.AsyncClient,
    factory: Factory,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    clock: Clock,
    path: str,
    body: dict[str, str],
    life: timedelta,
) -> None:
    await factory.member(email="a@example.org")
    for delay, succeeds in ((life - timedelta(seconds=5), True), (life + timedelta(seconds=1), False)):
        await client.post(path, json=body | {"email": body["email"].replace("Anna", str(delay.seconds))})
        await run_jobs()
        clock.advance(delay)
        followed = await client.get(_path(link_in(mails[-1])))
        assert (followed.headers["location"] != FAILED) is succeeds
        assert ("set-cookie" in followed.headers) is succeeds


async def test_a_link_signs_in_once(
    client: httpx.AsyncClient,
    factory: Factory,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    audited: list[MutableMapping[str, Any]],
) -> None:
    member = await factory.member(email="a@example.org")
    first = await _mailed_link(client, run_jobs, mails)
    second = await _mailed_link(client, run_jobs, mails)
    assert "session=" in (await client.get(_path(first))).headers["set-cookie"]
    again = await client.get(_path(first))
    assert (again.status_code, again.headers["location"]) == (303, FAILED)
    assert "set-cookie" not in again.headers
    assert audited[-1]["event"] == "sign-in link used again"
    assert audited[-1]["account_id"] == str(member["id"])
    # Asked for in the same second, and a link of its own all the same.
    assert "session=" in (await client.get(_path(second))).headers["set-cookie"]
    rewritten = first.replace(_query(first, "t"), _query(first, "t")[:-1] + "A")
    assert (await client.get(_path(rewritten))).headers["location"] == FAILED


async def test_who_looks_at_a_link_beforehand_does_not_use_it_up(
    client: httpx.AsyncClient, factory: Factory, run_jobs: RunJobs, mails: list[EmailMessage]
) -> None:
    await factory.member(email="a@example.org")
    path = _path(await _mailed_link(client, run_jobs, mails))
    looks = (
        await client.head(path),
        await client.get(path, headers={"Sec-Purpose": "prefetch;prerender"}),
        await client.get(path, headers={"Purpose": "prefetch"}),
    )
    for looked in looks:
        assert looked.status_code == 303
        assert "set-cookie" not in looked.headers
    assert "session=" in (await client.get(path)).headers["set-cookie"]


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
async def test_links_that_are_no_good_sign_nobody_in(
    client: httpx.AsyncClient, factory: Factory, settings: Settings
) -> None:
    member = await factory.member()
    guest = await factory.guest((await factory.item())["path"])
    secret = settings.jwt_secret.get_secret_value()
    in_time = datetime.now(UTC) + timedelta(minutes=5)
    good = tokens.magic_link_token(settings, member["id"], tokens.SIGN_IN_LIFE)
    for token in (
        good[:-4],
        tokens.magic_link_token(settings, guest["id"], tokens.SIGN_IN_LIFE),
        tokens.magic_link_token(settings, uuid4(), tokens.SIGN_IN_LIFE),
        jwt.encode({"sub": str(member["id"])}, secret, "HS256"),
        jwt.encode({"sub": str(member["id"]), "exp": in_time}, secret, "HS512"),
        jwt.encode({"sub": str(member["id"]), "exp": in_time}, None, "none"),
        jwt.encode({"sub": {"accountId": str(member["id"])}, "exp": in_time}, secret, "HS256"),
        jwt.encode({"exp": in_time}, secret, "HS256"),
        tokens.reset_token(settings, member["id"]),
        "..",
    ):
        answer = await client.get("/api/auth", params={"t": token})
        assert (answer.status_code, answer.headers["location"]) == (303, FAILED), token
        assert "set-cookie" not in answer.headers


async def test_a_link_without_the_claim_does_not_validate(
    client: httpx.AsyncClient, factory: Factory, settings: Settings, platform: Platform
) -> None:
    member = await factory.member(is_validated=False)
    claims = {"sub": str(member["id"]), "exp": datetime.now(UTC) + timedelta(minutes=5)}
    token = jwt.encode(claims, settings.jwt_secret.get_secret_value(), "HS256")
    answer = await client.get("/api/auth", params={"t": token})
    assert "session=" in answer.headers["set-cookie"]
    row = await platform.reads.first(select(account.c.is_validated, account.c.last_authenticated_at))
    assert row is not None
    assert row["is_validated"] is False
    assert row["last_authenticated_at"] is not None


@pytest.mark.parametrize(
    ("url", "location"),
    [
        (None, HOME),
        ("http://client.test/player/1", "http://client.test/player/1"),
        ("http://library.test/collections/1", "http://library.test/collections/1"),
        (quote("http://client.test/a?b=c", safe=""), None),
        ("http://client.test/a%2520b", "http://client.test/a%20b"),
        ("http://client.test/%FF", "http://client.test/%EF%BF%BD"),
        ("https://client.test/", HOME),
        ("http://client.test.evil.test/", HOME),
        ("http://evil.test/http://client.test/", HOME),
        ("http://client.test@evil.test/", HOME),
        ("javascript:alert(1)", HOME),
        ("http://client.test%0d%0aSet-Cookie:a/", HOME),
    ],
)
async def test_a_link_leads_to_the_clients_alone(
    client: httpx.AsyncClient, factory: Factory, settings: Settings, url: str | None, location: str | None
) -> None:
    member = await factory.member()
    token = tokens.magic_link_token(settings, member["id"], tokens.SIGN_IN_LIFE)
    answer = await client.get("/api/auth", params={"t": token} | ({"url": url} if url else {}))
    if location is None:
        assert answer.status_code == 400
        return
    assert (answer.status_code, answer.headers["location"]) == (303, location)


@pytest.mark.parametrize("query", ["", "?t=abc", "?t=a.b", "?t=a.b.c.d", "?t=a.b.c&url=relative", "?t=a.b.!"])
async def test_a_link_of_another_shape_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/auth{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "FST_ERR_VALIDATION"


async def test_signing_in_over_a_session_replaces_it(
    client: httpx.AsyncClient, factory: Factory, settings: Settings, cookie_for: Cookie
) -> None:
    other, member = await factory.member(), await factory.member()
    token = tokens.magic_link_token(settings, member["id"], tokens.SIGN_IN_LIFE)
    answer = await client.get("/api/auth", params={"t": token}, headers=cookie_for(other["id"]))
    current = await client.get("/api/members/current", headers=session_of(answer))
    assert current.json()["id"] == str(member["id"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "A"},
        {"name": "a" * 61},
        {"name": "a<b"},
        {"name": "nul\0"},
        {"email": "no"},
        {"email": "é@example.org"},
        {"email": "a@localhost"},
        {"email": f"{'a' * 150}@example.org"},
        {"email": None},
        {"url": "relative"},
    ],
)
async def test_input_that_no_account_could_have_is_refused(
    client: httpx.AsyncClient, platform: Platform, wrong: dict[str, object]
) -> None:
    answer = await client.post("/api/register", json=NEW | wrong)
    assert answer.status_code == 400
    assert answer.json()["code"] == "FST_ERR_VALIDATION"
    for missing in ("name", "email", "captcha"):
        refused = await client.post("/api/register", json={k: v for k, v in NEW.items() if k != missing})
        assert refused.json()["message"] == f"body must have required property '{missing}'"
    assert await platform.reads.scalar(select(account.c.id)) is None


async def test_names_are_measured_in_code_points_and_kept_as_they_are(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    name = " \U0001f642 "
    assert (await client.post("/api/register", json=NEW | {"name": name})).status_code == 204
    assert await platform.reads.scalar(select(account.c.name)) == name


async def test_signing_in_takes_the_same_statements_whatever_there_is(
    client: httpx.AsyncClient,
    factory: Factory,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    item = await factory.item()
    for number in range(6):
        email = f"{min(number, 1)}@example.org"
        path = (await factory.item(item))["path"]
        await factory.insert(invitation, item_path=path, email=email, permission="read")
    ran = []
    for email in ("0@example.org", "1@example.org"):
        with count_statements() as statements:
            await client.post("/api/register", json=NEW | {"email": email})
        ran.append(list(statements))
    assert ran[0] == ran[1]
    assert len(ran[0]) <= 4
    with count_statements() as link:
        await client.post("/api/login", json={"email": "0@example.org", "captcha": "x"})
    assert len(link) == 3
