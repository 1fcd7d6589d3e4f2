"""Getting in and out."""

import base64
import re
import time
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID

import bcrypt
import httpx
import orjson
import pytest
from nacl.secret import SecretBox
from nacl.utils import random
from sqlalchemy import select, text

from graasp.accounts.tables import account
from graasp.actions.tables import action
from graasp.auth.tables import member_password
from graasp.jobs.tables import job
from graasp.memberships.tables import item_membership
from graasp.platform import Platform
from graasp.settings import Settings
from tests.conftest import SECRET_KEY
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
RunJobs = Callable[[], Awaitable[list[object]]]

PASSWORD = "Correct-horse-1"


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """In development nobody asks whether a person is there."""
    return make_settings(node_env="development")


async def _with_password(factory: Factory, **columns: object) -> UUID:
    member = await factory.member(**columns)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    await factory.insert(member_password, member_id=member["id"], password=hashed)
    return UUID(str(member["id"]))


def _link(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    found = re.search(r"http://client\.test\S+", body.get_content())
    assert found
    return found[0]


def _session(answer: httpx.Response) -> dict[str, str]:
    value = re.match(r"session=([^;]*)", answer.headers["set-cookie"])
    assert value
    return {"Cookie": f"session={value[1]}"}


async def test_registration_leads_through_the_mail_to_a_validated_session(
    client: httpx.AsyncClient,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    factory: Factory,
) -> None:
    item = await factory.item()
    await platform_insert_invitation(platform, item["path"])
    body = {"name": "Anna", "email": "Anna@Example.org", "captcha": "x", "url": "http://library.test/page"}
    answer = await client.post("/api/register?lang=fr", json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    await run_jobs()
    (mail,) = mails
    assert mail["to"] == "anna@example.org"
    link = urlsplit(_link(mail))
    assert parse_qs(link.query)["url"] == ["http://library.test/page"]
    followed = await client.get(f"{link.path}?{link.query}")
    assert followed.status_code == 303
    assert followed.headers["location"] == "http://library.test/page"
    current = (await client.get("/api/members/current", headers=_session(followed))).json()
    assert (current["isValidated"], current["lang"], current["email"]) == (True, "fr", "anna@example.org")
    assert await platform.reads.scalar(select(item_membership.c.permission)) == "write"
    again = await client.get(f"{link.path}?{link.query}")
    assert again.headers["location"] == "http://client.test/auth/?error=true"
    assert "set-cookie" not in again.headers


async def platform_insert_invitation(platform: Platform, path: str) -> None:
    async with platform.database.transaction() as transaction:
        await transaction.execute(
            text(
                "insert into invitation (item_path, email, permission)"
                " values (cast(:path as ltree), 'anna@example.org', 'write')"
            ),
            path=path,
        )


async def test_a_known_address_gets_a_sign_in_link_and_nobody_can_tell(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    member = await factory.member(email="known@example.org", name="before")
    body = {"name": "after", "email": "KNOWN@example.org", "captcha": "x", "url": "https://evil.test/"}
    answer = await client.post("/api/register", json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    await run_jobs()
    assert "sign-in" in mails[0]["subject"]
    assert parse_qs(urlsplit(_link(mails[0])).query)["url"] == ["http://client.test/home/"]
    assert await platform.reads.scalar(select(account.c.name)) == "before"
    recorded = await platform.reads.first(select(action.c.type, action.c.account_id, action.c.view))
    assert recorded is not None
    assert (recorded["type"], recorded["account_id"], recorded["view"]) == (
        "member-login",
        member["id"],
        "unknown",
    )


async def test_a_mail_program_that_looks_at_the_link_does_not_use_it_up(
    client: httpx.AsyncClient, factory: Factory, run_jobs: RunJobs, mails: list[EmailMessage]
) -> None:
    await factory.member(email="a@example.org")
    await client.post("/api/login", json={"email": "a@example.org", "captcha": "x"})
    await run_jobs()
    link = urlsplit(_link(mails[0]))
    looked = await client.head(f"{link.path}?{link.query}")
    assert "set-cookie" not in looked.headers
    assert "session=" in (await client.get(f"{link.path}?{link.query}")).headers["set-cookie"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "nobody@example.org", "password": PASSWORD}, 404, "GERR018"),
        ({"email": "without@example.org", "password": PASSWORD}, 406, "GERR019"),
        ({"email": "with@example.org", "password": "Wrong-horse-1"}, 401, "GERR037"),
    ],
)
async def test_what_refuses_a_password(
    client: httpx.AsyncClient, factory: Factory, body: dict[str, str], status: int, code: str
) -> None:
    await factory.member(email="without@example.org")
    await _with_password(factory, email="with@example.org")
    answer = await client.post("/api/login-password", json=body | {"captcha": "x"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "set-cookie" not in answer.headers


async def test_logging_out_ends_the_session_for_whoever_kept_its_cookie(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    await _with_password(factory, email="a@example.org")
    body = {"email": "A@example.org", "password": PASSWORD, "captcha": "x"}
    session = _session(await client.post("/api/login-password", json=body))
    other = _session(await client.post("/api/login-password", json=body))
    assert (await client.get("/api/members/current", headers=session)).status_code == 200
    ended = await client.post("/api/logout", headers=session)
    assert ended.status_code == 204
    assert "Max-Age=0" in ended.headers["set-cookie"]
    stale = await client.get("/api/members/current", headers=session)
    assert (stale.status_code, stale.text) == (401, "Unauthorized")
    assert (await client.get("/api/members/current", headers=other)).status_code == 200


async def test_changing_the_password_ends_every_other_session(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    member_id = await _with_password(factory, email="a@example.org")
    body = {"email": "a@example.org", "password": PASSWORD, "captcha": "x"}
    here = _session(await client.post("/api/login-password", json=body))
    elsewhere = _session(await client.post("/api/login-password", json=body))
    old_server = {"Cookie": f"session={_old_servers_cookie(member_id)}"}
    assert (await client.get("/api/members/current", headers=old_server)).status_code == 200
    change = {"currentPassword": PASSWORD, "password": "Another-horse-2"}
    wrong = await client.patch(
        "/api/password", json=change | {"currentPassword": "Wrong-horse-1"}, headers=here
    )
    assert (wrong.status_code, wrong.json()["code"]) == (401, "GERR025")
    changed = await client.patch("/api/password", json=change, headers=here)
    assert changed.status_code == 204
    assert (await client.get("/api/members/current", headers=_session(changed))).status_code == 200
    for ended in (here, elsewhere, old_server):
        assert (await client.get("/api/members/current", headers=ended)).status_code == 401


async def test_a_reset_link_sets_a_password_once(
    client: httpx.AsyncClient, factory: Factory, run_jobs: RunJobs, mails: list[EmailMessage]
) -> None:
    await _with_password(factory, email="a@example.org")
    for email in ("a@example.org", "nobody@example.org"):
        assert (
            await client.post("/api/password/reset", json={"email": email, "captcha": "x"})
        ).status_code == 204
    await run_jobs()
    (mail,) = mails
    token = parse_qs(urlsplit(_link(mail)).query)["t"][0]
    headers = {"Authorization": f"Bearer {token}"}
    weak = await client.patch("/api/password/reset", json={"password": "weak"}, headers=headers)
    assert (weak.status_code, weak.json()) == (400, {})
    assert (
        await client.patch("/api/password/reset", json={"password": "New-horse-1"}, headers=headers)
    ).status_code == 204
    again = await client.patch("/api/password/reset", json={"password": "New-horse-2"}, headers=headers)
    assert (again.status_code, again.json()["code"]) == (401, "GERR027")
    forged = {"Authorization": f"Bearer {token}x"}
    refused = await client.patch("/api/password/reset", json={"password": "New-horse-2"}, headers=forged)
    assert (refused.status_code, refused.text) == (401, "Unauthorized")
    body = {"email": "a@example.org", "password": "New-horse-1", "captcha": "x"}
    assert (await client.post("/api/login-password", json=body)).status_code == 204


async def test_mails_leave_no_token_behind_in_the_job(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    await factory.member(email="a@example.org")
    await client.post("/api/login", json={"email": "a@example.org", "captcha": "x"})
    await run_jobs()
    assert not await platform.reads.scalar(select(job.c.payload))
    assert len(mails) == 1


async def test_input_that_no_account_could_have_is_refused(client: httpx.AsyncClient) -> None:
    good = {"name": "Anna", "email": "a@example.org", "captcha": "x"}
    for wrong in (
        {"name": "A"},
        {"name": "a<b"},
        {"name": "nul\0"},
        {"email": "no"},
        {"email": f"{'a' * 150}@example.org"},
        {"url": "relative"},
        {"email": None},
    ):
        answer = await client.post("/api/register", json=good | wrong)
        assert answer.status_code == 400, wrong
        assert answer.json()["code"] == "FST_ERR_VALIDATION"


async def test_guests_of_a_disabled_login_schema_are_signed_out(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    item = await factory.item()
    guest = await factory.guest(item["path"], schema_status="disabled")
    other = await factory.guest((await factory.item())["path"])
    assert (await client.get("/api/members/current", headers=cookie_for(guest["id"]))).status_code == 401
    answer = await client.get("/api/members/current", headers=cookie_for(other["id"]))
    assert answer.json()["type"] == "guest"


def _old_servers_cookie(account_id: UUID) -> str:
    """A cookie as the server this one replaces makes it."""
    content = orjson.dumps({"passport": str(account_id), "__ts": int(time.time())})
    nonce = random(SecretBox.NONCE_SIZE)
    sealed = SecretBox(bytes.fromhex(SECRET_KEY)).encrypt(content, nonce).ciphertext
    return quote(f"{base64.b64encode(sealed).decode()};{base64.b64encode(nonce).decode()}", safe="")
