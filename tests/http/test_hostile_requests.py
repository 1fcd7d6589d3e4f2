"""Whatever a request says, the server answers it: a refusal in the words of the contract, never a failure."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from graasp.app import create_app
from graasp.http.session_cookie import COOKIE, Session
from tests.apps.tokens import app_headers
from tests.conftest import MailSink, settings_on
from tests.factories import Factory
from tests.http.operations import Example, Operation, generated_examples, hostile_examples, operations

OPERATIONS = operations()


@pytest.fixture(scope="module")
async def server(
    database_url: str, redis_url: str, mail_server: MailSink, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FastAPI]:
    folder: Path = tmp_path_factory.mktemp("files")
    # Nobody verifies captchas in development: requests get further.
    mode = {"node_env": "development", "log_level": "critical"}
    app = create_app(settings_on(database_url, redis_url, mail_server.url, folder, **mode))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="module")
async def visitor(server: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=server, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport) as client:
        yield client


@pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}"
)
async def test_no_request_makes_the_server_fail(
    server: FastAPI, visitor: httpx.AsyncClient, operation: Operation
) -> None:
    factory = Factory(server.state.platform.database)
    owner = await factory.member(email=f"{uuid4()}@example.org")
    folder = await factory.owned_item(owner)
    child = await factory.item(folder, creator=owner, type="document", extra={"document": {"content": "x"}})
    guest = await factory.guest(folder["path"])
    ids = itertools.cycle([folder["id"], child["id"], owner["id"], folder["id"], guest["id"]])
    callers = itertools.cycle(
        [{}, *(_signed_in(server, account, folder) for account in (owner, guest, owner))]
    )
    examples = [*generated_examples(operation), *hostile_examples(operation, ids)]
    for example, cookies in zip(examples, callers, strict=False):
        answer = await _send(visitor, example, cookies)
        assert _is_in_order(answer), f"{example}\n{answer.status_code} {answer.text[:1000]}"


def _signed_in(server: FastAPI, account: Any, item: Any) -> dict[str, str]:
    """By a session, and by an app in the item."""
    value = server.state.session_codec.value(Session.start(account["id"]))
    return {"Cookie": f"{COOKIE}={value}"} | app_headers(server.state.settings, item["id"], account["id"])


async def _send(client: httpx.AsyncClient, example: Example, cookies: dict[str, str]) -> httpx.Response:
    headers = [(name, value.encode("latin-1")) for name, value in {**cookies, **example.headers}.items()]
    request = client.build_request(example.method, example.url, headers=headers, content=example.content)
    return await client.send(request)


def _is_in_order(answer: httpx.Response) -> bool:
    if answer.status_code >= 500 and not _is_the_fault_of_another(answer):
        return False
    if answer.status_code >= 400 and not _is_a_documented_refusal(answer):
        return False
    return "content-security-policy" in answer.headers and "x-request-id" in answer.headers


def _is_the_fault_of_another(answer: httpx.Response) -> bool:
    """No language model, no Etherpad server and no geocoder can be asked from here."""
    told = answer.headers["content-type"].startswith("application/json") and answer.json()["code"]
    return told in ("GERR1000", "GPEPERR001", "GPEPERR003", "GIGEOERR004")


def _is_a_documented_refusal(answer: httpx.Response) -> bool:
    if not answer.content:
        # What only upgrades to a websocket.
        return answer.status_code == 404
    if answer.headers["content-type"].startswith("text/plain"):
        return answer.text in ("Unauthorized", "Bad Request", "Invalid Preflight Request")
    body = answer.json()
    return body in ({}, {"error": "Bad Request"}, {"error": "Bad parameters passed"}) or (
        body["statusCode"] == answer.status_code and bool(body["message"])
    )
