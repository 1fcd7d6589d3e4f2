"""The record of what a request costs the database: endpoint → SQL statements, whatever the number of rows."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx
import pytest

from graasp.actions.tables import action
from graasp.apps.tables import app_action, app_data, app_setting, apps, publishers
from graasp.geolocation.tables import item_geolocation
from graasp.invitations.tables import invitation
from graasp.likes.tables import item_like
from graasp.memberships.tables import membership_request
from graasp.recycle_bin.tables import recycled_item_data
from graasp.settings import Settings
from tests.apps.tokens import app_headers
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
Count = Callable[[], AbstractContextManager[list[str]]]
World = dict[str, Any]


class Request(NamedTuple):
    """`{names}` are ids of the world; signed in as its owner unless by nobody, or by an app that the owner uses."""

    method: str
    path: str
    body: Any = None
    by_nobody: bool = False
    by_app: bool = False


_NEW = {"name": "new"}
_APP = {"key": str(uuid4()), "origin": "https://apps.test"}
_ANSWER = {"type": "answer", "data": {"text": "4"}}
_PUBLISHER_ID = uuid4()
_ALL_TIME = "startDate=2020-01-01T00:00:00.000Z&endDate=2100-01-01T00:00:00.000Z"

# One of a signed-in request's statements finds the account.
BUDGETS = [
    (Request("GET", "/health"), 0),
    (Request("GET", "/api/members/current"), 2),
    (Request("GET", "/api/members/{member}"), 1),
    (Request("GET", "/api/members/current/storage"), 2),
    (Request("GET", "/api/items/{document}"), 2),
    (Request("GET", "/api/items/{public}", by_nobody=True), 1),
    (Request("GET", "/api/items/{folder}/children"), 4),
    (Request("GET", "/api/items/{folder}/descendants"), 4),
    (Request("GET", "/api/items/{document}/parents"), 3),
    (Request("GET", "/api/items/accessible?page=1&pageSize=20"), 2),
    (Request("GET", "/api/items/accessible?page=1&pageSize=20&keywords=folder"), 2),
    (Request("GET", "/api/items/recycled"), 2),
    (Request("GET", "/api/items/liked"), 2),
    (Request("GET", "/api/items/{document}/likes"), 3),
    (Request("GET", "/api/items/{folder}/memberships"), 4),
    (Request("GET", "/api/items/{folder}/memberships/requests"), 3),
    (Request("GET", "/api/items/{folder}/invitations"), 4),
    (Request("GET", "/api/items/geolocation?parentItemId={folder}"), 3),
    (Request("GET", "/api/items/{document}/geolocation"), 3),
    (Request("GET", f"/api/items/{{folder}}/actions/actions-by-day?{_ALL_TIME}"), 4),
    (Request("GET", f"/api/items/{{folder}}/actions/actions-by-hour?{_ALL_TIME}"), 4),
    (Request("GET", f"/api/items/{{folder}}/actions/actions-by-weekday?{_ALL_TIME}"), 4),
    (Request("GET", f"/api/members/actions?{_ALL_TIME}"), 3),
    (Request("GET", "/api/app-items/list", by_nobody=True), 1),
    (Request("GET", "/api/app-items/most-used"), 2),
    (Request("POST", "/api/app-items/{app}/api-access-token", _APP), 2),
    (Request("GET", "/api/app-items/{app}/context", by_app=True), 3),
    (Request("GET", "/api/app-items/{app}/app-data", by_app=True), 3),
    (Request("GET", "/api/app-items/{app}/app-action", by_app=True), 3),
    (Request("GET", "/api/app-items/{app}/app-settings", by_app=True), 3),
    (Request("POST", "/api/app-items/{app}/app-data", _ANSWER, by_app=True), 3),
    (Request("PATCH", "/api/app-items/{app}/app-data/{datum}", {"data": {}}, by_app=True), 4),
    (Request("DELETE", "/api/app-items/{app}/app-data/{datum}", by_app=True), 4),
    (Request("POST", "/api/app-items/{app}/app-action", _ANSWER, by_app=True), 3),
    (Request("POST", "/api/app-items/{app}/app-settings", {"name": "n", "data": {}}, by_app=True), 3),
    (Request("PATCH", "/api/app-items/{app}/app-settings/{setting}", {"data": {}}, by_app=True), 4),
    (Request("DELETE", "/api/app-items/{app}/app-settings/{setting}", by_app=True), 4),
    # Writing.
    (Request("POST", "/api/items/{document}/actions", {"type": "item-view", "extra": {}}), 3),
    (Request("POST", "/api/items/folders", _NEW), 4),
    (Request("POST", "/api/items/folders?parentId={folder}", _NEW), 7),
    (Request("POST", "/api/items/documents/?parentId={folder}", _NEW | {"content": "text"}), 7),
    (Request("PATCH", "/api/items/{document}", _NEW), 5),
    (Request("PATCH", "/api/items/{document}/reorder", {}), 6),
    (Request("POST", "/api/items/{document}/like"), 4),
    (
        Request("POST", "/api/items/{folder}/memberships", {"accountId": "{stranger}", "permission": "read"}),
        7,
    ),
    (Request("PATCH", "/api/items/{folder}/memberships/{membership}", {"permission": "write"}), 6),
    (Request("DELETE", "/api/items/{folder}/memberships/{membership}"), 6),
    (
        Request(
            "POST",
            "/api/items/{folder}/invite",
            {"invitations": [{"email": "new@example.org", "permission": "read"}]},
        ),
        5,
    ),
    # Operations on trees: the job does the rest.
    (Request("POST", "/api/items/move?id={document}", {}), 2),
    (Request("POST", "/api/items/copy?id={document}", {}), 2),
    (Request("POST", "/api/items/recycle?id={document}"), 2),
    (Request("DELETE", "/api/items/?id={document}"), 2),
]


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(apps_publisher_id=_PUBLISHER_ID)


async def _world(factory: Factory, rows: int) -> World:
    """A folder with as many children, memberships, requests, invitations, likes, places, actions and more."""
    owner = await factory.member()
    folder = await factory.owned_item(owner)
    public = await factory.owned_item(owner)
    await factory.visibility(public["path"], "public")
    world = {"owner": owner, "folder": folder, "public": public, "stranger": await factory.member()}
    world["app"] = await factory.item(folder, type="app", extra={"app": {"url": "https://apps.test"}})
    await factory.insert(publishers, id=_PUBLISHER_ID, name="Publisher", origins=[])
    for _ in range(rows):
        document = await factory.item(
            folder, creator=owner, type="document", extra={"document": {"content": "text"}}
        )
        member, other = await factory.member(), await factory.member()
        membership = await factory.membership(folder["path"], member["id"], "read")
        await factory.insert(membership_request, member_id=other["id"], item_id=folder["id"])
        await factory.insert(
            invitation, item_path=folder["path"], email=f"{other['name']}@example.org", creator_id=owner["id"]
        )
        await factory.insert(item_like, creator_id=owner["id"], item_id=document["id"])
        await factory.insert(item_geolocation, item_path=document["path"], lat=1, lng=1)
        await factory.insert(action, type="collapse", account_id=owner["id"], item_id=document["id"])
        stored = {"item_id": world["app"]["id"], "data": {}}
        by_member = stored | {"account_id": member["id"], "type": "answer"}
        await factory.insert(app_action, **by_member)
        datum = await factory.insert(app_data, **by_member, creator_id=owner["id"], visibility="item")
        setting = await factory.insert(app_setting, **stored, name="colours", creator_id=owner["id"])
        recycled = await factory.owned_item(owner)
        await factory.insert(recycled_item_data, item_path=recycled["path"], creator_id=owner["id"])
        await factory.recycle(recycled)
        await factory.owned_item(owner)
        url = f"https://apps.test/{document['id']}"
        await factory.item(creator=owner, type="app", extra={"app": {"url": url}})
        await factory.insert(apps, name=url, description="", url=url, publisher_id=_PUBLISHER_ID)
        world |= {"document": document, "member": member, "membership": membership}
        world |= {"datum": datum, "setting": setting}
    return world


def _filled(template: Any, world: World) -> Any:
    if isinstance(template, dict):
        return {name: _filled(value, world) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, world) for value in template]
    return template.format_map({name: row["id"] for name, row in world.items()})


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize(
    ("request_", "statements"),
    [pytest.param(*line, id=f"{line[0].method} {line[0].path}") for line in BUDGETS],
)
async def test_the_statements_of_a_request_do_not_grow_with_the_rows(
    client: httpx.AsyncClient,
    settings: Settings,
    factory: Factory,
    cookie_for: Cookie,
    count_statements: Count,
    request_: Request,
    statements: int,
    rows: int,
) -> None:
    world = await _world(factory, rows)
    headers = {"Origin": "http://client.test"}
    if request_.by_app:
        headers |= app_headers(settings, world["app"]["id"], world["owner"]["id"])
    elif not request_.by_nobody:
        headers |= cookie_for(world["owner"]["id"])
    body = None if request_.body is None else _filled(request_.body, world)
    with count_statements() as run:
        answer = await client.request(
            request_.method, _filled(request_.path, world), json=body, headers=headers
        )
    assert answer.is_success, answer.text
    assert len(run) == statements, "\n".join(run)
