"""One copy of a template for each group of a list, shared with the people of the group."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from graasp.invitations.tables import invitation
from graasp.items.tables import item, item_view
from graasp.jobs.tables import job
from graasp.platform import Platform
from tests.factories import Factory
from tests.invitations.conftest import People, of_the_request

Cookie = Callable[[UUID], dict[str, str]]
Counter = Callable[[], AbstractContextManager[list[str]]]
RunJobs = Callable[[], Awaitable[list[object]]]


async def upload(
    client: httpx.AsyncClient,
    target: Any,
    template: Any,
    headers: dict[str, str],
    content: str,
    kind: str = "text/csv",
) -> httpx.Response:
    return await client.post(
        f"/api/items/{target['id']}/invitations/upload-csv-template?templateId={template['id']}",
        headers=headers,
        files={"file": ("class.csv", content, kind)},
    )


async def test_each_group_gets_its_copy_with_its_people(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
    invited: People,
    admitted: People,
) -> None:
    owner, member = await factory.member(), await factory.member()
    target = await factory.owned_item(owner, name="Class")
    await factory.insert(invitation, item_path=target["path"], email="before@example.org")
    template = await factory.item(name="Template")
    await factory.visibility(template["path"], "public")
    await factory.item(template, name="Exercise", type="document", extra={"document": {"content": "x"}})
    content = (
        "group_name,email,permission,name\n"
        f"Blue,{member['email']},write,\n"
        "2,two@example.org,,Two\n"
        "Blue,new@example.org,admin,\n"
        "2,NEW@example.org,read,\n"
        "10,before@example.org,,\n"
    )
    answer = await upload(client, target, template, cookie_for(owner["id"]), content)
    assert answer.status_code == 200, answer.text
    groups = answer.json()
    assert [group["groupName"] for group in groups] == ["2", "10", "Blue"]
    copies = {
        row["name"]: row
        for row in await platform.reads.all(
            select(item_view)
            .where(item_view.c.path.op("~")(f"{target['path']}.*{{1}}"))
            .order_by(item_view.c.order)
        )
    }
    assert list(copies) == ["2", "10", "Blue"]
    for copied in copies.values():
        (child,) = await platform.reads.all(
            select(item_view).where(item_view.c.path.op("~")(f"{copied['path']}.*{{1}}"))
        )
        assert child["name"] == "Exercise"
    assert await invited(copies["2"]) == {"two@example.org": "read", "new@example.org": "read"}
    assert await invited(copies["10"]) == {"before@example.org": "read"}
    assert await invited(copies["Blue"]) == {"new@example.org": "admin"}
    assert await admitted(copies["Blue"]) == {member["email"]: "write"}
    blue = groups[2]
    assert [(m["accountId"], m["permission"], m["itemPath"]) for m in blue["memberships"]] == [
        (str(member["id"]), "write", copies["Blue"]["path"])
    ]
    assert set(blue["memberships"][0]) == {
        "id",
        "accountId",
        "itemPath",
        "permission",
        "createdAt",
        "updatedAt",
    }
    assert [(i["email"], i["name"], i["itemPath"]) for i in groups[0]["invitations"]] == [
        ("new@example.org", None, copies["2"]["path"]),
        ("two@example.org", "Two", copies["2"]["path"]),
    ]
    await run_jobs()
    assert sorted(str(mail["to"]) for mail in mails) == sorted(
        [member["email"], "before@example.org", "new@example.org", "new@example.org", "two@example.org"]
    )


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        ("email,group_name\na@example.org,A\n", "text/plain", 400, "FST_ERR_VALIDATION"),
        ("email,group_name\n", "text/csv", 400, "GPINVERR012"),
        ("email\na@example.org\n", "text/csv", 400, "GPINVERR006"),
        ("email,group_name\na@example.org,A\n,B\n", "text/csv", 400, "GPINVERR007"),
        ("group_name\nA\n", "text/csv", 400, "GPINVERR007"),
        ("email,group_name\na@example.org,A\nb@example.org,\n", "text/csv", 400, "GPINVERR008"),
        ("email,group_name\na@example.org,A\nnobody,B\n", "text/csv", 400, "FST_ERR_VALIDATION"),
        ("email,group_name\na@example.org,A\nowner@example.org,B\n", "text/csv", 400, "GERR005"),
        (
            "email,group_name\n" + "".join(f"{n}@example.org,G{n}\n" for n in range(101)),
            "text/csv",
            403,
            "GERR010",
        ),
    ],
)
async def test_a_list_with_something_wrong_copies_nothing_and_invites_nobody(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    content: str,
    kind: str,
    status: int,
    code: str,
) -> None:
    owner = await factory.member(email="owner@example.org")
    target, template = await factory.owned_item(owner), await factory.owned_item(owner)
    answer = await upload(client, target, template, cookie_for(owner["id"]), content, kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(await platform.reads.all(select(item.c.id))) == 2
    assert await platform.reads.all(select(invitation.c.id)) == []
    assert await platform.reads.all(select(job.c.id)) == []


CLASS = "email,group_name\na@example.org,A\n"


@pytest.mark.parametrize(
    ("on_target", "on_template", "status", "code"),
    [
        ("nobody", "read", 401, None),
        ("unvalidated", "read", 403, "GMERR002"),
        ("write", "read", 403, "GERR004"),
        (None, "read", 403, "GERR016"),
        ("admin", None, 403, "GERR016"),
        ("admin", "read", 200, None),
        ("admin", "admin", 200, None),
    ],
)
async def test_admins_of_the_target_copy_what_they_can_read(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    on_target: str | None,
    on_template: str | None,
    status: int,
    code: str | None,
) -> None:
    target, template = await factory.item(), await factory.item()
    member = await factory.member(is_validated=on_target != "unvalidated")
    if on_target in ("write", "admin"):
        await factory.membership(target["path"], member["id"], on_target)
    if on_template:
        await factory.membership(template["path"], member["id"], on_template)
    headers = {} if on_target == "nobody" else cookie_for(member["id"])
    answer = await upload(client, target, template, headers, CLASS)
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code


async def test_what_is_no_folder_holds_no_copies_and_what_is_gone_is_not_found(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    document, folder = await factory.owned_item(owner, type="document"), await factory.owned_item(owner)
    headers = cookie_for(owner["id"])
    no_folder = await upload(client, document, folder, headers, CLASS)
    assert (no_folder.status_code, no_folder.json()["code"]) == (400, "GPINVERR013")
    for target, template in ((folder, {"id": uuid4()}), ({"id": uuid4()}, folder)):
        gone = await upload(client, target, template, headers, CLASS)
        assert (gone.status_code, gone.json()["code"]) == (404, "GERR001")
    for template_id in ("nonsense", ""):
        wrong = await upload(client, folder, {"id": template_id}, headers, CLASS)
        assert (wrong.status_code, wrong.json()["code"]) == (400, "FST_ERR_VALIDATION")


@pytest.mark.parametrize(("groups", "people"), [(2, 1), (40, 20)])
async def test_the_number_of_statements_grows_neither_with_the_groups_nor_with_their_people(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    count_statements: Counter,
    groups: int,
    people: int,
) -> None:
    owner = await factory.member()
    target, template = await factory.owned_item(owner), await factory.owned_item(owner)
    for _ in range(5):
        await factory.item(template)
    content = "email,group_name\n" + "".join(
        f"{p}of{g}@example.org,Group {g}\n" for g in range(groups) for p in range(people)
    )
    with count_statements() as statements:
        answer = await upload(client, target, template, cookie_for(owner["id"]), content)
    assert answer.status_code == 200
    assert len(await platform.reads.all(select(invitation.c.id))) == groups * people
    assert len(await platform.reads.all(select(item.c.id))) == 7 + groups * 6
    assert len(of_the_request(statements)) == 16
