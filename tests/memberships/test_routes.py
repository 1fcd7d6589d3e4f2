"""Memberships: the redundancy rules, the last admin, who sees what."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, text

from graasp.auth.gates import Caller
from graasp.memberships.authorization import Permission
from graasp.memberships.errors import InvalidMembership
from graasp.memberships.service import remove, share_all
from graasp.memberships.tables import item_membership, membership_request
from graasp.platform import Platform
from tests.factories import Factory
from tests.memberships.conftest import Tree
from tests.statements import counted

Cookie = Callable[[UUID], dict[str, str]]
RunJobs = Callable[[], Awaitable[list[object]]]


async def _permissions(platform: Platform, tree: Tree, account: str = "member") -> dict[str, str]:
    """`{item: permission}` of the account's own rows."""
    rows = await platform.reads.all(
        select(item_membership.c.item_path, item_membership.c.permission).where(
            item_membership.c.account_id == tree[account]["id"]
        )
    )
    names = {tree[name]["path"]: name for name in "ABC"}
    return {names[row["item_path"]]: row["permission"] for row in rows}


async def _membership_id(platform: Platform, tree: Tree, item: str, account: str = "member") -> UUID:
    return UUID(
        str(
            await platform.reads.scalar(
                select(item_membership.c.id).where(
                    item_membership.c.account_id == tree[account]["id"],
                    item_membership.c.item_path == tree[item]["path"],
                )
            )
        )
    )


async def test_sharing_tells_the_new_member_and_answers_its_requests_at_and_below_the_item(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    tree: Tree,
) -> None:
    await factory.insert(membership_request, member_id=tree["member"]["id"], item_id=tree["C"]["id"])
    body = {"accountId": str(tree["member"]["id"]), "permission": "write"}
    headers = cookie_for(tree["admin"]["id"])
    answer = await client.post(f"/api/items/{tree['B']['id']}/memberships", json=body, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert await _permissions(platform, tree) == {"B": "write"}
    assert await platform.reads.all(select(membership_request.c.id)) == []
    await run_jobs()
    assert [(mail["to"], mail["subject"]) for mail in mails] == [
        (tree["member"]["email"], f"{tree['admin']['name']} shared “B” with you")
    ]


@pytest.mark.parametrize(
    ("existing", "item", "permission", "status", "code", "after"),
    [
        ({"B": "read"}, "B", "admin", 400, "GERR007", {"B": "read"}),
        ({"A": "write"}, "B", "write", 400, "GERR005", {"A": "write"}),
        ({"A": "write"}, "B", "read", 400, "GERR005", {"A": "write"}),
        ({"A": "read"}, "B", "write", 204, None, {"A": "read", "B": "write"}),
        ({"B": "write", "C": "admin"}, "A", "write", 204, None, {"A": "write", "C": "admin"}),
        ({"B": "write", "C": "admin"}, "A", "admin", 204, None, {"A": "admin"}),
    ],
)
async def test_adding_keeps_permissions_rising_down_the_tree(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    tree: Tree,
    existing: dict[str, str],
    item: str,
    permission: str,
    status: int,
    code: str | None,
    after: dict[str, str],
) -> None:
    for name, level in existing.items():
        await factory.membership(tree[name]["path"], tree["member"]["id"], level)
    body = {"accountId": str(tree["member"]["id"]), "permission": permission}
    answer = await client.post(
        f"/api/items/{tree[item]['id']}/memberships", json=body, headers=cookie_for(tree["admin"]["id"])
    )
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
    assert await _permissions(platform, tree) == after


@pytest.mark.parametrize(
    ("item", "permission", "status", "after"),
    [
        ("A", "write", 204, {"A": "write", "C": "admin"}),
        ("A", "admin", 204, {"A": "admin"}),
        ("B", "read", 204, {"A": "read", "C": "admin"}),
        ("C", "write", 204, {"A": "read", "B": "write"}),
        ("C", "read", 400, {"A": "read", "B": "write", "C": "admin"}),
    ],
)
async def test_setting_drops_what_becomes_redundant(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    tree: Tree,
    item: str,
    permission: str,
    status: int,
    after: dict[str, str],
) -> None:
    for name, level in (("A", "read"), ("B", "write"), ("C", "admin")):
        await factory.membership(tree[name]["path"], tree["member"]["id"], level)
    membership_id = await _membership_id(platform, tree, item)
    answer = await client.patch(
        f"/api/items/{uuid4()}/memberships/{membership_id}",
        json={"permission": permission},
        headers=cookie_for(tree["admin"]["id"]),
    )
    assert answer.status_code == status
    assert await _permissions(platform, tree) == after


async def test_an_item_never_loses_its_last_admin(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie, tree: Tree
) -> None:
    headers = cookie_for(tree["admin"]["id"])
    own = await _membership_id(platform, tree, "A", "admin")
    url = f"/api/items/{tree['A']['id']}/memberships/{own}"
    for refused in (
        await client.delete(url, headers=headers),
        await client.patch(url, json={"permission": "read"}, headers=headers),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "GERR030")
    await factory.membership(tree["A"]["path"], tree["member"]["id"], "admin")
    assert (await client.delete(url, headers=headers)).status_code == 204


async def test_purging_takes_what_lies_below_too(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie, tree: Tree
) -> None:
    for name, level in (("A", "read"), ("C", "admin")):
        await factory.membership(tree[name]["path"], tree["member"]["id"], level)
    top = await _membership_id(platform, tree, "A")
    url = f"/api/items/{tree['A']['id']}/memberships/{top}"
    wrong = await client.delete(f"{url}?purgeBelow=1", headers=cookie_for(tree["admin"]["id"]))
    assert wrong.status_code == 400
    done = await client.delete(f"{url}?purgeBelow=true", headers=cookie_for(tree["admin"]["id"]))
    assert done.status_code == 204
    assert await _permissions(platform, tree) == {}


async def test_guests_get_no_membership_and_theirs_are_not_changed(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie, tree: Tree
) -> None:
    guest = await factory.guest(tree["B"]["path"])
    headers = cookie_for(tree["admin"]["id"])
    body = {"accountId": str(guest["id"]), "permission": "read"}
    refused = await client.post(f"/api/items/{tree['A']['id']}/memberships", json=body, headers=headers)
    assert refused.status_code == 404
    assert refused.json()["message"] == f"MEMBER_NOT_FOUND {{ id: '{guest['id']}' }}"
    membership_id = await _membership_id(platform, tree | {"guest": guest}, "B", "guest")
    url = f"/api/items/{tree['B']['id']}/memberships/{membership_id}"
    kept = await client.patch(url, json={"permission": "write"}, headers=headers)
    assert (kept.status_code, kept.json()["code"]) == (400, "GERR035")
    assert (await client.delete(url, headers=headers)).status_code == 204


async def test_the_list_has_the_deepest_row_of_each_account_and_e_mails_for_members_only(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
    tree: Tree,
) -> None:
    await factory.membership(tree["A"]["path"], tree["member"]["id"], "read")
    await factory.membership(tree["C"]["path"], tree["member"]["id"], "write")
    await factory.visibility(tree["A"]["path"], "public")
    url = f"/api/items/{tree['C']['id']}/memberships"
    with count_statements() as statements:
        rows = (await client.get(url, headers=cookie_for(tree["admin"]["id"]))).json()
    assert len(statements) == 4
    found = {row["account"]["name"]: (row["permission"], row["item"]["name"]) for row in rows}
    assert found == {tree["admin"]["name"]: ("admin", "A"), tree["member"]["name"]: ("write", "C")}
    assert all("email" in row["account"] for row in rows)
    assert all("email" not in row["account"] for row in (await client.get(url)).json())


async def _waits_or_ends(platform: Platform, request: "asyncio.Task[httpx.Response]") -> None:
    """Until the request waits for somebody else's lock, or has its answer."""
    waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
    while not request.done() and not await platform.reads.scalar(waiting):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
async def test_of_two_admins_who_remove_each_other_one_stays(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    tree: Tree,
    method: str,
) -> None:
    await factory.membership(tree["A"]["path"], tree["member"]["id"], "admin")
    own = {name: await _membership_id(platform, tree, "A", name) for name in ("admin", "member")}
    admin = Caller(tree["admin"]["id"], "Anna", "individual", True, "en", True)
    async with platform.unit_of_work() as uow:
        await remove(uow, admin, own["member"], purge_below=False)
        url = f"/api/items/{tree['A']['id']}/memberships/{own['admin']}"
        headers = cookie_for(tree["member"]["id"])
        body = {"permission": "read"} if method == "PATCH" else None
        request = asyncio.create_task(client.request(method, url, json=body, headers=headers))
        await _waits_or_ends(platform, request)
    assert (await request).status_code == 403
    assert await _permissions(platform, tree, "admin") == {"A": "admin"}


@pytest.mark.parametrize(("first", "second"), ["AB", "BA", "CA", "AC"])
async def test_a_membership_waits_for_another_that_is_being_given_on_the_same_path(
    client: httpx.AsyncClient,
    platform: Platform,
    cookie_for: Cookie,
    tree: Tree,
    first: str,
    second: str,
) -> None:
    admin = Caller(tree["admin"]["id"], "Anna", "individual", True, "en", True)
    async with platform.unit_of_work() as uow:
        await share_all(uow, admin, tree[first], {tree["member"]["id"]: Permission.WRITE})
        body = {"accountId": str(tree["member"]["id"]), "permission": "write"}
        url, headers = f"/api/items/{tree[second]['id']}/memberships", cookie_for(admin.id)
        request = asyncio.create_task(client.post(url, json=body, headers=headers))
        await _waits_or_ends(platform, request)
    assert (await request).status_code == (400 if first == "A" else 204)
    assert await _permissions(platform, tree) == {"A": "write"}


async def _race(*requests: Awaitable[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in await asyncio.gather(*requests))


async def test_of_equal_memberships_given_at_once_one_stays(
    client: httpx.AsyncClient, platform: Platform, cookie_for: Cookie, tree: Tree
) -> None:
    body = {"accountId": str(tree["member"]["id"]), "permission": "write"}
    headers = cookie_for(tree["admin"]["id"])
    url = f"/api/items/{tree['B']['id']}/memberships"
    race = (client.post(url, json=body, headers=headers) for _ in range(4))
    assert await _race(*race) == [204, 400, 400, 400]
    assert await _permissions(platform, tree) == {"B": "write"}


async def test_a_membership_that_is_being_removed_is_not_changed(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie, tree: Tree
) -> None:
    await factory.membership(tree["B"]["path"], tree["member"]["id"], "read")
    url = f"/api/items/{tree['B']['id']}/memberships/{await _membership_id(platform, tree, 'B')}"
    headers = cookie_for(tree["admin"]["id"])
    changes = (client.patch(url, json={"permission": level}, headers=headers) for level in ("write", "admin"))
    answers = await _race(client.delete(url, headers=headers), *changes, client.delete(url, headers=headers))
    assert set(answers) <= {204, 404}
    assert await _permissions(platform, tree) == {}


async def test_lowering_to_what_is_inherited_needs_no_access_to_where_it_comes_from(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie, tree: Tree
) -> None:
    below = await factory.member()
    await factory.membership(tree["B"]["path"], below["id"], "admin")
    await factory.membership(tree["A"]["path"], tree["member"]["id"], "read")
    await factory.membership(tree["B"]["path"], tree["member"]["id"], "write")
    url = f"/api/items/{tree['B']['id']}/memberships/{await _membership_id(platform, tree, 'B')}"
    answer = await client.patch(url, json={"permission": "read"}, headers=cookie_for(below["id"]))
    assert answer.status_code == 204
    assert await _permissions(platform, tree) == {"A": "read"}


async def test_the_last_admin_of_an_item_is_not_lowered_to_what_it_inherits(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    top = await factory.item(name="A")
    below = await factory.item(top, name="B")
    await factory.membership(top["path"], member["id"], "write")
    membership = await factory.membership(below["path"], member["id"], "admin")
    url = f"/api/items/{below['id']}/memberships/{membership['id']}"
    headers = cookie_for(member["id"])
    for permission, status, code in (("write", 403, "GERR030"), ("read", 400, "GERR008")):
        answer = await client.patch(url, json={"permission": permission}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_memberships_of_recycled_items_are_changed_and_removed_but_not_given(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie, tree: Tree
) -> None:
    await factory.membership(tree["B"]["path"], tree["member"]["id"], "read")
    await factory.recycle(tree["B"])
    headers = cookie_for(tree["admin"]["id"])
    url = f"/api/items/{tree['B']['id']}/memberships"
    body = {"accountId": str(tree["member"]["id"]), "permission": "write"}
    given = await client.post(url, json=body, headers=headers)
    assert (given.status_code, given.json()["message"]) == (404, f"ITEM_NOT_FOUND {tree['B']['id']}")
    one = f"{url}/{await _membership_id(platform, tree, 'B')}"
    assert (await client.patch(one, json={"permission": "write"}, headers=headers)).status_code == 204
    assert await _permissions(platform, tree) == {"B": "write"}
    assert (await client.delete(one, headers=headers)).status_code == 204
    assert await _permissions(platform, tree) == {}


async def test_many_members_are_given_access_in_as_many_statements_as_one(
    platform: Platform, factory: Factory, run_jobs: RunJobs, mails: list[EmailMessage], tree: Tree
) -> None:
    admin = Caller(tree["admin"]["id"], "Anna", "individual", True, "en", True)
    counts = []
    for number in (1, 5):
        members = [await factory.member() for _ in range(number)]
        grants = {member["id"]: Permission.READ for member in members}
        async with platform.unit_of_work() as uow:
            with counted(platform.database) as statements:
                rows = await share_all(uow, admin, tree["B"], grants)
        assert {row["account_id"] for row in rows} == set(grants)
        counts.append(len(statements))
    assert counts == [5, 5]
    await run_jobs()
    assert len(mails) == 6


async def test_many_memberships_are_given_all_or_none(
    platform: Platform, factory: Factory, run_jobs: RunJobs, mails: list[EmailMessage], tree: Tree
) -> None:
    admin = Caller(tree["admin"]["id"], "Anna", "individual", True, "en", True)
    members = [await factory.member() for _ in range(3)]
    await factory.membership(tree["A"]["path"], members[1]["id"], "write")

    async def share() -> None:
        async with platform.unit_of_work() as uow:
            await share_all(uow, admin, tree["B"], {member["id"]: Permission.READ for member in members})

    with pytest.raises(InvalidMembership) as refusal:
        await share()
    assert refusal.value.data["accountId"] == str(members[1]["id"])
    assert await platform.reads.scalar(select(func.count()).select_from(item_membership)) == 2
    await run_jobs()
    assert mails == []


async def test_every_change_takes_the_same_few_statements_and_is_audited(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
    audited: list[dict[str, Any]],
    tree: Tree,
) -> None:
    headers = cookie_for(tree["admin"]["id"])
    for _ in range(5):
        below = await factory.item(tree["B"])
        await factory.membership(below["path"], tree["member"]["id"], "read")
        await factory.membership(tree["A"]["path"], (await factory.member())["id"], "admin")
    url = f"/api/items/{tree['B']['id']}/memberships"
    body = {"accountId": str(tree["member"]["id"]), "permission": "read"}
    counts = []
    changes: list[tuple[str, dict[str, str], dict[str, str] | None]] = [
        ("POST", {}, body),
        ("PATCH", {}, {"permission": "write"}),
        ("DELETE", {"purgeBelow": "true"}, None),
    ]
    for method, query, sent in changes:
        target = url if method == "POST" else f"{url}/{await _membership_id(platform, tree, 'B')}"
        with count_statements() as statements:
            answer = await client.request(method, target, params=query, json=sent, headers=headers)
        assert answer.status_code == 204
        # The mail of the first is handed over in the background.
        counts.append(len([sql for sql in statements if "pushed_at" not in sql]))
    assert counts == [7, 6, 6]
    about = {"account_id": str(tree["admin"]["id"]), "for_account": str(tree["member"]["id"])}
    told = [(event["event"], event["permission"]) for event in audited if about.items() <= event.items()]
    assert told == [
        ("membership created", "read"),
        ("membership changed", "write"),
        ("membership deleted", "write"),
    ]
