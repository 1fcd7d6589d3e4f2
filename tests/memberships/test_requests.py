"""Asking for access: who may, who is told, and what answers a request."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from graasp.item_login.tables import item_login_schema
from graasp.memberships.tables import membership_request
from graasp.platform import Platform
from tests.factories import Factory
from tests.memberships.conftest import Tree

Cookie = Callable[[UUID], dict[str, str]]
RunJobs = Callable[[], Awaitable[list[object]]]
Counter = Callable[[], AbstractContextManager[list[str]]]


def _url(item: Any) -> str:
    return f"/api/items/{item['id']}/memberships/requests"


async def _pending(platform: Platform) -> list[tuple[UUID, UUID]]:
    rows = await platform.reads.all(select(membership_request.c.member_id, membership_request.c.item_id))
    return [(row["member_id"], row["item_id"]) for row in rows]


async def test_a_request_is_mailed_once_to_each_admin_in_its_language(
    client: httpx.AsyncClient,
    factory: Factory,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    tree: Tree,
    as_member: dict[str, str],
    as_admin: dict[str, str],
) -> None:
    also_below = await factory.member()
    for path, account, level in (
        (tree["B"]["path"], tree["admin"]["id"], "admin"),
        (tree["B"]["path"], also_below["id"], "admin"),
        (tree["B"]["path"], (await factory.member())["id"], "write"),
        ((await factory.item(tree["B"]))["path"], (await factory.member())["id"], "admin"),
    ):
        await factory.membership(path, account, level)
    answer = await client.post(_url(tree["B"]), headers=as_member)
    assert (answer.status_code, answer.content) == (204, b"")
    await run_jobs()
    told = {mail["to"]: (mail["subject"], mail.get_body(("plain",))) for mail in mails}
    assert set(told) == {tree["admin"]["email"], also_below["email"]}
    assert told[also_below["email"]][0] == "Anna asks for access to “B”"
    assert "Anna" in told[tree["admin"]["email"]][0]
    assert told[tree["admin"]["email"]][0] != told[also_below["email"]][0]
    body = told[also_below["email"]][1]
    assert body is not None
    assert f"http://client.test/builder/items/{tree['B']['id']}/share" in body.get_content()
    (listed,) = (await client.get(_url(tree["B"]), headers=as_admin)).json()
    assert listed["member"] == {
        "id": str(tree["member"]["id"]),
        "name": "Anna",
        "email": tree["member"]["email"],
    }
    assert set(listed) == {"member", "createdAt"}
    assert (await client.get(_url(tree["A"]), headers=as_admin)).json() == []


@pytest.mark.parametrize(
    ("member", "item", "status", "code"),
    [
        pytest.param({}, {}, 204, None, id="a stranger"),
        pytest.param({}, {"visibility": "public"}, 204, None, id="a public item"),
        pytest.param({"A": "read"}, {}, 400, "GMRERR001", id="a reader by inheritance"),
        pytest.param({"B": "admin"}, {}, 400, "GMRERR001", id="an admin"),
        pytest.param({"B": "read"}, {"visibility": "hidden"}, 204, None, id="a reader of a hidden item"),
        pytest.param({"B": "write"}, {"visibility": "hidden"}, 400, "GMRERR001", id="a writer of one"),
        pytest.param({}, {"schema": "active"}, 409, "GILERR012", id="under a login schema"),
        pytest.param({}, {"schema": "disabled"}, 409, "GILERR012", id="under a disabled one too"),
        pytest.param({"B": "read"}, {"schema": "freeze"}, 409, "GILERR012", id="a reader under one"),
        pytest.param({}, {"recycled": True}, 404, "GERR001", id="a recycled item"),
    ],
)
async def test_who_may_ask_for_what(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    tree: Tree,
    as_member: dict[str, str],
    member: dict[str, str],
    item: dict[str, Any],
    status: int,
    code: str | None,
) -> None:
    for name, level in member.items():
        await factory.membership(tree[name]["path"], tree["member"]["id"], level)
    if visibility := item.get("visibility"):
        await factory.visibility(tree["A"]["path"], visibility)
    if schema := item.get("schema"):
        await factory.insert(item_login_schema, item_path=tree["A"]["path"], type="username", status=schema)
    if item.get("recycled"):
        await factory.recycle(tree["A"])
    answer = await client.post(_url(tree["B"]), headers=as_member)
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
    if code and code != "GERR001":
        assert set(answer.json()) == {"name", "code", "message", "statusCode", "origin"}
    assert len(await _pending(platform)) == (status == 204)


async def test_errors_that_are_not_documented_have_the_short_form(
    client: httpx.AsyncClient, as_member: dict[str, str]
) -> None:
    item_id = uuid4()
    answer = await client.post(_url({"id": item_id}), headers=as_member)
    assert answer.json() == {
        "statusCode": 404,
        "code": "GERR001",
        "error": "Not Found",
        "message": f"ITEM_NOT_FOUND {item_id}",
    }
    wrong = await client.post(_url({"id": "no-id"}))
    assert wrong.json() == {
        "statusCode": 400,
        "code": "FST_ERR_VALIDATION",
        "error": "Bad Request",
        "message": 'params/itemId must match format "uuid"',
    }


async def test_asking_twice_is_refused_even_when_the_item_is_recycled(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, tree: Tree, as_member: dict[str, str]
) -> None:
    race = (client.post(_url(tree["B"]), headers=as_member) for _ in range(3))
    assert sorted(answer.status_code for answer in await asyncio.gather(*race)) == [204, 400, 400]
    assert len(await _pending(platform)) == 1
    await factory.recycle(tree["A"])
    again = await client.post(_url(tree["B"]), headers=as_member)
    assert (again.status_code, again.json()["code"]) == (400, "GMRERR002")


async def test_one_sees_what_became_of_ones_request(
    client: httpx.AsyncClient,
    factory: Factory,
    tree: Tree,
    as_member: dict[str, str],
    as_admin: dict[str, str],
) -> None:
    async def status(item: Any) -> Any:
        answer = await client.get(f"{_url(item)}/own", headers=as_member)
        return answer.json().get("status", answer.status_code)

    assert await status(tree["B"]) == "notSubmittedOrDeleted"
    await client.post(_url(tree["B"]), headers=as_member)
    assert await status(tree["B"]) == "pending"
    deleted = await client.delete(f"{_url(tree['B'])}/{tree['member']['id']}", headers=as_admin)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert await status(tree["B"]) == "notSubmittedOrDeleted"
    again = await client.delete(f"{_url(tree['B'])}/{tree['member']['id']}", headers=as_admin)
    assert (again.status_code, again.json()["code"]) == (404, "GMRERR003")
    await client.post(_url(tree["B"]), headers=as_member)
    body = {"accountId": str(tree["member"]["id"]), "permission": "read"}
    await client.post(f"/api/items/{tree['B']['id']}/memberships", json=body, headers=as_admin)
    assert await status(tree["B"]) == "approved"
    below = await factory.item(tree["B"])
    assert await status(below) == "notSubmittedOrDeleted"
    await factory.insert(membership_request, member_id=tree["member"]["id"], item_id=below["id"])
    await factory.recycle(tree["B"])
    assert await status(below) == "pending"
    assert await status(tree["B"]) == 404
    assert await status({"id": uuid4()}) == 404


async def test_a_raised_membership_answers_a_request_too(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    tree: Tree,
    as_member: dict[str, str],
    as_admin: dict[str, str],
) -> None:
    membership = await factory.membership(tree["B"]["path"], tree["member"]["id"], "read")
    await factory.visibility(tree["B"]["path"], "hidden")
    assert (await client.post(_url(tree["B"]), headers=as_member)).status_code == 204
    url = f"/api/items/{tree['B']['id']}/memberships/{membership['id']}"
    assert (await client.patch(url, json={"permission": "write"}, headers=as_admin)).status_code == 204
    assert await _pending(platform) == []


async def test_every_operation_takes_the_same_few_statements(
    client: httpx.AsyncClient,
    factory: Factory,
    tree: Tree,
    as_member: dict[str, str],
    as_admin: dict[str, str],
    count_statements: Counter,
) -> None:
    for _ in range(5):
        await factory.membership(tree["A"]["path"], (await factory.member())["id"], "admin")
        asking = await factory.member()
        await factory.insert(membership_request, member_id=asking["id"], item_id=tree["B"]["id"])
    own = f"{_url(tree['B'])}/own"
    one = f"{_url(tree['B'])}/{tree['member']['id']}"
    for method, url, headers, expected in (
        ("POST", _url(tree["B"]), as_member, 5),
        ("GET", _url(tree["B"]), as_admin, 3),
        ("GET", own, as_member, 2),
        ("DELETE", one, as_admin, 3),
    ):
        with count_statements() as statements:
            assert (await client.request(method, url, headers=headers)).status_code in (200, 204)
        assert len([sql for sql in statements if "pushed_at" not in sql]) == expected, method
