"""What the subscribers of an item learn of its memberships."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx

from tests.conftest import Published
from tests.factories import Factory
from tests.memberships.conftest import Tree

Cookie = Callable[[UUID], dict[str, str]]


def _told(messages: list[tuple[str, str, Any]], tree: Tree) -> list[tuple[str, str, str]]:
    """`(item of the channel, operation, permission)`."""
    names = {str(tree[name]["id"]): name for name in "ABC"}
    assert all(topic == "memberships/item" and body["kind"] == "item" for topic, _, body in messages)
    return [(names[channel], body["op"], body["membership"]["permission"]) for _, channel, body in messages]


async def test_a_new_membership_is_told_on_its_item_without_e_mail_addresses(
    client: httpx.AsyncClient, published: Published, tree: Tree, as_admin: dict[str, str]
) -> None:
    body = {"accountId": str(tree["member"]["id"]), "permission": "write"}
    await client.post(f"/api/items/{tree['B']['id']}/memberships", json=body, headers=as_admin)
    ((topic, channel, message),) = await published()
    assert (topic, channel, message["op"]) == ("memberships/item", str(tree["B"]["id"]), "create")
    membership = message["membership"]
    assert set(membership) == {
        "id",
        "permission",
        "itemPath",
        "creatorId",
        "accountId",
        "createdAt",
        "updatedAt",
        "item",
        "account",
    }
    assert membership["itemPath"] == membership["item"]["path"] == tree["B"]["path"]
    assert membership["creatorId"] == str(tree["admin"]["id"])
    assert membership["account"] == {
        "id": str(tree["member"]["id"]),
        "name": "Anna",
        "type": "individual",
    }


async def test_changes_are_told_where_the_membership_is_and_nothing_of_what_becomes_redundant(
    client: httpx.AsyncClient,
    factory: Factory,
    published: Published,
    tree: Tree,
    as_admin: dict[str, str],
) -> None:
    rows = {
        name: await factory.membership(tree[name]["path"], tree["member"]["id"], level)
        for name, level in (("A", "read"), ("B", "write"), ("C", "admin"))
    }
    url = f"/api/items/{tree['A']['id']}/memberships"

    async def patch(name: str, permission: str) -> list[tuple[str, str, str]]:
        body = {"permission": permission}
        answer = await client.patch(f"{url}/{rows[name]['id']}", json=body, headers=as_admin)
        assert answer.status_code in (204, 400, 404)
        return _told(await published(), tree)

    assert await patch("C", "read") == []
    assert await patch("C", "write") == [("C", "delete", "admin"), ("B", "update", "write")]
    assert await patch("A", "admin") == [("A", "update", "admin")]
    assert await patch("B", "admin") == []
    await client.delete(f"{url}/{rows['A']['id']}?purgeBelow=true", headers=as_admin)
    assert _told(await published(), tree) == [("A", "delete", "admin")]


async def test_nothing_is_told_of_what_is_refused_or_comes_about_without_an_admin(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    published: Published,
    tree: Tree,
    as_admin: dict[str, str],
) -> None:
    await factory.guest(tree["B"]["path"])
    as_member = cookie_for(tree["member"]["id"])
    url = f"/api/items/{tree['B']['id']}"
    enrolled = await client.post(f"{url}/enroll", headers=as_member)
    assert enrolled.status_code == 204
    again = {"accountId": str(tree["member"]["id"]), "permission": "admin"}
    assert (await client.post(f"{url}/memberships", json=again, headers=as_admin)).status_code == 400
    client.cookies.clear()
    assert (await client.post(f"{url}/login", json={"username": "new guest"})).status_code == 200
    assert (await client.post(f"{url}/visibilities/public", headers=as_admin)).status_code == 204
    other = f"/api/items/{tree['A']['id']}/memberships/requests"
    assert (await client.post(other, headers=as_member)).status_code == 204
    assert await published() == []
