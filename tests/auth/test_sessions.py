"""Sessions: their cookies, how long they last, and what ends them."""

import base64
import time
from collections.abc import Callable, MutableMapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from nacl.secret import SecretBox
from nacl.utils import random
from sqlalchemy import func, select, update

from graasp.accounts.tables import account
from graasp.auth.gates import find_caller
from graasp.auth.service import forget_expired_revocations
from graasp.auth.tables import revoked_session
from graasp.http.session_cookie import Session, SessionCodec
from graasp.platform import Platform
from graasp.settings import Settings
from tests.auth.conftest import Clock
from tests.conftest import SECRET_KEY
from tests.factories import Factory
from tests.people import PASSWORD, Cookie, Headers, every_caller, is_signed_in, session_of, with_password

Audited = list[MutableMapping[str, Any]]

_BOX = SecretBox(bytes.fromhex(SECRET_KEY))


def _sealed(content: object) -> str:
    """A cookie's value as the server this one replaces makes it."""
    nonce = random(SecretBox.NONCE_SIZE)
    sealed = _BOX.encrypt(orjson.dumps(content), nonce).ciphertext
    return quote(f"{base64.b64encode(sealed).decode()};{base64.b64encode(nonce).decode()}", safe="")


def _opened(value: str) -> dict[str, Any]:
    sealed, nonce = (base64.b64decode(part) for part in unquote(value).split(";"))
    content: dict[str, Any] = orjson.loads(_BOX.decrypt(sealed, nonce))
    return content


def _old_servers(account_id: UUID, issued_at: float | None = None) -> Headers:
    content = {"passport": str(account_id), "__ts": int(issued_at or time.time())}
    return {"Cookie": f"session={_sealed(content)}"}


async def _sign_in(client: httpx.AsyncClient, email: str = "a@example.org") -> Headers:
    body = {"email": email, "password": PASSWORD, "captcha": "x"}
    return session_of(await client.post("/api/login-password", json=body))


@pytest.mark.parametrize(("mode", "secure"), [("test", False), ("staging", True), ("production", True)])
def test_the_cookie_has_its_attributes_and_the_other_servers_wire_form(
    make_settings: Callable[..., Settings], mode: str, secure: bool
) -> None:
    account_id = uuid4()
    codec = SessionCodec(make_settings(node_env=mode, cookie_domain="example.org"))
    value, *attributes = codec.set_cookie(Session.start(account_id)).removeprefix("session=").split("; ")
    wanted = {"Max-Age=604800", "Domain=example.org", "Path=/", "HttpOnly", "SameSite=Lax"}
    assert set(attributes) == wanted | ({"Secure"} if secure else set())
    content = _opened(value)
    assert content["passport"] == str(account_id)
    assert abs(content["__ts"] - time.time()) < 5
    cleared = codec.clear_cookie()
    assert cleared.startswith(
        "session=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Domain=example.org"
    )


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        "a;b",
        "%3B",
        _sealed([]),
        _sealed({"passport": "no id", "__ts": time.time()}),
        _sealed({"passport": str(uuid4())}),
        _sealed({"passport": str(uuid4()), "__ts": "x"}),
    ],
    ids=(
        "empty",
        "nonsense",
        "two parts",
        "a sealed nothing",
        "no object",
        "no id",
        "no time",
        "a time that is none",
    ),
)
async def test_an_unusable_cookie_is_no_session_and_no_error(client: httpx.AsyncClient, value: str) -> None:
    headers = {"Cookie": f"session={value}"}
    strict = await client.get("/api/members/current", headers=headers)
    assert (strict.status_code, strict.text) == (401, "Unauthorized")
    assert strict.headers["content-type"] == "text/plain; charset=utf-8"
    assert "www-authenticate" not in strict.headers
    assert (await client.get(f"/api/members/profile/{uuid4()}", headers=headers)).status_code == 200


async def test_an_authorization_header_signs_nobody_in(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    value = cookie_for((await factory.member())["id"])["Cookie"].removeprefix("session=")
    assert not await is_signed_in(client, {"Authorization": f"Bearer {value}"})


async def test_a_session_lasts_half_a_year_and_is_renewed_by_its_use(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, clock: Clock
) -> None:
    headers = cookie_for((await factory.member())["id"])
    clock.advance(timedelta(days=180, seconds=-5))
    renewed = await client.get("/api/members/current", headers=headers)
    assert renewed.status_code == 200
    clock.advance(timedelta(seconds=10))
    assert not await is_signed_in(client, headers)
    clock.advance(timedelta(days=100))
    assert await is_signed_in(client, session_of(renewed))


async def test_strict_requests_renew_and_others_do_not(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member(is_validated=False))["id"])
    refused = await client.post("/api/password", json={"password": PASSWORD}, headers=headers)
    assert refused.status_code == 403
    assert await is_signed_in(client, session_of(refused))
    invalid = await client.post("/api/password", json={}, headers=headers)
    optional = await client.get(f"/api/members/profile/{uuid4()}", headers=headers)
    for answer in (invalid, optional):
        assert "set-cookie" not in answer.headers


async def test_the_session_of_an_account_that_is_gone_is_cleared(
    client: httpx.AsyncClient, cookie_for: Cookie
) -> None:
    answer = await client.get("/api/members/current", headers=cookie_for(uuid4()))
    assert (answer.status_code, answer.text) == (401, "Unauthorized")
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_the_account_is_read_anew_for_every_request(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie
) -> None:
    member = await factory.member(is_validated=False)
    headers = cookie_for(member["id"])
    assert (await client.get("/api/items/accessible", headers=headers)).status_code == 200
    refused = await client.post("/api/members/profile", json={"bio": "b"}, headers=headers)
    assert refused.status_code == 403
    async with platform.unit_of_work() as uow:
        await uow.execute(update(account).values(is_validated=True, name="renamed"))
    assert (await client.post("/api/members/profile", json={"bio": "b"}, headers=headers)).status_code == 201
    assert (await client.get("/api/members/current", headers=headers)).json()["name"] == "renamed"


async def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(
    client: httpx.AsyncClient, factory: Factory, audited: Audited
) -> None:
    member = await with_password(factory, email="a@example.org")
    here, elsewhere = await _sign_in(client), await _sign_in(client)
    renewed = session_of(await client.get("/api/members/current", headers=here))
    answer = await client.post("/api/logout", headers=here)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["set-cookie"].startswith("session=; Max-Age=0")
    for copy in (here, renewed):
        assert not await is_signed_in(client, copy)
    assert await is_signed_in(client, elsewhere)
    assert audited[-1]["event"] == "signed out"
    assert audited[-1]["account_id"] == str(member["id"])


async def test_anybody_may_sign_out_again_and_again(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    for caller, headers in (await every_caller(factory, cookie_for)).items():
        for _ in range(2):
            answer = await client.post("/api/logout", headers=headers)
            assert (answer.status_code, answer.content) == (204, b""), caller
            assert answer.headers["set-cookie"].startswith("session=; Max-Age=0")
        assert not await is_signed_in(client, headers)


async def test_cookies_of_the_other_server_are_accepted_until_they_are_ended(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    member = await factory.member()
    first = _old_servers(member["id"], time.time() - 60)
    another = _old_servers(member["id"], time.time() - 30)
    renewed = session_of(await client.get("/api/members/current", headers=first))
    assert await is_signed_in(client, another)
    await client.post("/api/logout", headers=renewed)
    for copy in (first, renewed):
        assert not await is_signed_in(client, copy)
    assert await is_signed_in(client, another)


async def test_a_session_that_the_other_server_renewed_is_dated_by_it(settings: Settings) -> None:
    codec, account_id = SessionCodec(settings), uuid4()
    ours = _opened(codec.value(Session(account_id, 1_700_000_000.25, "id")))
    now = int(time.time())
    assert codec.read(_sealed(ours | {"__ts": now})) == Session(account_id, now, "id")
    recent = _opened(codec.value(Session(account_id, now + 0.25, "id")))
    assert codec.read(_sealed(recent)) == Session(account_id, now + 0.25, "id")


async def test_changing_the_password_ends_every_other_session(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await with_password(factory, email="a@example.org")
    somebody_else = cookie_for((await factory.member())["id"])
    here, elsewhere = await _sign_in(client), await _sign_in(client)
    old_server = _old_servers(member["id"])
    change = {"currentPassword": PASSWORD, "password": "Another-horse-2"}
    changed = await client.patch("/api/password", json=change, headers=here)
    assert changed.status_code == 204
    for ended in (here, elsewhere, old_server):
        assert not await is_signed_in(client, ended)
    for kept in (session_of(changed), somebody_else):
        assert await is_signed_in(client, kept)
    # Within the same second, and not from before the change.
    body = {"email": "a@example.org", "password": "Another-horse-2", "captcha": "x"}
    assert await is_signed_in(client, session_of(await client.post("/api/login-password", json=body)))


async def test_a_session_that_was_opened_while_the_password_changed_is_void(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = await with_password(factory, email="a@example.org")
    change = {"currentPassword": PASSWORD, "password": "Another-horse-2"}

    async def matches_slowly(password: str, hashed: str) -> bool:
        monkeypatch.undo()
        await client.patch("/api/password", json=change, headers=cookie_for(member["id"]))
        return True

    monkeypatch.setattr("graasp.auth.passwords.matches", matches_slowly)
    assert not await is_signed_in(client, await _sign_in(client))


async def test_guests_of_a_disabled_login_schema_are_signed_out(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    guest = await factory.guest((await factory.item())["path"], schema_status="disabled")
    other = await factory.guest((await factory.item())["path"])
    assert not await is_signed_in(client, cookie_for(guest["id"]))
    assert await is_signed_in(client, cookie_for(other["id"]))


async def test_ended_sessions_are_remembered_as_long_as_a_cookie_may_live(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie
) -> None:
    await client.post("/api/logout", headers=cookie_for((await factory.member())["id"]))
    assert await forget_expired_revocations(platform) == 0
    lasts = select(func.extract("epoch", revoked_session.c.expires_at - func.now()) / 86_400)
    assert round(float(await platform.reads.scalar(lasts))) == 180
    async with platform.unit_of_work() as uow:
        await uow.execute(update(revoked_session).values(expires_at=func.now()))
    assert await forget_expired_revocations(platform) == 1


async def test_a_gate_asks_the_database_once(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    count_statements: Callable[[], Any],
    platform: Platform,
) -> None:
    member = await factory.member()
    with count_statements() as statements:
        await client.get("/api/members/current", headers=cookie_for(member["id"]))
    assert len(statements) == 2
    assert await find_caller(platform.reads, None) is None
