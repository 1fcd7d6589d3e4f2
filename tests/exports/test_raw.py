"""The raw export of a folder: plain files, as people see them."""

import io
import zipfile
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from graasp.exports.names import UniqueNames, safe_name
from graasp.exports.tables import item_export_request
from graasp.jobs.tables import job
from graasp.platform import Platform
from tests.factories import Factory
from worker.execution import Outcome

Cookie = Callable[[UUID], dict[str, str]]
RunJobs = Callable[[], Awaitable[list[Outcome]]]


async def _archive(client: httpx.AsyncClient, mail: EmailMessage) -> zipfile.ZipFile:
    body = mail.get_body(("plain",))
    assert body is not None
    link = next(line for line in body.get_content().splitlines() if line.startswith("http"))
    redirected = await client.get(httpx.URL(link).raw_path.decode())
    content = await client.get(httpx.URL(redirected.headers["location"]).raw_path.decode())
    return zipfile.ZipFile(io.BytesIO(content.content))


async def _export(client: httpx.AsyncClient, headers: dict[str, str], item: Any, run_jobs: RunJobs) -> None:
    answer = await client.post(f"/api/items/{item['id']}/export", headers=headers)
    assert (answer.status_code, answer.json()) == (202, {"message": "Export started"})
    await run_jobs()


async def test_the_archive_holds_what_the_member_sees_under_names_every_system_can_unpack(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    owner = await factory.member()
    root = await factory.owned_item(owner, name="F", description="<p>d</p>")
    upload = {"files": ("é ü.txt", b"bytes of the file", "text/plain")}
    uploaded = await client.post(
        f"/api/items/upload?id={root['id']}", files=upload, headers=cookie_for(owner["id"])
    )
    assert uploaded.status_code == 204, uploaded.text
    await factory.item(root, name="doc", type="document", extra={"document": {"content": "<p>a</p>"}})
    await factory.item(root, name="doc", type="document", extra={"document": {"content": "<p>b</p>"}})
    await factory.item(root, name="A", type="app", extra={"app": {"url": "https://a.test"}})
    await factory.item(
        root, name="link", type="embeddedLink", extra={"embeddedLink": {"url": "https://l.test"}}
    )
    await factory.item(root, name="E")
    await factory.item(root, name="../../up", type="document", extra={"document": {"content": "x"}})
    await factory.item(root, name="short", type="shortcut", extra={"shortcut": {"target": str(root["id"])}})
    await factory.item(root, name="gone.pdf", type="file", extra={"file": {"path": "files/gone"}})
    await _export(client, cookie_for(owner["id"]), root, run_jobs)
    with await _archive(client, mails[0]) as archive:
        assert archive.testzip() is None
        content = {name: archive.read(name).decode() for name in archive.namelist()}
    assert content["F.description.html"] == "<p>d</p>"
    assert content["F/é ü.txt"] == "bytes of the file"
    assert (content["F/doc.html"], content["F/doc (2).html"]) == ("<p>a</p>", "<p>b</p>")
    assert content["F/A.app"] == "[InternetShortcut]\nURL=https://a.test\nAppURL=1\n"
    assert content["F/link.url"] == "[InternetShortcut]\nURL=https://l.test\n"
    assert content["F/E/"] == ""
    assert not any(".." in name.split("/") for name in content)
    assert "short (shortcut)" in content["NOT EXPORTED.txt"]
    assert "gone.pdf (file)" in content["NOT EXPORTED.txt"]
    request = await platform.reads.first(select(item_export_request))
    assert request is not None
    assert (request["member_id"], request["item_id"], request["type"]) == (owner["id"], root["id"], "raw")
    progress = await platform.reads.scalar(select(job.c.progress).where(job.c.name == "export-folder-zip"))
    assert progress == {"done": 9, "total": 9, "text": "items"}


async def test_hidden_items_are_left_out_for_readers(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    reader, writer = await factory.member(), await factory.member()
    root = await factory.item(name="F")
    hidden = await factory.item(root, name="hidden")
    await factory.item(hidden, name="secret", type="document", extra={"document": {"content": "s"}})
    await factory.visibility(hidden["path"], "hidden")
    for member, permission, names in (
        (reader, "read", ["F/"]),
        (writer, "write", ["F/hidden/secret.html"]),
    ):
        await factory.membership(root["path"], member["id"], permission)
        mails.clear()
        await _export(client, cookie_for(member["id"]), root, run_jobs)
        with await _archive(client, mails[0]) as archive:
            assert archive.namelist() == names


async def test_only_folders_are_exported(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    document = await factory.owned_item(owner, type="document", extra={"document": {"content": "x"}})
    answer = await client.post(f"/api/items/{document['id']}/export", headers=cookie_for(owner["id"]))
    assert answer.status_code == 400
    assert answer.json()["message"] == "Item does not have the correct type document"
    client.cookies.clear()
    assert (await client.post(f"/api/items/{document['id']}/export")).status_code == 401


@given(st.text(max_size=300))
def test_every_name_becomes_one_safe_segment(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert safe not in (".", "..")
    assert not set(safe) & set('/\\:*?"<>|\0')
    assert not safe.endswith((" ", "."))
    assert len(safe.encode()) <= 200


@given(st.lists(st.sampled_from(("a", "A", "a.html", "a (2).html", "b.tar.gz", ".x")), max_size=12))
def test_names_in_one_folder_differ_even_without_regard_to_case(names: list[str]) -> None:
    unique = UniqueNames()
    taken = [unique.take(name) for name in names]
    assert len({name.casefold() for name in taken}) == len(names)


@pytest.mark.parametrize("body", [b"", b"x"])
async def test_uploads_that_are_no_form_are_refused(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, body: bytes
) -> None:
    headers = cookie_for((await factory.member())["id"]) | {"content-type": "application/json"}
    answer = await client.post("/api/items/upload", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (406, "FST_INVALID_MULTIPART_CONTENT_TYPE")
