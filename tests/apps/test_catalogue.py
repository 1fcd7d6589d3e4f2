"""The apps to choose from, those that somebody uses most, and what an app is told of where it runs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete

from graasp.apps.tables import apps, publishers
from graasp.memberships.tables import item_membership
from graasp.platform import Platform
from graasp.settings import Settings
from tests.apps.tokens import app_headers
from tests.factories import Factory, Row

Cookie = Callable[[UUID], dict[str, str]]
Count = Callable[[], AbstractContextManager[list[str]]]

PUBLISHER_ID = UUID("11111111-1111-4111-8111-111111111111")


@pytest.fixture
def settings(make_settings: Callable[..., Settings], request: pytest.FixtureRequest) -> Settings:
    return make_settings(apps_publisher_id=getattr(request, "param", PUBLISHER_ID))


@pytest.fixture
async def registered(factory: Factory) -> dict[str, Row]:
    """Two apps of the publisher whose apps are listed, one of another."""
    await factory.insert(publishers, id=PUBLISHER_ID, name="Graasp", origins=[])
    other = await factory.insert(publishers, name="Another", origins=[])
    made = {}
    for name, publisher_id in (("Quiz", PUBLISHER_ID), ("Calculator", PUBLISHER_ID), ("Map", other["id"])):
        made[name] = await factory.insert(
            apps,
            name=name,
            description=f"A {name}",
            url=f"https://apps.test/{name}",
            thumbnail=f"https://apps.test/{name}.png",
            publisher_id=publisher_id,
        )
    return made


@pytest.mark.usefixtures("registered")
async def test_the_publishers_apps_are_listed_to_everybody_by_name(
    client: httpx.AsyncClient, count_statements: Count
) -> None:
    with count_statements() as statements:
        answer = await client.get("/api/app-items/list")
    assert answer.json() == [
        {
            "name": name,
            "description": f"A {name}",
            "url": f"https://apps.test/{name}",
            "thumbnail": f"https://apps.test/{name}.png",
        }
        for name in ("Calculator", "Quiz")
    ]
    assert len(statements) == 1


async def test_the_most_used_apps_are_counted_in_the_items_that_somebody_made(
    client: httpx.AsyncClient, factory: Factory, member: Row, registered: dict[str, Row], cookie_for: Cookie
) -> None:
    async def use(url: str, creator: Row = member) -> Row:
        return await factory.item(creator=creator, type="app", extra={"app": {"url": url}})

    for name in ("Map", "Quiz", "Map", "Map", "Quiz"):
        await use(registered[name]["url"])
    await factory.recycle(await use(registered["Calculator"]["url"]))
    # Of others, under other addresses.
    await use(registered["Quiz"]["url"], creator=await factory.member())
    await use(registered["Quiz"]["url"] + "?v=2")
    answer = await client.get("/api/app-items/most-used", headers=cookie_for(member["id"]))
    assert answer.json() == [
        {"name": "Map", "url": "https://apps.test/Map", "count": 3},
        {"name": "Quiz", "url": "https://apps.test/Quiz", "count": 2},
    ]


async def test_the_context_is_the_item_and_whom_it_is_shared_with(
    client: httpx.AsyncClient, settings: Settings, factory: Factory, member: Row, app_item: Row
) -> None:
    guest = await factory.guest(app_item["path"])
    admin = await factory.member()
    folder_path = app_item["path"].rpartition(".")[0]
    await factory.membership(folder_path, admin["id"], "read")
    await factory.membership(app_item["path"], admin["id"], "admin")
    await factory.membership((await factory.item())["path"], (await factory.member())["id"], "read")
    answer = await client.get(
        f"/api/app-items/{app_item['id']}/context",
        headers=app_headers(settings, app_item["id"], member["id"]),
    )
    assert set(answer.json()) == {"item", "members"}
    item = answer.json()["item"]
    assert (item["id"], item["type"]) == (str(app_item["id"]), "app")
    assert item["extra"] == {"app": {"url": "https://apps.test/quiz"}}
    assert set(item) == {
        "id",
        "name",
        "type",
        "description",
        "path",
        "lang",
        "settings",
        "extra",
        "createdAt",
        "updatedAt",
    }
    accounts = sorted((member, guest, admin), key=lambda account: str(account["id"]))
    assert answer.json()["members"] == [{"id": str(a["id"]), "name": a["name"]} for a in accounts]


async def test_of_a_public_app_signed_in_visitors_are_told_who_takes_part_and_others_are_not(
    client: httpx.AsyncClient, settings: Settings, factory: Factory, member: Row, app_item: Row
) -> None:
    await factory.visibility(app_item["path"], "public")
    stranger = await factory.member()
    told: dict[UUID | None, Any] = {}
    for account_id in (stranger["id"], None, uuid4()):
        headers = app_headers(settings, app_item["id"], account_id)
        answer = await client.get(f"/api/app-items/{app_item['id']}/context", headers=headers)
        told[account_id] = answer.json()["members"]
    assert list(told.values()) == [[{"id": str(member["id"]), "name": member["name"]}], [], []]


async def test_the_context_goes_with_the_right_to_read(
    client: httpx.AsyncClient,
    settings: Settings,
    platform: Platform,
    factory: Factory,
    member: Row,
    app_item: Row,
) -> None:
    headers = app_headers(settings, app_item["id"], member["id"])
    url = f"/api/app-items/{app_item['id']}/context"
    hidden = await factory.visibility(app_item["path"], "hidden")
    assert hidden
    refused = await client.get(url, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "GERR016")
    async with platform.unit_of_work() as uow:
        await uow.execute(delete(item_membership))
    assert (await client.get(url, headers=headers)).status_code == 403
    assert (await client.get(url, headers=app_headers(settings, app_item["id"]))).status_code == 403


async def test_the_context_is_the_tokens_own(
    client: httpx.AsyncClient, settings: Settings, factory: Factory, member: Row, app_item: Row
) -> None:
    headers = app_headers(settings, app_item["id"], member["id"])
    foreign = await factory.item(type="app", extra={"app": {"url": "https://apps.test"}})
    for item_id in ((await factory.owned_item(member))["id"], foreign["id"]):
        answer = await client.get(f"/api/app-items/{item_id}/context", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "GAERR003")
    missing = uuid4()
    answer = await client.get(f"/app-items/{missing}/context", headers=headers)
    assert answer.json() == {
        "statusCode": 404,
        "code": "GERR001",
        "error": "Not Found",
        "message": f"ITEM_NOT_FOUND {missing}",
    }


@pytest.mark.parametrize("settings", [None], indirect=True)
@pytest.mark.usefixtures("registered")
async def test_without_a_publisher_there_is_no_app_to_choose(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/app-items/list")).json() == []
