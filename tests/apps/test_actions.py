"""What people do in apps: for themselves and the admins of the item."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from graasp.apps.tables import app_action
from graasp.platform import Platform
from tests.apps.users import User, Users
from tests.conftest import Published
from tests.factories import Factory, Row

NEW: dict[str, Any] = {"type": "click", "data": {"x": 1, "file": {"name": "whatever apps say"}}}


@pytest.fixture
async def app_item(factory: Factory) -> Row:
    return await factory.item(type="app", extra={"app": {"url": "https://apps.test"}})


def url_of(item: Row) -> str:
    return f"/api/app-items/{item['id']}/app-action"


async def put(factory: Factory, item: Row, account: User, **columns: Any) -> str:
    values = {"item_id": item["id"], "account_id": account.id, "type": "click", "data": {}}
    return str((await factory.insert(app_action, **values | columns))["id"])


@pytest.mark.parametrize("who", ["guest", "unvalidated", "stranger", "read", "admin"])
async def test_whoever_reads_has_own_actions_recorded_whatever_they_prefer(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    users: Users,
    app_item: Row,
    published: Published,
    who: str,
) -> None:
    await factory.visibility(app_item["path"], "public")
    user = await users.make(app_item, who)
    body = NEW | {"accountId": str((await factory.member())["id"]), "itemId": str(uuid4())}
    answer = await client.post(url_of(app_item), json=body, headers=user.headers)
    assert (answer.status_code, answer.content) == (204, b"")
    (row,) = await platform.reads.all(select(app_action))
    assert (row["account_id"], row["item_id"], row["type"]) == (user.id, app_item["id"], "click")
    assert row["data"] == NEW["data"]
    ((topic, channel, message),) = await published()
    assert (topic, channel) == ("app-actions", str(app_item["id"]))
    told = message.pop("appAction")
    assert message == {"kind": "app-actions", "op": "post"}
    assert told.pop("item")["id"] == str(app_item["id"])
    assert told.pop("createdAt").endswith("Z")
    assert told == {
        "id": str(row["id"]),
        "accountId": str(user.id),
        "itemId": str(app_item["id"]),
        "data": NEW["data"],
        "type": "click",
        "account": user.wire,
        "member": user.wire,
    }


@pytest.mark.parametrize(
    "body",
    [{"type": "click"}, {"data": {}}, NEW | {"type": "ab"}, NEW | {"type": "a" * 26}, NEW | {"data": 1}],
)
async def test_what_is_no_action_is_refused(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row, body: Any
) -> None:
    user = await users.make(app_item, "read")
    refused = await client.post(url_of(app_item), json=body, headers=user.headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "FST_ERR_VALIDATION")
    assert await factory.count(app_action) == 0


async def test_admins_see_everybodys_actions_and_others_their_own(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row
) -> None:
    await factory.visibility(app_item["path"], "public")
    everybody = {
        who: await users.make(app_item, who) for who in ("admin", "write", "read", "guest", "stranger")
    }
    own = {who: await put(factory, app_item, user) for who, user in everybody.items()}
    elsewhere = await factory.item(type="app")
    await put(factory, elsewhere, everybody["admin"])

    async def seen(who: str, **query: str) -> list[str]:
        answer = await client.get(url_of(app_item), params=query, headers=everybody[who].headers)
        assert answer.status_code == 200, answer.text
        return [action["id"] for action in answer.json()]

    other = {who: str(user.id) for who, user in everybody.items()}
    assert await seen("admin") == list(own.values())
    assert await seen("admin", accountId=other["read"]) == [own["read"]]
    assert await seen("admin", memberId=other["read"]) == [own["read"]]
    assert await seen("admin", accountId=other["guest"], memberId=other["read"]) == [own["guest"]]
    assert await seen("admin", accountId=str(uuid4())) == []
    for who in ("write", "read", "guest", "stranger"):
        assert await seen(who) == await seen(who, accountId=other[who]) == [own[who]]
        for query in ({"accountId": other["admin"]}, {"memberId": other["admin"]}):
            refused = await client.get(url_of(app_item), params=query, headers=everybody[who].headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "GAERR006")


async def test_an_account_that_is_none_is_not_everybody(
    client: httpx.AsyncClient, users: Users, app_item: Row
) -> None:
    admin = await users.make(app_item, "admin")
    for query in ({"accountId": "me"}, {"memberId": "me"}, {"accountId": ""}):
        refused = await client.get(url_of(app_item), params=query, headers=admin.headers)
        assert (refused.status_code, refused.json()["code"]) == (400, "FST_ERR_VALIDATION")


async def test_a_list_is_in_order_and_shows_names_only(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, users: Users, app_item: Row
) -> None:
    user = await users.make(app_item, "read")
    first = await put(factory, app_item, user, data=NEW["data"])
    second = await put(factory, app_item, user)
    async with platform.unit_of_work() as uow:
        later = update(app_action).where(app_action.c.id == first)
        await uow.execute(later.values(created_at=func.now() + timedelta(minutes=1)))
    answer = await client.get(url_of(app_item), headers=user.headers)
    told = answer.json()
    assert [action["id"] for action in told] == [second, first]
    assert told[1].pop("createdAt").endswith("Z")
    assert told[1] == {
        "id": first,
        "account": user.wire,
        "member": user.wire,
        "data": NEW["data"],
        "type": "click",
    }


async def test_nobody_known_does_nothing_and_another_app_is_another(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row, published: Published
) -> None:
    await factory.visibility(app_item["path"], "public")
    elsewhere = await factory.item(type="app")
    admin = await users.make(app_item, "admin")
    await factory.membership(elsewhere["path"], admin.id, "admin")
    for item, headers, code in (
        (app_item, users.nobody(app_item), "GERR027"),
        (elsewhere, admin.headers, "GAERR003"),
    ):
        for request in (
            client.get(url_of(item), headers=headers),
            client.post(url_of(item), json=NEW, headers=headers),
        ):
            answer = await request
            assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert await factory.count(app_action) == 0
    assert await published() == []
