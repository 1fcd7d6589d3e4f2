"""The raw export of a folder: plain files, as people see them."""

import io
import tempfile
import unicodedata
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from graasp.archives import zip_stream
from graasp.exports.jobs import EXPORT_FOLDER, ExportFolder
from graasp.exports.names import UniqueNames, safe_name, with_extension
from graasp.exports.raw import raw_entries
from graasp.exports.tables import item_export_request
from graasp.jobs.tables import job
from graasp.platform import Platform
from tests.conftest import Published
from tests.factories import Factory
from tests.statements import counted
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
    url = f"/api/items/{document['id']}/export"
    assert (await client.post(url)).status_code == 401
    answer = await client.post(url, headers=cookie_for(owner["id"]))
    assert answer.status_code == 400
    assert answer.json()["message"] == "Item does not have the correct type document"


@pytest.mark.parametrize(
    ("caller", "status", "code"),
    [
        ("guest", 403, "GMERR002"),
        ("unvalidated", 403, "GMERR002"),
        ("stranger", 403, "GERR016"),
        ("reader of a hidden item", 403, "GERR016"),
        ("owner of a recycled item", 404, "GERR001"),
    ],
)
async def test_who_may_not_export(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, caller: str, status: int, code: str
) -> None:
    owner = await factory.member()
    folder = await factory.owned_item(owner)
    account = owner
    if caller == "guest":
        account = await factory.guest(folder["path"])
    elif caller == "unvalidated":
        account = await factory.member(is_validated=False)
        await factory.membership(folder["path"], account["id"], "admin")
    elif caller == "owner of a recycled item":
        await factory.recycle(folder)
    else:
        account = await factory.member()
        if caller != "stranger":
            await factory.membership(folder["path"], account["id"], "read")
            await factory.visibility(folder["path"], "hidden")
    answer = await client.post(f"/api/items/{folder['id']}/export", headers=cookie_for(account["id"]))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await factory.count(job) == 0


async def test_a_description_keeps_the_name_and_the_number_of_what_it_describes(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    owner = await factory.member()
    root = await factory.owned_item(owner, name="F")
    await factory.item(root, name="doc", type="document", extra={"document": {"content": "1"}})
    second = {"type": "document", "extra": {"document": {"content": "2"}}}
    await factory.item(root, name="DOC", description="of the second", **second)
    await _put(platform, "files/a", b"picture")
    picture = {"type": "file", "extra": {"file": {"path": "files/a", "mimetype": "image/png"}}}
    for description in ("of the first picture", "of the second picture"):
        await factory.item(root, name="p.png", description=description, **picture)
    await factory.item(root, name="drawing", **picture)
    await factory.item(root, name="x", description="of a folder")
    await factory.item(root, name="n" * 500, type="document", extra={"document": {"content": "long"}})
    await _export(client, cookie_for(owner["id"]), root, run_jobs)
    with await _archive(client, mails[0]) as archive:
        content = {name.removeprefix("F/"): archive.read(name).decode() for name in archive.namelist()}
    assert content == {
        "doc.html": "1",
        "DOC (2).html": "2",
        "DOC (2).description.html": "of the second",
        "p.png": "picture",
        "p.png.description.html": "of the first picture",
        "p (2).png": "picture",
        "p (2).png.description.html": "of the second picture",
        "drawing.png": "picture",
        "x/": "",
        "x.description.html": "of a folder",
        f"{'n' * 175}.html": "long",
    }


async def test_whatever_an_item_holds_it_never_breaks_the_export(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    owner = await factory.member()
    root = await factory.owned_item(owner, name="F")
    ancient = datetime(1970, 1, 1, tzinfo=UTC)
    for kind, extra in (
        ("page", {}),
        ("document", {}),
        ("document", {"document": None}),
        ("document", {"document": {"content": 5}}),
        ("app", {"app": []}),
        ("embeddedLink", {"embeddedLink": {"url": "https://l.test\r\n[Evil]"}}),
        ("file", {"file": {"path": "../../etc/passwd"}}),
        ("file", {"file": {"path": 1, "mimetype": []}}),
        ("etherpad", {"etherpad": {"padID": "p"}}),
        ("unheard-of", {}),
    ):
        await factory.item(root, name="i", type=kind, extra=extra, updated_at=ancient)
    await _export(client, cookie_for(owner["id"]), root, run_jobs)
    with await _archive(client, mails[0]) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {
            "F/i.html",
            "F/i (2).html",
            "F/i (3).html",
            "F/i.app",
            "F/i.url",
            "NOT EXPORTED.txt",
        }
        assert archive.read("F/i.url") == b"[InternetShortcut]\nURL=https://l.test[Evil]\n"
        assert archive.read("NOT EXPORTED.txt").decode().splitlines()[1:] == [
            "F/i (page)",
            "F/i (file)",
            "F/i (file)",
            "F/i (etherpad)",
            "F/i (unheard-of)",
        ]


async def test_the_number_of_statements_does_not_depend_on_the_number_of_items(
    platform: Platform, factory: Factory, run_jobs: RunJobs
) -> None:
    owner = await factory.member()
    counts = []
    for items in (2, 150):
        root = await factory.owned_item(owner)
        for _ in range(items):
            await factory.item(root, type="document", extra={"document": {"content": "x"}}, description="d")
        async with platform.unit_of_work() as uow:
            export = ExportFolder(item_id=root["id"], member_id=owner["id"])
            await uow.enqueue(EXPORT_FOLDER, export)
        await platform.jobs.flush()
        with counted(platform.database) as statements:
            assert await run_jobs() == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_success_and_failure_are_told_to_who_asked(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    published: Published,
) -> None:
    owner = await factory.member()
    root, gone = await factory.owned_item(owner), await factory.owned_item(owner)
    for item in (root, gone):
        await client.post(f"/api/items/{item['id']}/export", headers=cookie_for(owner["id"]))
    await factory.recycle(gone)
    await run_jobs()
    await platform.realtime.flush()
    told = {body["resource"][0]: (topic, channel, body) for topic, channel, body in await published()}
    topic, channel, body = told[str(root["id"])]
    assert (topic, channel, body["kind"], body["op"]) == (
        "item/member",
        str(owner["id"]),
        "feedback",
        "export",
    )
    assert (body["errors"], list(body["result"])) == ([], [str(root["id"])])
    *_, body = told[str(gone["id"])]
    assert body["errors"] == [{"name": "FastifyError", "message": f"ITEM_NOT_FOUND {gone['id']}"}]
    assert "result" not in body
    assert await factory.count(item_export_request) == 1


async def test_a_second_request_joins_the_one_that_waits(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    owner = await factory.member(extra={"lang": "de"})
    root = await factory.owned_item(owner)
    headers = cookie_for(owner["id"])
    await client.post(f"/api/items/{root['id']}/export", headers=headers)
    await _export(client, headers, root, run_jobs)
    assert [mail["to"] for mail in mails] == [owner["email"]]


@given(st.text(max_size=300))
def test_every_name_becomes_one_safe_segment(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert safe not in (".", "..")
    assert not set(safe) & set('/\\:*?"<>|\0')
    assert not safe.endswith((" ", "."))
    assert len(safe.encode()) <= 200


@given(st.text(max_size=300).filter(lambda name: "." not in name), st.sampled_from(["html", "app", "jpeg"]))
def test_a_long_name_keeps_its_extension(name: str, extension: str) -> None:
    assert safe_name(with_extension(name, extension)).endswith(f".{extension}")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("con", "con_"),
        ("NUL.html", "NUL_.html"),
        ("..", "__"),
        ("a/b\\c", "a_b_c"),
        ("photo\u202egnp.exe", "photo_gnp.exe"),
        ("ends with dots...", "ends with dots_"),
        ("日本語.pdf", "日本語.pdf"),
    ],
)
def test_names_that_some_system_would_misread(name: str, safe: str) -> None:
    assert safe_name(name) == safe


_NAMES = ("a", "A", "a.html", "a (2).html", "b.tar.gz", ".x", "é", "e\u0301", "ß", "SS", "a.description.html")


@given(st.lists(st.tuples(st.sampled_from(_NAMES), st.booleans()), max_size=12))
def test_names_in_one_folder_differ_for_every_system(names: list[tuple[str, bool]]) -> None:
    unique = UniqueNames()
    taken = []
    for name, is_described in names:
        others = [lambda candidate: f"{candidate}.description.html"] if is_described else []
        name = unique.take(name, *others)
        taken += [name, *(other(name) for other in others)]
    assert len({unicodedata.normalize("NFC", name).casefold() for name in taken}) == len(taken)


_ITEM_NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=80
)
_TREES = st.lists(
    st.tuples(_ITEM_NAMES, st.sampled_from(["folder", "document", "app", "shortcut"]), st.integers(0, 5)),
    max_size=10,
)


@hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@given(root_name=_ITEM_NAMES, tree=_TREES)
async def test_every_archive_can_be_unpacked_and_holds_every_text(
    platform: Platform, root_name: str, tree: list[tuple[str, str, int]]
) -> None:
    moment = datetime(2024, 2, 29, tzinfo=UTC)
    root = _row("r", root_name, "folder", moment)
    rows = [root]
    for number, (name, kind, parent) in enumerate(tree):
        folders = [row for row in rows if row["type"] == "folder"]
        path = f"{folders[parent % len(folders)]['path']}.n{number}"
        rows.append(_row(path, name, kind, moment))
    items = sorted(rows[1:], key=lambda row: row["path"].count("."))
    entries = raw_entries(
        platform,
        root,
        {row["path"].rpartition(".")[0] for row in items},
        _each(items),
        moment,
        begun=lambda _: None,
    )
    written = b"".join([chunk async for chunk in zip_stream(entries)])
    with zipfile.ZipFile(io.BytesIO(written)) as archive, tempfile.TemporaryDirectory() as folder:
        names = archive.namelist()
        assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(names)
        archive.extractall(folder)
        unpacked = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert len(unpacked) == sum(not name.endswith("/") for name in names)
        texts = [path.read_text() for path in unpacked]
    for row in (row for row in rows if row["type"] == "document"):
        assert row["extra"]["document"]["content"] in texts
        assert row["description"] in texts


def _row(path: str, name: str, kind: str, moment: datetime) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "path": path,
        "name": name,
        "type": kind,
        "description": f"about {path}",
        "extra": {"document": {"content": f"text of {path}"}},
        "updated_at": moment,
    }


async def _each(rows: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    for row in rows:
        yield row


async def _put(platform: Platform, key: str, content: bytes) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    await platform.storage.put(key, chunks(), content_type="image/png", metadata={})


@pytest.mark.parametrize("body", [b"", b"x"])
async def test_uploads_that_are_no_form_are_refused(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, body: bytes
) -> None:
    headers = cookie_for((await factory.member())["id"]) | {"content-type": "application/json"}
    answer = await client.post("/api/items/upload", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (406, "FST_INVALID_MULTIPART_CONTENT_TYPE")
