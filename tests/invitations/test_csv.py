"""Uploading a list of people: what a form may look like, and that nothing is half-done."""

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
from graasp.platform import Platform
from graasp.settings import Settings
from tests.factories import Factory
from tests.invitations.conftest import People, of_the_request

Cookie = Callable[[UUID], dict[str, str]]
HeadersAs = Callable[[Any, str], Awaitable[dict[str, str]]]
Counter = Callable[[], AbstractContextManager[list[str]]]
RunJobs = Callable[[], Awaitable[list[object]]]


def form(content: str | bytes, kind: str = "text/csv", field: str = "file") -> dict[str, Any]:
    return {"files": {field: ("people.csv", content, kind)}}


async def upload(
    client: httpx.AsyncClient, item: Any, headers: dict[str, str], **request: Any
) -> httpx.Response:
    return await client.post(f"/api/items/{item['id']}/invitations/upload-csv", headers=headers, **request)


async def test_a_list_invites_everybody_on_it(
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
    item = await factory.owned_item(owner)
    content = (
        "\ufeffName;EMAIL;Permission;group_name\r\n"
        f"Known;{member['email'].upper()};write;A\r\n"
        "\r\n"
        "Ann O.;New@Example.org;;B\r\n"
        "Again;new@example.org;admin;B\r\n"
    )
    answer = await upload(
        client, item, cookie_for(owner["id"]), **form(content, "text/csv; charset=utf-8", "any")
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert await admitted(item) == {owner["email"]: "admin", member["email"]: "write"}
    assert await invited(item) == {"new@example.org": "read"}
    assert await platform.reads.scalar(select(invitation.c.name)) == "Ann O."
    await run_jobs()
    assert sorted(str(mail["to"]) for mail in mails) == sorted([member["email"], "new@example.org"])


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"json": {"invitations": []}}, 406, "FST_INVALID_MULTIPART_CONTENT_TYPE"),
        ({"files": {}, "data": {"a": "b"}}, 415, "FST_ERR_CTP_INVALID_MEDIA_TYPE"),
        ({"files": {"a": (None, "b")}}, 400, "GPINVERR011"),
        (form("email\na@example.org\n", "text/plain"), 400, "FST_ERR_VALIDATION"),
        (form("email\na@example.org\n", "application/json"), 400, "FST_ERR_VALIDATION"),
        (form(""), 400, "GPINVERR012"),
        (form("email,permission\n"), 400, "GPINVERR012"),
        (form("mail\na@example.org\n"), 400, "GPINVERR005"),
        (form("email,name\nnew@example.org,x\n,y\n"), 400, "GPINVERR007"),
        (form("email\nnew@example.org\nnot-an-email\n"), 400, "FST_ERR_VALIDATION"),
        (form("email,permission\nnew@example.org,Reader\n"), 400, "FST_ERR_VALIDATION"),
        (form(f"email\nnew@example.org\n{'x' * 60}@{'y' * 60}.org\n"), 400, "FST_ERR_VALIDATION"),
        (form("email\nnew@example.org\nOWNER\n"), 400, "GERR007"),
        (form("email\n" + "x" * 300_000), 413, "FST_REQ_FILE_TOO_LARGE"),
        (form("email\n" + "a@example.org\n" * 101), 413, "FST_REQ_FILE_TOO_LARGE"),
    ],
)
async def test_a_list_with_something_wrong_invites_nobody(
    make_settings: Callable[..., Settings],
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    request_: dict[str, Any],
    status: int,
    code: str,
) -> None:
    owner = await factory.member(email="owner@example.org")
    item = await factory.owned_item(owner)
    if "files" in request_ and "file" in request_["files"]:
        _, content, kind = request_["files"]["file"]
        request_ = form(content.replace("OWNER", owner["email"]), kind)
    app = create_app(make_settings(max_csv_bytes=200_000, max_csv_rows=100))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as client:
            answer = await upload(client, item, cookie_for(owner["id"]), **request_)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await platform.reads.all(select(invitation.c.id)) == []
    assert await platform.reads.all(select(job.c.id)) == []


async def test_text_fields_and_further_files_are_ignored(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, invited: People
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    files = [
        ("before", (None, "text")),
        ("file", ("a.csv", "email\na@example.org\n", "text/csv")),
        ("other", ("b.csv", "email\nb@example.org\n", "text/csv")),
        ("after", (None, "text")),
    ]
    answer = await upload(client, item, cookie_for(owner["id"]), files=files)
    assert answer.status_code == 204
    assert await invited(item) == {"a@example.org": "read"}


@pytest.mark.parametrize(
    ("caller", "status", "code"),
    [
        ("nobody", 401, None),
        ("guest", 403, "GMERR002"),
        ("unvalidated", 403, "GMERR002"),
        ("stranger", 403, "GERR016"),
        ("read", 403, "GERR004"),
        ("write", 403, "GERR004"),
        ("admin", 204, None),
    ],
)
async def test_only_admins_upload_lists(
    client: httpx.AsyncClient,
    factory: Factory,
    headers_as: HeadersAs,
    invited: People,
    caller: str,
    status: int,
    code: str | None,
) -> None:
    item = await factory.item()
    headers = await headers_as(item, caller)
    answer = await upload(client, item, headers, **form("email\nnew@example.org\n"))
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
    assert bool(await invited(item)) is (status == 204)


async def test_an_item_that_is_gone(client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    await factory.recycle(item)
    for gone in (item, {"id": uuid4()}):
        answer = await upload(client, gone, cookie_for(owner["id"]), **form("email\nnew@example.org\n"))
        assert (answer.status_code, answer.json()["code"]) == (404, "GERR001")


@pytest.mark.parametrize("rows", [10, 2000])
async def test_the_number_of_statements_does_not_grow_with_the_file(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    count_statements: Counter,
    invited: People,
    rows: int,
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    content = "email,name,permission\n" + "".join(f"new{n}@example.org,N {n},write\n" for n in range(rows))
    with count_statements() as statements:
        answer = await upload(client, item, cookie_for(owner["id"]), **form(content))
    assert answer.status_code == 204
    assert len(await invited(item)) == rows
    assert len(of_the_request(statements)) == 6
