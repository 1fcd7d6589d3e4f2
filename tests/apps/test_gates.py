"""What apps call: by their token alone, in the token's item, for the account as it is now."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from fastapi import APIRouter, FastAPI
from sqlalchemy import delete, update
from starlette.responses import Response

from graasp.accounts.tables import account
from graasp.apps.gates import InApp, ItemId, SignedInInApp, ValidatedInApp
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.item_login.tables import item_login_schema
from graasp.platform import Platform
from graasp.settings import Settings
from tests.apps.tokens import ORIGIN, app_headers
from tests.factories import Factory, Row

Cookie = Callable[[UUID], dict[str, str]]
Ask = Callable[..., Awaitable[tuple[int, str | None]]]

_UNAUTHORIZED = (401, None)
_NOT_KNOWN = (401, "GERR027")
_ANOTHER_ITEM = (401, "GAERR003")


def told(answer: httpx.Response) -> tuple[int, str | None]:
    """Status and error code; none for the bare text."""
    if answer.status_code == 401 and answer.headers["content-type"].startswith("text/plain"):
        assert answer.text == "Unauthorized"
        return _UNAUTHORIZED
    body = answer.json()
    return answer.status_code, body.get("code")


def _router() -> APIRouter:
    """One route for each gate."""
    router = contract_router(prefix="/app-items")

    @router.get("/{itemId}/visitor")
    async def visitor(visitor: InApp, item_id: ItemId) -> Response:
        caller = visitor.account
        return json_response({"id": visitor.account_id, "name": caller and caller.name, "item": item_id})

    @router.get("/{itemId}/user")
    async def user(user: SignedInInApp, item_id: ItemId) -> Response:
        return json_response({"id": user.account.id, "origin": user.origin, "item": user.item_id})

    @router.get("/{itemId}/validated")
    async def validated(user: ValidatedInApp, item_id: ItemId) -> Response:
        return json_response({"id": user.account.id})

    @router.get("/of-token/anything")
    async def without_item(user: SignedInInApp) -> Response:
        return json_response({"item": user.item_id})

    return router


@pytest.fixture
def gated(app: FastAPI, client: httpx.AsyncClient) -> httpx.AsyncClient:
    app.include_router(_router())
    return client


def _signed(settings: Settings, claims: dict[str, Any], secret: str | None = None) -> dict[str, str]:
    secret = secret or settings.apps_jwt_secret.get_secret_value()
    claims = {"exp": datetime.now(UTC) + timedelta(minutes=1)} | claims
    return {"Authorization": f"Bearer {jwt.encode(claims, secret, 'HS256')}"}


async def test_an_app_calls_for_whoever_uses_it(
    gated: httpx.AsyncClient, settings: Settings, member: Row, app_item: Row
) -> None:
    headers = app_headers(settings, app_item["id"], member["id"])
    answer = await gated.get(f"/api/app-items/{app_item['id']}/user", headers=headers)
    assert answer.json() == {"id": str(member["id"]), "origin": ORIGIN, "item": str(app_item["id"])}
    answer = await gated.get(f"/api/app-items/{app_item['id']}/visitor", headers=headers)
    assert answer.json()["name"] == member["name"]
    # Where the path names no item, it is the token's.
    answer = await gated.get("/api/app-items/of-token/anything", headers=headers)
    assert answer.json() == {"item": str(app_item["id"])}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_read_in_any_case(
    gated: httpx.AsyncClient, settings: Settings, member: Row, app_item: Row, scheme: str
) -> None:
    token = app_headers(settings, app_item["id"], member["id"])["Authorization"].removeprefix("Bearer ")
    url = f"/api/app-items/{str(app_item['id']).upper()}/user"
    answer = await gated.get(url, headers={"Authorization": f"{scheme} {token}"})
    assert answer.status_code == 200


async def test_whoever_is_signed_out_may_call_what_is_for_visitors(
    gated: httpx.AsyncClient, settings: Settings, app_item: Row
) -> None:
    headers = app_headers(settings, app_item["id"])
    answer = await gated.get(f"/api/app-items/{app_item['id']}/visitor", headers=headers)
    assert answer.json() == {"id": None, "name": None, "item": str(app_item["id"])}
    answer = await gated.get(f"/api/app-items/{app_item['id']}/user", headers=headers)
    assert told(answer) == _NOT_KNOWN


async def test_a_token_that_is_none_is_refused(
    gated: httpx.AsyncClient, settings: Settings, member: Row, app_item: Row, cookie_for: Cookie
) -> None:
    good = {
        "accountId": str(member["id"]),
        "itemId": str(app_item["id"]),
        "key": str(uuid4()),
        "origin": ORIGIN,
    }
    a_minute_ago = datetime.now(UTC) - timedelta(minutes=1)
    unsigned = jwt.encode({"sub": good, "exp": datetime.now(UTC) + timedelta(minutes=1)}, None, "none")
    token = _signed(settings, {"sub": good})["Authorization"].removeprefix("Bearer ")
    wrong: dict[str, dict[str, str]] = {
        "no token": {},
        "a session": cookie_for(member["id"]),
        "another scheme": {"Authorization": f"Basic {token}"},
        "no scheme": {"Authorization": token},
        "no JWT": {"Authorization": "Bearer nonsense"},
        "no signature": {"Authorization": f"Bearer {unsigned}"},
        "another secret": _signed(settings, {"sub": good}, settings.jwt_secret.get_secret_value()),
        "expired": _signed(settings, {"sub": good, "exp": a_minute_ago}),
        "no subject": _signed(settings, {}),
        "a subject that is text": _signed(settings, {"sub": str(member["id"])}),
        "an item that is none": _signed(settings, {"sub": good | {"itemId": "none"}}),
        "an account that is none": _signed(settings, {"sub": good | {"accountId": "none"}}),
    }
    for name in ("itemId", "key", "origin"):
        wrong[f"without {name}"] = _signed(
            settings, {"sub": {key: value for key, value in good.items() if key != name}}
        )
    url = f"/api/app-items/{app_item['id']}"
    for reason, headers in wrong.items():
        for gate in ("visitor", "user", "validated"):
            assert told(await gated.get(f"{url}/{gate}", headers=headers)) == _UNAUTHORIZED, reason
    assert (await gated.get(f"{url}/user", headers=_signed(settings, {"sub": good}))).status_code == 200


async def test_what_is_asked_for_is_validated_first(gated: httpx.AsyncClient) -> None:
    assert told(await gated.get("/api/app-items/none/user")) == (400, "FST_ERR_VALIDATION")


async def test_a_token_is_good_for_its_own_item(
    gated: httpx.AsyncClient, settings: Settings, factory: Factory, member: Row, app_item: Row
) -> None:
    other = await factory.owned_item(member, type="app")
    headers = app_headers(settings, app_item["id"], member["id"])
    for gate in ("visitor", "user", "validated"):
        for item_id in (other["id"], uuid4()):
            answer = await gated.get(f"/api/app-items/{item_id}/{gate}", headers=headers)
            assert told(answer) == _ANOTHER_ITEM
            assert answer.json()["name"] == "TOKEN_ITEM_ID_MISMATCH"
            assert answer.json()["origin"] == "graasp-plugin-apps"


@pytest.mark.parametrize("gate", ["visitor", "user", "validated"])
async def test_without_its_item_a_token_is_worth_nothing(
    gated: httpx.AsyncClient, settings: Settings, factory: Factory, member: Row, app_item: Row, gate: str
) -> None:
    await factory.recycle(app_item)
    for item_id in (app_item["id"], uuid4()):
        headers = app_headers(settings, item_id, member["id"])
        assert told(await gated.get(f"/api/app-items/{item_id}/{gate}", headers=headers)) == _NOT_KNOWN


async def test_the_account_is_the_one_of_now(
    gated: httpx.AsyncClient, settings: Settings, platform: Platform, member: Row, app_item: Row
) -> None:
    headers = app_headers(settings, app_item["id"], member["id"])
    url = f"/api/app-items/{app_item['id']}"

    async def change(statement: Any) -> None:
        async with platform.unit_of_work() as uow:
            await uow.execute(statement)

    assert (await gated.get(f"{url}/validated", headers=headers)).status_code == 200
    await change(update(account).values(name="Renamed", is_validated=False))
    assert (await gated.get(f"{url}/visitor", headers=headers)).json()["name"] == "Renamed"
    assert told(await gated.get(f"{url}/validated", headers=headers)) == (403, "GMERR002")
    await change(delete(account))
    assert told(await gated.get(f"{url}/user", headers=headers)) == _NOT_KNOWN
    assert (await gated.get(f"{url}/visitor", headers=headers)).json()["id"] is None


async def test_guests_use_apps_while_their_login_is_open(
    gated: httpx.AsyncClient, settings: Settings, platform: Platform, factory: Factory, app_item: Row
) -> None:
    guest = await factory.guest(app_item["path"])
    headers = app_headers(settings, app_item["id"], guest["id"])
    url = f"/api/app-items/{app_item['id']}"
    assert (await gated.get(f"{url}/user", headers=headers)).json()["id"] == str(guest["id"])
    assert told(await gated.get(f"{url}/validated", headers=headers)) == (403, "GMERR002")
    async with platform.unit_of_work() as uow:
        await uow.execute(update(item_login_schema).values(status="disabled"))
    assert told(await gated.get(f"{url}/user", headers=headers)) == _NOT_KNOWN


async def test_a_token_opens_nothing_else(
    gated: httpx.AsyncClient, settings: Settings, member: Row, app_item: Row
) -> None:
    headers = app_headers(settings, app_item["id"], member["id"])
    answer = await gated.get("/api/members/current/settings", headers=headers)
    assert told(answer) == _UNAUTHORIZED
    answer = await gated.get(f"/api/items/{app_item['id']}", headers=headers)
    assert told(answer) == (403, "GERR016")
    answer = await gated.patch("/api/password/reset", headers=headers, json={"password": "Correct-horse-1"})
    assert told(answer) == _UNAUTHORIZED
