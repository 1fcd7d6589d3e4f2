"""Login schemas, the guests they let in, and enrolment."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import bcrypt
import httpx
import pytest
from sqlalchemy import select

from graasp.accounts.tables import account, guest_password
from graasp.auth import passwords
from graasp.chat.tables import chat_mention, chat_message
from graasp.item_login.tables import item_login_schema
from graasp.memberships.tables import item_membership, membership_request
from graasp.platform import Platform
from graasp.settings import Settings
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
Counter = Callable[[], AbstractContextManager[list[str]]]
Tree = dict[str, Any]

TYPES = ("username", "username+password", "anonymous", "anonymous+password")


@pytest.fixture
async def tree(factory: Factory) -> Tree:
    """A > B > C, administered by one member; another one has nothing."""
    admin, member = await factory.member(), await factory.member()
    a = await factory.owned_item(admin, name="A")
    b = await factory.item(a, name="B")
    return {"admin": admin, "member": member, "A": a, "B": b, "C": await factory.item(b, name="C")}


@pytest.fixture
def as_admin(cookie_for: Cookie, tree: Tree) -> dict[str, str]:
    return cookie_for(tree["admin"]["id"])


@pytest.fixture
def as_member(cookie_for: Cookie, tree: Tree) -> dict[str, str]:
    return cookie_for(tree["member"]["id"])


def _url(item: Any, rest: str = "login-schema") -> str:
    return f"/api/items/{item['id']}/{rest}"


async def _schema(
    factory: Factory, item: Any, kind: str = "username", status: str = "active"
) -> dict[str, Any]:
    return dict(await factory.insert(item_login_schema, item_path=item["path"], type=kind, status=status))


async def _schemas(platform: Platform) -> dict[str, tuple[str, str]]:
    rows = await platform.reads.all(select(item_login_schema))
    return {row["item_path"]: (row["type"], row["status"]) for row in rows}


async def _login(client: httpx.AsyncClient, item: Any, name: str, password: str | None = None) -> Any:
    body = {"username": name} | ({"password": password} if password is not None else {})
    # Somebody else's browser each time.
    client.cookies.clear()
    answer = await client.post(_url(item, "login"), json=body)
    client.cookies.clear()
    return answer


def _session(answer: httpx.Response) -> dict[str, str]:
    value = re.match(r"session=([^;]*)", answer.headers["set-cookie"])
    assert value
    return {"Cookie": f"session={value[1]}"}


# --- the schema --------------------------------------------------------------------------------------------


async def test_a_schema_is_made_changed_read_and_deleted(
    client: httpx.AsyncClient,
    platform: Platform,
    tree: Tree,
    as_admin: dict[str, str],
    audited: list[dict[str, Any]],
) -> None:
    none = await client.get(_url(tree["B"]), headers=as_admin)
    assert (none.status_code, none.content) == (204, b"")
    made = await client.put(_url(tree["B"]), json={"type": "username+password"}, headers=as_admin)
    assert (made.status_code, made.content) == (204, b"")
    assert await _schemas(platform) == {tree["B"]["path"]: ("username+password", "active")}
    assert (await client.put(_url(tree["B"]), json={"status": "freeze"}, headers=as_admin)).status_code == 204
    assert await _schemas(platform) == {tree["B"]["path"]: ("username+password", "freeze")}
    for item in (tree["B"], tree["C"]):
        answer = await client.get(_url(item), headers=as_admin)
        assert answer.status_code == 200
        told = answer.json()
        assert set(told) == {"id", "type", "status", "item", "createdAt", "updatedAt"}
        assert (told["type"], told["status"]) == ("username+password", "freeze")
        assert (told["item"]["id"], told["item"]["name"]) == (str(tree["B"]["id"]), "B")
    assert (await client.get(_url(tree["A"]), headers=as_admin)).status_code == 204
    assert (await client.delete(_url(tree["B"]), headers=as_admin)).status_code == 204
    assert await _schemas(platform) == {}
    none = await client.delete(_url(tree["B"]), headers=as_admin)
    assert (none.status_code, none.json()["code"], none.json()["data"]) == (
        404,
        "GILERR009",
        {"itemId": str(tree["B"]["id"])},
    )
    events = [event["event"] for event in audited]
    assert events == ["login schema changed", "login schema changed", "login schema deleted"]


async def test_a_new_schema_is_active_and_asks_for_a_name_unless_told_otherwise(
    client: httpx.AsyncClient, platform: Platform, tree: Tree, as_admin: dict[str, str]
) -> None:
    assert (
        await client.put(_url(tree["C"]), json={"status": "disabled"}, headers=as_admin)
    ).status_code == 204
    # Above one that exists: both stay, and the closest one counts.
    body = {"type": "anonymous"}
    assert (await client.put(_url(tree["A"]), json=body, headers=as_admin)).status_code == 204
    assert await _schemas(platform) == {
        tree["C"]["path"]: ("username", "disabled"),
        tree["A"]["path"]: ("anonymous", "active"),
    }
    assert (await client.get(_url(tree["B"], "login-schema-type"))).text == "anonymous"
    assert (await client.get(_url(tree["C"], "login-schema-type"))).json() is None
    revived = {"type": "username", "status": "active"}
    assert (await client.put(_url(tree["C"]), json=revived, headers=as_admin)).status_code == 204
    assert (await client.get(_url(tree["C"], "login-schema-type"))).text == "username"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "body must NOT have fewer than 1 properties"),
        ({"type": "password"}, "body/type must be equal to one of the allowed values"),
        ({"status": "open"}, "body/status must be equal to one of the allowed values"),
    ],
)
async def test_what_no_schema_could_be_is_refused(
    client: httpx.AsyncClient, tree: Tree, as_admin: dict[str, str], body: dict[str, str], message: str
) -> None:
    answer = await client.put(_url(tree["B"]), json=body, headers=as_admin)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


async def test_an_item_below_a_schema_gets_none_of_its_own(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, tree: Tree, as_admin: dict[str, str]
) -> None:
    await _schema(factory, tree["A"], status="disabled")
    answer = await client.put(_url(tree["C"]), json={"type": "username"}, headers=as_admin)
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (
        403,
        "GILERR010",
        tree["A"]["path"],
    )
    assert len(await _schemas(platform)) == 1


async def test_schemas_made_at_once_are_one(
    client: httpx.AsyncClient, platform: Platform, tree: Tree, as_admin: dict[str, str]
) -> None:
    race = (client.put(_url(tree["B"]), json={"type": kind}, headers=as_admin) for kind in TYPES)
    assert {answer.status_code for answer in await asyncio.gather(*race)} == {204}
    assert len(await _schemas(platform)) == 1


@pytest.mark.parametrize("status", ["active", "freeze", "disabled"])
async def test_deleting_a_schema_takes_its_guests_and_leaves_what_they_said(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    tree: Tree,
    as_admin: dict[str, str],
    status: str,
) -> None:
    guest = await factory.guest(tree["B"]["path"], schema_status=status)
    await factory.insert(guest_password, guest_id=guest["id"], password="x")
    said = await factory.insert(chat_message, item_id=tree["C"]["id"], creator_id=guest["id"], body="hello")
    await factory.insert(chat_mention, message_id=said["id"], account_id=guest["id"])
    other = await factory.guest((await factory.item())["path"])
    assert (await client.delete(_url(tree["C"]), headers=as_admin)).status_code == 204
    accounts = await platform.reads.all(select(account.c.id).where(account.c.type == "guest"))
    assert [row["id"] for row in accounts] == [other["id"]]
    memberships = await platform.reads.all(
        select(item_membership.c.id).where(item_membership.c.account_id == guest["id"])
    )
    assert memberships == []
    assert await platform.reads.all(select(guest_password.c.id)) == []
    kept = await platform.reads.first(select(chat_message))
    assert kept is not None
    assert (kept["body"], kept["creator_id"]) == ("hello", None)


async def test_a_schema_is_deleted_by_admins_of_the_item_that_holds_it_alone(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, tree: Tree, as_member: dict[str, str]
) -> None:
    await _schema(factory, tree["A"])
    await factory.membership(tree["C"]["path"], tree["member"]["id"], "admin")
    refused = await client.delete(_url(tree["C"]), headers=as_member)
    assert (refused.status_code, refused.json()["code"]) == (403, "GERR016")
    assert len(await _schemas(platform)) == 1


async def test_a_guest_reads_no_schema(
    client: httpx.AsyncClient, factory: Factory, tree: Tree, cookie_for: Cookie
) -> None:
    guest = await factory.guest(tree["B"]["path"])
    answer = await client.get(_url(tree["B"]), headers=cookie_for(guest["id"]))
    assert (answer.status_code, answer.json()["code"]) == (403, "GERR004")


# --- its type, for whoever wants in ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
async def test_the_type_is_told_to_everybody_as_plain_text(
    client: httpx.AsyncClient, factory: Factory, tree: Tree, kind: str
) -> None:
    await _schema(factory, tree["A"], kind, "freeze")
    answer = await client.get(_url(tree["C"], "login-schema-type"))
    assert (answer.status_code, answer.text) == (200, kind)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_without_a_schema_and_with_a_disabled_one_there_is_no_type(
    client: httpx.AsyncClient, factory: Factory, tree: Tree
) -> None:
    await _schema(factory, tree["B"], status="disabled")
    for name in "AB":
        answer = await client.get(_url(tree[name], "login-schema-type"))
        assert (answer.status_code, answer.content) == (200, b"null")


@pytest.mark.parametrize(("level", "status"), [(None, 404), ("read", 404), ("write", 200), ("admin", 200)])
async def test_the_type_of_a_hidden_item_is_told_to_those_who_may_write(
    client: httpx.AsyncClient,
    factory: Factory,
    tree: Tree,
    as_member: dict[str, str],
    level: str | None,
    status: int,
) -> None:
    await _schema(factory, tree["A"])
    await factory.visibility(tree["B"]["path"], "hidden")
    if level:
        await factory.membership(tree["A"]["path"], tree["member"]["id"], level)
    answer = await client.get(_url(tree["C"], "login-schema-type"), headers=as_member)
    assert answer.status_code == status
    if status == 404:
        assert answer.json()["message"] == f"ITEM_NOT_FOUND {tree['C']['id']}"


# --- guests ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
async def test_a_guest_comes_in_reads_and_comes_back(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, tree: Tree, kind: str
) -> None:
    await _schema(factory, tree["B"], kind)
    password = "abc" if kind.endswith("password") else None
    first = await _login(client, tree["C"], "Anna", password)
    assert first.status_code == 200
    (guest,) = await platform.reads.all(select(account).where(account.c.type == "guest"))
    assert first.json() == {"id": str(guest["id"]), "name": "Anna"}
    assert guest["last_authenticated_at"] is not None
    (membership,) = await platform.reads.all(
        select(item_membership).where(item_membership.c.account_id == guest["id"])
    )
    assert (membership["item_path"], membership["permission"], membership["creator_id"]) == (
        tree["B"]["path"],
        "read",
        guest["id"],
    )
    assert len(await platform.reads.all(select(guest_password.c.id))) == (password is not None)
    session = _session(first)
    assert (await client.get(f"/api/items/{tree['C']['id']}", headers=session)).status_code == 200
    assert (await client.get(f"/api/items/{tree['A']['id']}", headers=session)).status_code == 403
    current = (await client.get("/api/members/current", headers=session)).json()
    assert current["itemLoginSchema"]["item"]["id"] == str(tree["B"]["id"])
    again = await _login(client, tree["B"], "Anna", password)
    assert again.json() == first.json()
    assert (await _login(client, tree["B"], "anna", password)).json()["id"] != first.json()["id"]


@pytest.mark.parametrize(
    ("password", "status", "code"),
    [(None, 400, "GILERR008"), ("wrong", 401, "GERR025"), ("right", 200, None)],
)
async def test_a_known_name_needs_its_password(
    client: httpx.AsyncClient,
    factory: Factory,
    tree: Tree,
    audited: list[dict[str, Any]],
    password: str | None,
    status: int,
    code: str | None,
) -> None:
    await _schema(factory, tree["B"], "username+password")
    guest = await factory.guest(tree["B"]["path"], name="Anna")
    hashed = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
    await factory.insert(guest_password, guest_id=guest["id"], password=hashed)
    answer = await _login(client, tree["C"], "Anna", password)
    assert answer.status_code == status
    assert ("set-cookie" in answer.headers) == (status == 200)
    if code:
        assert answer.json()["code"] == code
    assert [event["event"] for event in audited] == {
        200: ["signed in"],
        401: ["wrong password"],
        400: [],
    }[status]


async def test_a_guest_without_a_password_chooses_one_when_the_schema_asks(
    client: httpx.AsyncClient, factory: Factory, tree: Tree
) -> None:
    await _schema(factory, tree["B"], "username+password")
    await factory.guest(tree["B"]["path"], name="Anna")
    assert (await _login(client, tree["B"], "Anna", "chosen")).status_code == 200
    assert (await _login(client, tree["B"], "Anna", "other")).status_code == 401
    assert (await _login(client, tree["B"], "Anna", "chosen")).status_code == 200


async def test_of_passwords_chosen_at_once_one_counts(
    client: httpx.AsyncClient, factory: Factory, tree: Tree
) -> None:
    await _schema(factory, tree["B"], "username+password")
    await factory.guest(tree["B"]["path"], name="Anna")
    race = (_login(client, tree["B"], "Anna", password) for password in ("first", "second"))
    assert sorted(answer.status_code for answer in await asyncio.gather(*race)) == [200, 401]


async def test_a_stored_password_is_not_asked_for_by_a_schema_without(
    client: httpx.AsyncClient, factory: Factory, tree: Tree
) -> None:
    guest = await factory.guest(tree["B"]["path"], name="Anna")
    await factory.insert(guest_password, guest_id=guest["id"], password="hash")
    for password in (None, "whatever"):
        assert (await _login(client, tree["B"], "Anna", password)).json()["id"] == str(guest["id"])


async def test_a_new_guest_without_the_password_that_is_asked_for_leaves_nothing_behind(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, tree: Tree
) -> None:
    await _schema(factory, tree["B"], "anonymous+password")
    answer = await _login(client, tree["B"], "Anna")
    assert (answer.status_code, answer.json()["code"]) == (400, "GILERR008")
    assert answer.json()["message"] == "Missing credentials for set login schema"
    assert await platform.reads.all(select(account.c.id).where(account.c.type == "guest")) == []


@pytest.mark.parametrize(
    ("status", "known", "expected", "code"),
    [
        ("active", False, 200, None),
        ("freeze", True, 200, None),
        ("freeze", False, 403, "GILERR014"),
        ("disabled", True, 404, "GILERR009"),
        ("disabled", False, 404, "GILERR009"),
        (None, False, 404, "GILERR009"),
    ],
)
async def test_the_status_decides_who_comes_in(
    client: httpx.AsyncClient,
    factory: Factory,
    tree: Tree,
    status: str | None,
    known: bool,
    expected: int,
    code: str | None,
) -> None:
    if status:
        await _schema(factory, tree["B"], status=status)
    if known:
        await factory.guest(tree["B"]["path"], name="Anna")
    answer = await _login(client, tree["C"], "Anna")
    assert answer.status_code == expected
    if code:
        assert answer.json()["code"] == code
    if code == "GILERR009":
        # A disabled schema can't be told from none.
        assert answer.json()["data"] == tree["C"]["path"]


async def test_disabling_a_schema_shuts_its_guests_out_and_activating_brings_them_back(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, tree: Tree, as_admin: dict[str, str]
) -> None:
    await _schema(factory, tree["B"])
    session = _session(await _login(client, tree["B"], "Anna"))
    for status, expected in (("disabled", 401), ("freeze", 200), ("active", 200)):
        await client.put(_url(tree["B"]), json={"status": status}, headers=as_admin)
        assert (await client.get("/api/members/current", headers=session)).status_code == expected
        listed = (await client.get(_url(tree["B"], "memberships"), headers=as_admin)).json()
        assert [row["account"]["name"] for row in listed if row["account"]["type"] == "guest"] == ["Anna"]


async def test_whoever_has_a_session_does_not_log_in_again(
    client: httpx.AsyncClient, factory: Factory, tree: Tree, cookie_for: Cookie
) -> None:
    guest = await factory.guest(tree["B"]["path"])
    url = _url(tree["B"], "login")
    member = {"id": str(tree["member"]["id"]), "name": tree["member"]["name"], "type": "individual"}
    for caller, identity in (
        (tree["member"], member | {"isValidated": True}),
        (guest, {"id": str(guest["id"]), "name": guest["name"], "type": "guest"}),
    ):
        answer = await client.post(url, json={"username": "new"}, headers=cookie_for(caller["id"]))
        assert (answer.status_code, answer.json()["code"]) == (400, "GILERR006")
        assert answer.json()["data"] == identity
    client.cookies.clear()
    stale = await client.post(url, json={"username": "new"}, headers=cookie_for(uuid4()))
    assert stale.status_code == 200


@pytest.mark.parametrize("gone", ["unknown", "recycled", "hidden"])
async def test_nobody_logs_in_to_an_item_that_is_not_there_to_be_seen(
    client: httpx.AsyncClient, factory: Factory, tree: Tree, gone: str
) -> None:
    await _schema(factory, tree["A"])
    item = {"id": uuid4()} if gone == "unknown" else tree["C"]
    if gone == "recycled":
        await factory.recycle(tree["B"])
    if gone == "hidden":
        await factory.visibility(tree["B"]["path"], "hidden")
    answer = await _login(client, item, "Anna")
    assert (answer.status_code, answer.json()["message"]) == (404, f"ITEM_NOT_FOUND {item['id']}")


async def test_a_guest_whose_membership_was_taken_comes_in_and_sees_nothing(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, tree: Tree, as_admin: dict[str, str]
) -> None:
    await _schema(factory, tree["B"])
    await _login(client, tree["B"], "Anna")
    listed = (await client.get(_url(tree["B"], "memberships"), headers=as_admin)).json()
    (banned,) = [row["id"] for row in listed if row["account"]["type"] == "guest"]
    removed = await client.delete(_url(tree["B"], f"memberships/{banned}"), headers=as_admin)
    assert removed.status_code == 204
    again = await _login(client, tree["B"], "Anna")
    assert again.status_code == 200
    answer = await client.get(f"/api/items/{tree['B']['id']}", headers=_session(again))
    assert (answer.status_code, answer.json()["code"]) == (403, "GERR016")


@pytest.mark.parametrize("kind", ["username", "username+password"])
async def test_a_whole_class_of_one_name_is_one_guest(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, tree: Tree, kind: str
) -> None:
    await _schema(factory, tree["B"], kind)
    race = (_login(client, tree["B"], "class", "secret") for _ in range(5))
    answers = await asyncio.gather(*race)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    guests = await platform.reads.all(select(account.c.id).where(account.c.type == "guest"))
    assert len(guests) == 1
    memberships = select(item_membership.c.id).where(item_membership.c.account_id == guests[0]["id"])
    assert len(await platform.reads.all(memberships)) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "A"},
        {"username": "a" * 61},
        {"username": "a<b"},
        {"username": "nul\0"},
        {"username": "Anna", "password": "ab"},
        {"username": "Anna", "password": "a" * 51},
    ],
)
async def test_credentials_that_no_guest_could_have_are_refused(
    client: httpx.AsyncClient, factory: Factory, tree: Tree, body: dict[str, str]
) -> None:
    await _schema(factory, tree["B"])
    answer = await client.post(_url(tree["B"], "login"), json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")


async def test_other_requests_are_answered_while_guests_passwords_are_hashed(
    client: httpx.AsyncClient, factory: Factory, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _schema(factory, tree["B"], "username+password")
    hashing, answered = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(*_: object) -> bytes:
        loop.call_soon_threadsafe(hashing.set)
        asyncio.run_coroutine_threadsafe(answered.wait(), loop).result(timeout=10)
        return b"$2b$hash"

    monkeypatch.setattr(passwords.bcrypt, "hashpw", slow)
    logging_in = asyncio.create_task(_login(client, tree["B"], "Anna", "secret"))
    await hashing.wait()
    assert (await client.get(_url(tree["B"], "login-schema-type"))).status_code == 200
    answered.set()
    assert (await logging_in).status_code == 200


class TestGuesses:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(rate_limits=True)

    async def test_passwords_are_guessed_slowly_whichever_item_is_named(
        self, client: httpx.AsyncClient, factory: Factory, tree: Tree
    ) -> None:
        await _schema(factory, tree["A"], "username+password")
        guest = await factory.guest(tree["A"]["path"], name="Anna")
        hashed = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
        await factory.insert(guest_password, guest_id=guest["id"], password=hashed)
        answers = [await _login(client, tree["ABC"[n % 3]], "Anna", "guess") for n in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
        assert int(answers[-1].headers["retry-after"]) > 0
        assert (await _login(client, tree["A"], "Berta", "hers")).status_code == 200


# --- enrolment ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "held", "hidden", "status", "code"),
    [
        pytest.param("active", {}, False, 204, None, id="a stranger"),
        pytest.param(None, {}, False, 403, "GILERR013", id="without a schema"),
        pytest.param("disabled", {}, False, 403, "GILERR013", id="a disabled one, as if there was none"),
        pytest.param("freeze", {}, False, 403, "GILERR015", id="a frozen one"),
        pytest.param("active", {"A": "read"}, False, 400, "GMRERR001", id="a reader by inheritance"),
        pytest.param("active", {"C": "write"}, True, 400, "GMRERR001", id="a writer of a hidden item"),
        pytest.param("active", {"C": "read"}, True, 400, "GERR007", id="a reader of one"),
        pytest.param("active", {"A": "read"}, True, 400, "GERR005", id="a reader of one by inheritance"),
    ],
)
async def test_enrolment(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    tree: Tree,
    as_member: dict[str, str],
    schema: str | None,
    held: dict[str, str],
    hidden: bool,
    status: int,
    code: str | None,
) -> None:
    if schema:
        await _schema(factory, tree["B"], status=schema)
    for name, level in held.items():
        await factory.membership(tree[name]["path"], tree["member"]["id"], level)
    if hidden:
        await factory.visibility(tree["C"]["path"], "hidden")
    await factory.insert(membership_request, member_id=tree["member"]["id"], item_id=tree["C"]["id"])
    answer = await client.post(_url(tree["C"], "enroll"), headers=as_member)
    assert answer.status_code == status
    memberships = await platform.reads.all(
        select(item_membership).where(item_membership.c.account_id == tree["member"]["id"])
    )
    pending = await platform.reads.all(select(membership_request.c.id))
    if code:
        assert answer.json()["code"] == code
        assert len(memberships) == len(held)
        assert len(pending) == 1
        return
    (membership,) = memberships
    assert (membership["item_path"], membership["permission"], membership["creator_id"]) == (
        tree["C"]["path"],
        "read",
        tree["member"]["id"],
    )
    assert pending == []


async def test_enrolling_higher_up_replaces_the_row_below(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, tree: Tree, as_member: dict[str, str]
) -> None:
    await _schema(factory, tree["A"])
    for name in "CB":
        assert (await client.post(_url(tree[name], "enroll"), headers=as_member)).status_code == 204
    rows = await platform.reads.all(
        select(item_membership.c.item_path).where(item_membership.c.account_id == tree["member"]["id"])
    )
    assert [row["item_path"] for row in rows] == [tree["B"]["path"]]


# --- cost --------------------------------------------------------------------------------------------------


async def test_every_operation_takes_the_same_few_statements(
    client: httpx.AsyncClient,
    factory: Factory,
    tree: Tree,
    as_admin: dict[str, str],
    as_member: dict[str, str],
    count_statements: Counter,
) -> None:
    await _schema(factory, tree["B"])
    for _ in range(5):
        await factory.guest(tree["B"]["path"])
    for method, rest, headers, body, expected in (
        ("GET", "login-schema-type", {}, None, 1),
        ("GET", "login-schema", as_admin, None, 3),
        ("PUT", "login-schema", as_admin, {"type": "username"}, 4),
        ("POST", "login", {}, {"username": "Anna"}, 6),
        ("POST", "login", {}, {"username": "Anna"}, 3),
        ("POST", "enroll", as_member, None, 5),
        ("DELETE", "login-schema", as_admin, None, 4),
    ):
        client.cookies.clear()
        with count_statements() as statements:
            answer = await client.request(method, _url(tree["B"], rest), json=body, headers=headers)
        assert answer.status_code in (200, 204), (method, rest)
        assert len(statements) == expected, (method, rest)
