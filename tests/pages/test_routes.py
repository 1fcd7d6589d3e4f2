"""Pages, as items."""

from collections.abc import Callable
from uuid import UUID

import httpx
from sqlalchemy import select

from graasp.actions.tables import action
from graasp.platform import Platform
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]


async def test_a_page_is_made_where_it_is_put(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, platform: Platform
) -> None:
    owner = await factory.member()
    folder = await factory.owned_item(owner)
    first = await factory.item(folder)
    headers = cookie_for(owner["id"])
    body = {"name": "page", "description": "no", "settings": {"isPinned": True}, "extra": {"page": 1}}
    answer = await client.post(
        f"/api/items/pages?parentId={folder['id']}&previousItemId={first['id']}", json=body, headers=headers
    )
    assert answer.status_code == 201
    page = answer.json()
    assert (page["type"], page["extra"], page["description"]) == ("page", {}, None)
    assert page["settings"] == {"hasThumbnail": False, "isPinned": True}
    children = (await client.get(f"/api/items/{folder['id']}/children", headers=headers)).json()
    assert [child["id"] for child in children] == [str(first["id"]), page["id"]]
    recorded = await platform.reads.all(select(action.c.type))
    assert [row["type"] for row in recorded] == ["create"]


async def test_pages_are_made_by_their_own_operation_alone(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member())["id"])
    answer = await client.post("/api/items", json={"name": "x", "type": "page", "extra": {}}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")
