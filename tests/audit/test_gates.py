"""Every operation, every kind of caller, an item in every state: nobody passes whom the table does not let pass."""

import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from graasp.api import api_routes
from graasp.apps.tables import app_data, app_setting
from graasp.apps.tokens import AppToken, app_token
from graasp.auth.gates import Caller as Account
from graasp.db.database import Transaction
from graasp.http.errors import DomainError, FormattedError
from graasp.invitations.tables import invitation
from graasp.meta.routes import router as meta
from graasp.notifications import topics
from graasp.platform import Platform
from graasp.settings import Settings
from graasp.short_links.tables import short_link
from tests.audit.gates import GATES, TOPICS, Caller, Gate, Item
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]

CALLERS = ("nobody", "unvalidated", "stranger", "guest", "reader", "writer", "admin")
STATES = ("private", "public", "hidden", "recycled")
_LEVELS = {"guest": 1, "reader": 1, "writer": 2, "admin": 3}
_NEEDED = {Item.READ: 1, Item.WRITE: 2, Item.ADMIN: 3}

_FROM_APPS = (Caller.APP, Caller.APP_SIGNED_IN, Caller.APP_VALIDATED)

_SIGNED_OUT = "401 Unauthorized"
_PASSES = "passes"
# What only gates and item permissions answer: whoever passes is told none of it.
_REFUSALS = {"GERR027", "GMERR002", "GMERR003", "GERR1012", "GERR003", "GERR004", "GERR016"}
# No Etherpad server, no geocoder and no language model is there; who is told so has passed.
_FAILURES_OF_OTHERS = {"GPEPERR001", "GPEPERR003", "GIGEOERR004", "GERR1000"}


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """In development nobody asks whether a person is there."""
    return make_settings(node_env="development")


def _operations() -> Iterator[Operation]:
    """Everything that is served below `/api`, and the service routes; the same under another path is told once."""
    seen = set()
    routes = [route for route in (*meta.routes, *api_routes()) if isinstance(route, APIRoute)]
    for route in sorted(routes, key=lambda found: not found.include_in_schema):
        for method in sorted((route.methods or set()) - {"HEAD"}):
            answered_by = (inspect.unwrap(route.endpoint), method)
            if answered_by not in seen:
                seen.add(answered_by)
                yield Operation(route.operation_id or f"{method} {route.path}", method, route.path)


def test_the_table_has_a_line_for_each_operation_and_topic_and_no_other() -> None:
    served = {operation.name for operation in _operations()}
    assert sorted(served - set(GATES)) == [], "routes without a line in gates.py"
    assert sorted(set(GATES) - served) == [], "lines in gates.py without a route"
    assert set(topics.TOPICS) == set(TOPICS)


def expected(gate: Gate, caller: str, state: str) -> str:
    """What the rules say: `passes`, or the refusal."""
    is_member, is_validated = caller not in ("nobody", "guest"), caller not in ("nobody", "unvalidated")
    if gate.caller in _FROM_APPS and (
        state == "recycled" or (caller == "nobody" and gate.caller is not Caller.APP)
    ):
        return "401 GERR027"
    match gate.caller:
        case Caller.BEARER:
            return _SIGNED_OUT
        case Caller.ANYBODY | Caller.APP:
            pass
        case _ if caller == "nobody":
            return _SIGNED_OUT
        case Caller.MEMBER if not is_member:
            return "403 GMERR003"
        case Caller.VALIDATED | Caller.APP_VALIDATED if not (is_member and is_validated):
            return "403 GMERR002"
        case Caller.VALIDATED_OR_GUEST if not is_validated:
            return "403 GERR1012"
    return _expected_of_item(gate.item, _LEVELS.get(caller, 0), state, gate.recycled)


def _expected_of_item(item: Item, level: int, state: str, recycled: str | None = "GERR001") -> str:
    if item is Item.UNCHECKED:
        return _PASSES
    if state == "recycled" and recycled:
        return f"404 {recycled}"
    if item is Item.LIVE:
        return _PASSES
    is_hidden = state == "hidden" and level < _NEEDED[Item.WRITE]
    if item is Item.SEEN:
        return "404 GERR001" if is_hidden else _PASSES
    if is_hidden:
        return "403 GERR016"
    if level >= _NEEDED[item] or (item is Item.READ and state == "public"):
        return _PASSES
    if level == 0:
        return "403 GERR016"
    return "403 GERR003" if item is Item.WRITE else "403 GERR004"


def told(answer: httpx.Response) -> str:
    """The same of an answer."""
    if answer.status_code == 401 and answer.text == "Unauthorized":
        return _SIGNED_OUT
    code = _code(answer)
    if code in _FAILURES_OF_OTHERS:
        return _PASSES
    if answer.status_code >= 500 or code in _REFUSALS or code == "FST_ERR_VALIDATION":
        return f"{answer.status_code} {code}"
    return f"404 {code}" if code in ("GERR001", "GPINVERR003") else _PASSES


def _code(answer: httpx.Response) -> str | None:
    if "json" not in answer.headers.get("content-type", ""):
        return None
    body = answer.json()
    return body.get("code") if isinstance(body, dict) else None


@dataclass
class World:
    """One account of each kind, one item in each state, and what belongs to it."""

    accounts: dict[str, Any]
    items: dict[str, dict[str, str]]

    def fill(self, value: Any, caller: str, state: str) -> Any:
        """The value with its `$names` replaced."""
        if isinstance(value, str) and value.startswith("$"):
            known = self.items[state] | {"caller": str(self.accounts.get(caller, {}).get("id", uuid4()))}
            return known[value[1:]]
        if isinstance(value, Mapping):
            return {name: self.fill(part, caller, state) for name, part in value.items()}
        if isinstance(value, list):
            return [self.fill(part, caller, state) for part in value]
        return value

    def token(self, settings: Settings, caller: str, state: str) -> dict[str, str]:
        """The headers of an app that the caller uses."""
        account_id = self.accounts[caller]["id"] if caller in self.accounts else None
        content = AppToken(account_id, UUID(self.items[state]["app"]), str(uuid4()), "https://apps.test")
        return {"Authorization": f"Bearer {app_token(settings, content)}"}

    def url(self, operation: Operation, gate: Gate, caller: str, state: str) -> str:
        item = "$app" if gate.caller in _FROM_APPS else "$item"
        parts = {"id": "$item", "itemId": item} | dict(gate.path)
        return re.sub(r"{(\w+)}", lambda part: self.fill(parts[part[1]], caller, state), operation.path)


@pytest.fixture
async def world(factory: Factory) -> World:
    accounts: dict[str, Any] = {
        kind: await factory.member(is_validated=kind != "unvalidated")
        for kind in ("unvalidated", "stranger", "reader", "writer", "admin")
    }
    bystander, newcomer = await factory.member(), await factory.member()
    items: dict[str, dict[str, str]] = {}
    for state in STATES:
        item = await factory.item(name=state)
        if state == "private":
            accounts["guest"] = await factory.guest(item["path"])
        for kind, level in (("reader", "read"), ("writer", "write"), ("admin", "admin")):
            await factory.membership(item["path"], accounts[kind]["id"], level)
        if state != "private":
            await factory.membership(item["path"], accounts["guest"]["id"], "read")
        if state in ("public", "hidden"):
            await factory.visibility(item["path"], state)
        app = await factory.item(item, type="app", extra={"app": {"url": "https://apps.test"}})
        datum = await factory.insert(
            app_data,
            item_id=app["id"],
            account_id=bystander["id"],
            creator_id=bystander["id"],
            type="answer",
            visibility="item",
        )
        setting = await factory.insert(app_setting, item_id=app["id"], name="colours")
        membership = await factory.membership(item["path"], bystander["id"], "read")
        invited = await factory.insert(invitation, item_path=item["path"], email=f"{state}@example.org")
        alias = f"alias-{state}"
        await factory.insert(short_link, alias=alias, platform="builder", item_id=item["id"])
        if state == "recycled":
            await factory.recycle(item)
        items[state] = {
            "item": str(item["id"]),
            "app": str(app["id"]),
            "datum": str(datum["id"]),
            "setting": str(setting["id"]),
            "newcomer": str(newcomer["id"]),
            "membership": str(membership["id"]),
            "invitation": str(invited["id"]),
            "alias": alias,
        }
    return World(accounts, items)


@pytest.fixture
def nothing_lasts(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """Every transaction is rolled back after its answer was made: each request finds the world as it was."""
    assert world
    keep = Transaction.open

    class RollBackError(Exception):
        pass

    @asynccontextmanager
    async def roll_back(transaction: Transaction) -> AsyncIterator[None]:
        with suppress(RollBackError):
            async with keep(transaction):
                yield
                raise RollBackError

    monkeypatch.setattr(Transaction, "open", roll_back)


@pytest.mark.usefixtures("nothing_lasts")
async def test_nobody_passes_a_gate_that_is_not_theirs(
    app: FastAPI, settings: Settings, world: World, cookie_for: Cookie
) -> None:
    wrong: list[str] = []
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    sessions = {kind: cookie_for(account["id"]) for kind, account in world.accounts.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as client:
        for operation in _operations():
            gate = GATES[operation.name]
            for caller in CALLERS:
                for state in STATES if gate.item is not Item.UNCHECKED else STATES[:1]:
                    client.cookies.clear()
                    is_from_app = gate.caller in _FROM_APPS
                    signed = world.token(settings, caller, state) if is_from_app else sessions.get(caller, {})
                    answer = await client.request(
                        operation.method,
                        world.url(operation, gate, caller, state),
                        params=world.fill(gate.query, caller, state),
                        headers=dict(gate.headers) | signed,
                        json=world.fill(gate.body, caller, state),
                        files={"file": gate.file} if gate.file else None,
                        data=dict(gate.form) or None,
                    )
                    rule = expected(gate, caller, state)
                    if told(answer) != rule:
                        wrong.append(
                            f"{operation.name} by {caller} on {state}: {told(answer)} for {rule};"
                            f" {answer.status_code} {answer.text[:200]}"
                        )
    assert not wrong, "\n".join(wrong)


async def test_nobody_listens_to_a_topic_that_is_not_theirs(platform: Platform, world: World) -> None:
    wrong: list[str] = []
    for topic, needed in TOPICS.items():
        for kind, account in world.accounts.items():
            listener = Account(
                account["id"],
                account["name"],
                account["type"],
                bool(account["is_validated"]),
                "en",
                saves_actions=True,
            )
            others = next(other["id"] for other in world.accounts.values() if other is not account)
            for state, channel, rule in (
                [("own", account["id"], _PASSES), ("another", others, "denied")]
                if needed is None
                else [
                    (
                        state,
                        UUID(world.items[state]["item"]),
                        _expected_of_item(needed, _LEVELS.get(kind, 0), state),
                    )
                    for state in STATES
                ]
            ):
                found = await _told_by_topic(platform, topic, listener, channel, is_item=needed is not None)
                if found != rule:
                    wrong.append(f"{topic} by {kind} on {state}: {found} for {rule}")
    assert not wrong, "\n".join(wrong)


async def _told_by_topic(
    platform: Platform, topic: str, listener: Account, channel: UUID, *, is_item: bool
) -> str:
    try:
        await topics.TOPICS[topic](platform.reads, listener, channel)
    except topics.AccessDenied:
        # The item is of another kind than the topic is about: its permissions were passed.
        return _PASSES if is_item else "denied"
    except (DomainError, FormattedError) as refusal:
        return f"{refusal.status} {refusal.code}"
    return _PASSES
