"""Inviting people: memberships for those with an account, invitations and mails for the others."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from graasp.app import create_app
from graasp.invitations.tables import invitation
from graasp.jobs.tables import job
from graasp.memberships.tables import membership_request
from graasp.platform import Platform
from graasp.settings import Settings
from tests.factories import Factory
from tests.invitations.conftest import People, of_the_request

Cookie = Callable[[UUID], dict[str, str]]
HeadersAs = Callable[[Any, str], Awaitable[dict[str, str]]]
Counter = Callable[[], AbstractContextManager[list[str]]]
RunJobs = Callable[[], Awaitable[list[object]]]


def _list(*people: tuple[str, str]) -> dict[str, Any]:
    return {"invitations": [{"email": email, "permission": permission} for email, permission in people]}


async def test_members_get_in_at_once_and_the_others_are_mailed_in_the_inviters_language(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    invited: People,
    admitted: People,
) -> None:
    owner = await factory.member(extra={"lang": "fr"})
    member = await factory.member()
    item = await factory.owned_item(owner, name="Optique")
    await factory.insert(membership_request, member_id=member["id"], item_id=item["id"])
    body = _list(
        (member["email"].upper(), "write"), ("New@Example.ORG", "admin"), ("new@example.org", "read")
    )
    answer = await client.post(f"/api/items/{item['id']}/invite", json=body, headers=cookie_for(owner["id"]))
    assert (answer.status_code, answer.content) == (204, b"")
    assert await admitted(item) == {owner["email"]: "admin", member["email"]: "write"}
    assert await invited(item) == {"new@example.org": "admin"}
    assert await platform.reads.all(select(membership_request.c.id)) == []
    row = await platform.reads.first(select(invitation))
    assert row is not None
    assert (row["creator_id"], row["name"]) == (None, None)
    await run_jobs()
    assert sorted((mail["to"], mail["subject"]) for mail in mails) == [
        (member["email"], f"{owner['name']} shared “Optique” with you"),
        ("new@example.org", f"{owner['name']} vous invite à découvrir « Optique »"),
    ]
    to_newcomer = next(mail for mail in mails if mail["to"] == "new@example.org")
    text = to_newcomer.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert f"http://client.test/auth/register?invitationId={row['id']}&url=http%3A%2F%2Fclient.test" in text


async def test_who_is_invited_already_is_neither_changed_nor_mailed_again(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    invited: People,
) -> None:
    owner = await factory.member()
    parent = await factory.owned_item(owner)
    item = await factory.item(parent)
    for holder, email in ((parent, "above@example.org"), (item, "here@example.org")):
        await factory.insert(invitation, item_path=holder["path"], email=email, permission="read")
    body = _list(("here@example.org", "admin"), ("above@example.org", "write"), ("new@example.org", "read"))
    answer = await client.post(f"/api/items/{item['id']}/invite", json=body, headers=cookie_for(owner["id"]))
    assert answer.status_code == 204
    assert await invited(item) == {
        "here@example.org": "read",
        "above@example.org": "write",
        "new@example.org": "read",
    }
    await run_jobs()
    assert sorted(mail["to"] for mail in mails) == ["above@example.org", "new@example.org"]


@pytest.mark.parametrize(
    ("owner_too", "others", "status", "code"),
    [
        (True, [], 400, "GERR007"),
        (False, [("x" * 60 + "@" + "y" * 60 + ".org", "read")], 400, "FST_ERR_VALIDATION"),
        (False, [("not-an-email", "read")], 400, "FST_ERR_VALIDATION"),
        (False, [(" spaced@example.org", "read")], 400, "FST_ERR_VALIDATION"),
        (False, [("a@example.org", "owner")], 400, "FST_ERR_VALIDATION"),
        (False, [("a@example.org\r\nBcc: b@example.org", "read")], 400, "FST_ERR_VALIDATION"),
    ],
)
async def test_one_that_is_refused_refuses_all(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    invited: People,
    admitted: People,
    owner_too: bool,
    others: list[tuple[str, str]],
    status: int,
    code: str,
) -> None:
    owner, member = await factory.member(), await factory.member()
    item = await factory.owned_item(owner)
    listed = [(member["email"], "read"), ("new@example.org", "read"), *others]
    body = _list(*listed, *([(owner["email"], "read")] if owner_too else []))
    answer = await client.post(f"/api/items/{item['id']}/invite", json=body, headers=cookie_for(owner["id"]))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await invited(item) == {}
    assert await admitted(item) == {owner["email"]: "admin"}
    assert await platform.reads.all(select(job.c.id)) == []


async def test_what_is_asked_for_comes_before_what_is_there(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    headers = cookie_for((await factory.member())["id"])
    empty = await client.post(f"/api/items/{uuid4()}/invite", json={"invitations": []}, headers=headers)
    assert (empty.status_code, empty.json()["code"]) == (400, "GPINVERR015")
    unknown = await client.post(
        f"/api/items/{uuid4()}/invite", json=_list(("a@example.org", "read")), headers=headers
    )
    assert (unknown.status_code, unknown.json()["code"]) == (404, "GERR001")


@pytest.mark.parametrize("people", [1, 200])
async def test_the_number_of_statements_does_not_grow_with_the_list(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    count_statements: Counter,
    invited: People,
    people: int,
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    members = [await factory.member() for _ in range(min(people, 20))]
    body = _list(
        *((member["email"], "read") for member in members),
        *((f"new{n}@example.org", "read") for n in range(people)),
    )
    headers = cookie_for(owner["id"])
    with count_statements() as statements:
        answer = await client.post(f"/api/items/{item['id']}/invite", json=body, headers=headers)
    assert answer.status_code == 204
    assert len(of_the_request(statements)) == 10
    with count_statements() as statements:
        listed = await client.get(f"/api/items/{item['id']}/invitations", headers=headers)
    assert len(listed.json()) == len(await invited(item)) == people
    assert len(of_the_request(statements)) == 4


async def test_two_lists_at_once_invite_everybody_once(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie, invited: People
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    bodies = [_list(("a@example.org", "read"), (f"{n}@example.org", "read")) for n in range(4)]
    url, headers = f"/api/items/{item['id']}/invite", cookie_for(owner["id"])
    answers = await asyncio.gather(*(client.post(url, json=body, headers=headers) for body in bodies))
    assert [answer.status_code for answer in answers] == [204] * 4
    assert len(await invited(item)) == 5
    assert len(await platform.reads.all(select(job.c.id))) == 5


async def test_the_list_has_the_invitations_of_the_item_and_of_its_ancestors(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member(is_validated=False)
    parent = await factory.owned_item(owner, name="parent")
    item = await factory.item(parent, name="item")
    child = await factory.item(item, name="child")
    for holder in (parent, item, child):
        await factory.insert(
            invitation, item_path=holder["path"], email=f"{holder['name']}@example.org", name="N"
        )
    answer = await client.get(f"/api/items/{item['id']}/invitations", headers=cookie_for(owner["id"]))
    assert answer.status_code == 200
    assert [(row["email"], row["item"]["path"]) for row in answer.json()] == [
        ("parent@example.org", parent["path"]),
        ("item@example.org", item["path"]),
    ]
    assert set(answer.json()[0]) == {"id", "email", "name", "permission", "item", "createdAt", "updatedAt"}


async def test_whoever_holds_its_id_reads_an_invitation_until_the_item_is_gone(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    item = await factory.item(name="Optics")
    row = await factory.insert(
        invitation, item_path=item["path"], email="new@example.org", name="New", permission="write"
    )
    answer = await client.get(f"/api/items/invitations/{row['id']}")
    assert answer.status_code == 200
    read = answer.json()
    assert (read["email"], read["name"], read["permission"]) == ("new@example.org", "New", "write")
    assert read["item"]["name"] == "Optics"
    await factory.recycle(item)
    for invitation_id in (row["id"], uuid4()):
        gone = await client.get(f"/api/items/invitations/{invitation_id}")
        assert gone.status_code == 404
        assert gone.json() == {
            "name": "INVITATION_NOT_FOUND",
            "code": "GPINVERR003",
            "message": "INVITATION_NOT_FOUND",
            "statusCode": 404,
            "data": {"invitationId": str(invitation_id)},
            "origin": "graasp-plugin-invitations",
        }


@pytest.mark.parametrize(
    ("change", "status", "after"),
    [
        ({"permission": "admin"}, 204, ("Old", "admin")),
        ({"name": "New"}, 204, ("New", "read")),
        ({"name": "New", "permission": "write", "email": "x@example.org"}, 204, ("New", "write")),
        ({}, 400, ("Old", "read")),
        ({"email": "x@example.org"}, 400, ("Old", "read")),
        ({"permission": "owner"}, 400, ("Old", "read")),
        ({"name": "x" * 101}, 400, ("Old", "read")),
        ({"name": "a\0b"}, 400, ("Old", "read")),
    ],
)
async def test_name_and_permission_can_be_changed(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    change: dict[str, str],
    status: int,
    after: tuple[str, str],
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    row = await factory.insert(invitation, item_path=item["path"], email="new@example.org", name="Old")
    # Clients name whichever item they show.
    url = f"/api/items/{uuid4()}/invitations/{row['id']}"
    answer = await client.patch(url, json=change, headers=cookie_for(owner["id"]))
    assert answer.status_code == status
    stored = await platform.reads.first(select(invitation))
    assert stored is not None
    assert (stored["name"], stored["permission"]) == after
    assert stored["email"] == "new@example.org"
    assert await platform.reads.all(select(job.c.id)) == []


async def test_it_is_mailed_again_on_demand_and_can_be_taken_back(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    invited: People,
) -> None:
    owner = await factory.member(extra={"lang": "de"})
    item = await factory.owned_item(owner, name="Optik")
    row = await factory.insert(invitation, item_path=item["path"], email="new@example.org")
    url, headers = f"/api/items/{item['id']}/invitations/{row['id']}", cookie_for(owner["id"])
    assert (await client.post(f"{url}/send", headers=headers)).status_code == 204
    await run_jobs()
    assert [mail["subject"] for mail in mails] == [f"{owner['name']} lädt Sie zu „Optik“ ein"]
    assert (await client.delete(url, headers=headers)).status_code == 204
    assert await invited(item) == {}
    for data, answer in (
        (str(row["id"]), await client.post(f"{url}/send", headers=headers)),
        ({"invitationId": str(row["id"])}, await client.delete(url, headers=headers)),
        ({"invitationId": str(row["id"])}, await client.patch(url, json={"name": "x"}, headers=headers)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "GPINVERR003")
        assert answer.json()["data"] == data


@pytest.mark.parametrize(
    ("caller", "code"),
    [
        ("nobody", None),
        ("guest", "GMERR002"),
        ("unvalidated", "GMERR002"),
        ("stranger", "GERR016"),
        ("read", "GERR004"),
        ("write", "GERR004"),
    ],
)
async def test_only_admins_have_to_do_with_invitations(
    client: httpx.AsyncClient,
    factory: Factory,
    headers_as: HeadersAs,
    invited: People,
    caller: str,
    code: str | None,
) -> None:
    item = await factory.item()
    row = await factory.insert(invitation, item_path=item["path"], email="new@example.org")
    headers = await headers_as(item, caller)
    base = f"/api/items/{item['id']}"
    answers = [
        await client.post(f"{base}/invite", json=_list(("a@example.org", "read")), headers=headers),
        await client.patch(f"{base}/invitations/{row['id']}", json={"permission": "admin"}, headers=headers),
        await client.post(f"{base}/invitations/{row['id']}/send", headers=headers),
        await client.delete(f"{base}/invitations/{row['id']}", headers=headers),
    ]
    for answer in answers:
        assert answer.status_code == (401 if caller == "nobody" else 403)
        if code:
            assert answer.json()["code"] == code
    listed = await client.get(f"{base}/invitations", headers=headers)
    assert listed.status_code == {"nobody": 401, "unvalidated": 200}.get(caller, 403)
    if caller == "guest":
        assert listed.json()["code"] == "GMERR003"
    assert await invited(item) == {"new@example.org": "read"}


async def test_nobody_is_mailed_without_end(
    make_settings: Callable[..., Settings], factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    row = await factory.insert(invitation, item_path=item["path"], email="new@example.org")
    app = create_app(make_settings(rate_limits=True))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as client:
            url = f"/api/items/{item['id']}/invitations/{row['id']}/send"
            answers = [await client.post(url, headers=cookie_for(owner["id"])) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [204] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
