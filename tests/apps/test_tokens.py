"""The client asks for the token of an app in an item."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.app import create_app
from graasp.apps.tables import apps, publishers
from graasp.apps.tokens import read_app_token
from graasp.platform import Platform
from graasp.settings import Settings
from tests.apps.tokens import ORIGIN, claims_of
from tests.factories import Factory, Row

Cookie = Callable[[UUID], dict[str, str]]
Refused = tuple[int, str]


def _body(**fields: Any) -> dict[str, Any]:
    return {"key": str(uuid4()), "origin": ORIGIN} | fields


def _url(item: Row) -> str:
    return f"/api/app-items/{item['id']}/api-access-token"


async def test_the_token_says_who_uses_which_app_where(
    client: httpx.AsyncClient,
    settings: Settings,
    platform: Platform,
    member: Row,
    app_item: Row,
    cookie_for: Cookie,
) -> None:
    body = _body()
    answer = await client.post(_url(app_item), json=body, headers=cookie_for(member["id"]))
    assert (answer.status_code, set(answer.json())) == (200, {"token"})
    claims = claims_of(settings, answer.json()["token"])
    assert claims["sub"] == body | {"itemId": str(app_item["id"]), "accountId": str(member["id"])}
    assert claims["exp"] - claims["iat"] == 1800
    assert await platform.reads.scalar(select(action.c.id)) is None


async def test_nobody_known_is_nobody_in_the_token(
    client: httpx.AsyncClient, settings: Settings, factory: Factory, app_item: Row
) -> None:
    await factory.visibility(app_item["path"], "public")
    answer = await client.post(_url(app_item), json=_body())
    assert "accountId" not in claims_of(settings, answer.json()["token"])["sub"]


@pytest.mark.parametrize(
    ("who", "state", "expected"),
    [
        ("guest", "", 200),
        ("unvalidated", "", 200),
        ("read", "", 200),
        ("nobody", "", "GERR016"),
        ("stranger", "", "GERR016"),
        ("nobody", "public", 200),
        ("stranger", "public", 200),
        ("read", "hidden", "GERR016"),
        ("write", "hidden", 200),
        ("admin", "recycled", "GERR001"),
    ],
)
async def test_whoever_reads_the_item_uses_its_app(
    client: httpx.AsyncClient,
    factory: Factory,
    app_item: Row,
    headers_as: Callable[[Any, str], Awaitable[dict[str, str]]],
    who: str,
    state: str,
    expected: int | str,
) -> None:
    headers = await headers_as(app_item, who)
    if state == "recycled":
        await factory.recycle(app_item)
    elif state:
        await factory.visibility(app_item["path"], state)
    answer = await client.post(_url(app_item), json=_body(), headers=headers)
    assert (answer.json()["code"] if isinstance(expected, str) else answer.status_code) == expected


async def test_only_apps_have_tokens(
    client: httpx.AsyncClient, factory: Factory, member: Row, cookie_for: Cookie
) -> None:
    folder = await factory.owned_item(member)
    answer = await client.post(_url(folder), json=_body(), headers=cookie_for(member["id"]))
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "name": "FastifyError",
            "code": "GIERR001",
            "message": "Item does not have the correct type app",
            "statusCode": 400,
        },
    )
    gone = await client.post(_url({"id": uuid4()}), json=_body(), headers=cookie_for(member["id"]))
    assert (gone.status_code, gone.json()["code"]) == (404, "GERR001")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"key": str(uuid4())},
        {"origin": ORIGIN},
        {"key": "none", "origin": ORIGIN},
        {"key": str(uuid4()), "origin": "apps"},
        {"key": str(uuid4()), "origin": "https://apps.test/\0"},
    ],
)
async def test_key_and_origin_are_asked_for(
    client: httpx.AsyncClient, app_item: Row, body: dict[str, str]
) -> None:
    answer = await client.post(_url(app_item), json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")


@pytest.mark.parametrize("checks", [True, False])
async def test_where_origins_are_checked_apps_are_registered_ones_from_their_publishers_origins(
    make_settings: Callable[..., Settings],
    factory: Factory,
    member: Row,
    app_item: Row,
    cookie_for: Cookie,
    checks: bool,
) -> None:
    publisher = await factory.insert(publishers, name="Publisher", origins=[ORIGIN, "https://more.test"])
    other = await factory.insert(publishers, name="Another", origins=["https://other.test"])
    quiz = await _registered(factory, publisher, "Quiz")
    await _registered(factory, other, "Other")
    tries = {
        (str(quiz["key"]), ORIGIN): 200,
        (str(quiz["key"]), "https://more.test"): 200,
        (str(quiz["key"]), "https://other.test"): 403,
        (str(quiz["key"]), f"{ORIGIN}/"): 403,
        (str(quiz["key"]), "https://APPS.test"): 403,
        (str(uuid4()), ORIGIN): 403,
    }
    app = create_app(make_settings(apps_check_origin=checks))
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport) as client:
        for (key, origin), status in tries.items():
            answer = await client.post(
                f"http://127.0.0.1{_url(app_item)}",
                json={"key": key, "origin": origin},
                headers=cookie_for(member["id"]),
            )
            assert answer.status_code == (status if checks else 200), (key, origin)
            if answer.status_code == 403:
                assert answer.json()["code"] == "GAERR002"
                assert answer.json()["name"] == answer.json()["message"] == "INVALID_APP_ORIGIN"


async def _registered(factory: Factory, publisher: Row, name: str) -> Row:
    return await factory.insert(
        apps, name=name, description="", url=f"https://apps.test/{name}", publisher_id=publisher["id"]
    )


async def test_both_spellings_of_the_path_are_answered(
    client: httpx.AsyncClient, settings: Settings, member: Row, app_item: Row, cookie_for: Cookie
) -> None:
    url = _url(app_item).removeprefix("/api")
    answer = await client.post(url, json=_body(), headers=cookie_for(member["id"]))
    token = read_app_token(settings, answer.json()["token"])
    assert token is not None
    assert (token.item_id, token.account_id) == (app_item["id"], member["id"])
