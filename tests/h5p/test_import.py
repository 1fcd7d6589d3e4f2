"""Importing packages: what becomes of them, who may, and what is refused."""

import io
import stat
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from graasp.items.tables import item
from graasp.platform import Platform
from graasp.storage.local import LocalStorage
from tests.conftest import RunJobs
from tests.factories import Factory
from tests.h5p.conftest import everywhere
from tests.packages import FILES, MANIFEST, package

Cookie = Callable[[UUID], dict[str, str]]
HeadersAs = Callable[[Any, str], Awaitable[dict[str, str]]]


async def _items(platform: Platform) -> list[Any]:
    return list(await platform.reads.all(select(item).order_by(item.c.created_at)))


@everywhere
async def test_a_package_becomes_an_item_with_its_content_unpacked(
    send: Any, stored: Any, platform: Platform, client: httpx.AsyncClient, anna: Any, cookie_for: Cookie
) -> None:
    content = package(files={"content/page.html": b"<script>", "content/PICTURE.PNG": b"png"})
    answer = await send(content, "Été à Genève: l'été.h5p")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    content_id = body["extra"]["h5p"]["contentId"]
    assert UUID(content_id).version == 4
    assert body["extra"] == {
        "h5p": {
            "contentId": content_id,
            "h5pFilePath": f"{content_id}/t_gen_ve_l_t.h5p",
            "contentFilePath": f"{content_id}/content",
        }
    }
    assert (body["name"], body["type"], body["description"]) == ("Été à Genève: l'été", "h5p", None)
    assert {"permission", "thumbnails", "creator"} & set(body) == set()
    (row,) = await _items(platform)
    assert (row["extra"], row["settings"], row["creator_id"]) == (
        body["extra"],
        {"hasThumbnail": False},
        anna["id"],
    )
    found = await stored()
    assert found.pop(f"{content_id}/t_gen_ve_l_t.h5p") == content
    assert found.pop(f"{content_id}/content/h5p.json").startswith(b'{"title": "Course"')
    assert found.pop(f"{content_id}/content/content/PICTURE.PNG") == b"png"
    assert found == {f"{content_id}/content/{name}": written for name, written in FILES.items()}

    packed = await client.get(f"/api/items/{row['id']}", headers=cookie_for(anna["id"]))
    link = f"http://localhost:3000/h5p-integration?contentId={content_id}"
    assert packed.json()["extra"]["h5p"]["integrationUrl"] == link

    download = await client.get(f"/api/items/{row['id']}/download-file", headers=cookie_for(anna["id"]))
    assert download.content == content
    assert download.headers["content-type"] == "application/octet-stream"
    assert download.headers["content-disposition"].endswith('.h5p"')
    link = await client.get(f"/api/items/{row['id']}/download", headers=cookie_for(anna["id"]))
    assert (link.status_code, link.json()["code"]) == (400, "GPFERR005")


@everywhere
async def test_a_package_goes_with_its_item(
    send: Any,
    stored: Any,
    client: httpx.AsyncClient,
    anna: Any,
    cookie_for: Cookie,
    run_jobs: RunJobs,
) -> None:
    gone, kept = [(await send(package())).json() for _ in range(2)]
    headers = cookie_for(anna["id"])
    assert (await client.delete(f"/api/items?id={gone['id']}", headers=headers)).status_code == 202
    await run_jobs()
    assert {key.partition("/")[0] for key in await stored()} == {kept["extra"]["h5p"]["contentId"]}


async def test_a_package_that_another_item_names_as_well_stays(
    send: Any,
    stored: Any,
    client: httpx.AsyncClient,
    anna: Any,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
) -> None:
    victim = (await send(package())).json()
    mallory = await factory.member()
    forged = await factory.owned_item(mallory, type="h5p", extra=victim["extra"])
    before = await stored()
    await client.delete(f"/api/items?id={forged['id']}", headers=cookie_for(mallory["id"]))
    await run_jobs()
    assert await factory.count(item) == 1
    assert await stored() == before


@everywhere
async def test_a_copy_has_a_package_of_its_own(
    send: Any,
    stored: Any,
    platform: Platform,
    client: httpx.AsyncClient,
    anna: Any,
    factory: Factory,
    cookie_for: Cookie,
    run_jobs: RunJobs,
) -> None:
    headers = cookie_for(anna["id"])
    folder = await factory.owned_item(anna, name="folder")
    nested = (await send(package(), "Nested.h5p", f"?parentId={folder['id']}")).json()
    alone = (await send(package(), "Alone.h5p")).json()
    for source in (alone["id"], folder["id"]):
        answer = await client.post(f"/api/items/copy?id={source}", json={}, headers=headers)
        assert answer.status_code == 202, answer.text
        await run_jobs()
    packages = [row for row in await _items(platform) if row["type"] == "h5p"]
    assert sorted(row["name"] for row in packages) == ["Alone", "Alone-1", "Nested", "Nested-1"]
    found = await stored()
    for row in packages:
        place = row["extra"]["h5p"]
        name = row["name"].lower()
        assert place["h5pFilePath"] == f"{place['contentId']}/{name}.h5p"
        assert place["contentFilePath"] == f"{place['contentId']}/content"
        assert found[place["h5pFilePath"]] == package()
        assert {
            key.removeprefix(f"{place['contentFilePath']}/"): written
            for key, written in found.items()
            if key.startswith(f"{place['contentFilePath']}/") and not key.endswith("h5p.json")
        } == FILES
    assert len({row["extra"]["h5p"]["contentId"] for row in packages}) == 4
    await client.delete(f"/api/items?id={nested['id']}&id={alone['id']}", headers=headers)
    await run_jobs()
    assert len({key.partition("/")[0] for key in await stored()}) == 2


@pytest.mark.parametrize(
    ("caller", "status", "code"),
    [
        ("nobody", 401, None),
        ("guest", 403, "GMERR002"),
        ("unvalidated", 403, "GMERR002"),
        ("stranger", 403, "GERR016"),
        ("read", 403, "GERR003"),
        ("write", 200, None),
        ("admin", 200, None),
    ],
)
@pytest.mark.parametrize("kind", [None, "public", "hidden"])
async def test_who_may_import_into_a_folder(
    send: Any,
    stored: Any,
    factory: Factory,
    headers_as: HeadersAs,
    caller: str,
    status: int,
    code: str | None,
    kind: str | None,
) -> None:
    folder = await factory.owned_item(await factory.member())
    if kind:
        await factory.visibility(folder["path"], kind)
    headers = await headers_as(folder, caller) or {"X-Nobody": "1"}
    answer = await send(package(), query=f"?parentId={folder['id']}", headers=headers)
    assert answer.status_code == status, answer.text
    if code and not (kind == "hidden" and caller == "read"):
        assert answer.json()["code"] == code
    assert await factory.count(item) == (2 if status == 200 else 1)
    assert bool(await stored()) == (status == 200)


async def test_where_it_goes_and_where_it_cannot(
    send: Any, stored: Any, factory: Factory, platform: Platform, anna: Any
) -> None:
    folder = await factory.owned_item(anna, lang="fr")
    first, _ = await factory.item(folder, name="first"), await factory.item(folder, name="last")
    query = f"?parentId={folder['id']}&previousItemId={first['id']}"
    placed = (await send(package(), query=query)).json()
    assert placed["lang"] == "fr"
    rows = [row for row in await _items(platform) if row["order"] is not None]
    assert [row["name"] for row in sorted(rows, key=lambda row: row["order"])] == ["first", "Course", "last"]
    before = await stored()
    document = await factory.owned_item(anna, type="document")
    await factory.recycle(recycled := await factory.owned_item(anna))
    for parent, code in ((document["id"], "GERR029"), (recycled["id"], "GERR001")):
        assert (await send(package(), query=f"?parentId={parent}")).json()["code"] == code
    assert (await send(package(), query="?parentId=x")).status_code == 400
    assert await stored() == before


async def test_forms_without_a_file(
    client: httpx.AsyncClient, anna: Any, cookie_for: Cookie, send: Any
) -> None:
    headers = cookie_for(anna["id"])

    async def post(**options: Any) -> tuple[int, str]:
        answer = await client.post("/api/items/h5p-import", headers=headers, **options)
        return answer.status_code, answer.json()["code"]

    form = {"Content-Type": "multipart/form-data; boundary=x"} | headers
    answer = await client.post("/api/items/h5p-import", headers=form, content=b"--x--\r\n")
    assert (answer.status_code, answer.json()["code"]) == (400, "GPH5PERR001")
    assert await post(files=[("note", (None, "text"))]) == (413, "FST_FIELDS_LIMIT")
    assert await post(json={}) == (406, "FST_INVALID_MULTIPART_CONTENT_TYPE")
    beside = [
        ("note", (None, "text")),
        ("a", ("first.h5p", package(), "x/y")),
        ("b", ("second.h5p", b"?", "x/y")),
    ]
    answer = await client.post("/api/items/h5p-import", headers=headers, files=beside)
    assert (answer.status_code, answer.json()["name"]) == (200, "first")


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (None, "Missing h5p.json manifest file"),
        (b"{", "h5p.json is not valid JSON"),
        (b"[]", "must be object"),
        (MANIFEST | {"title": 1}, "title must be string"),
        (MANIFEST | {"language": "en-US"}, "language must be equal to one of the allowed values"),
        (MANIFEST | {"mainLibrary": "H5P.Other"}, "main library not found in preloaded dependencies"),
        (MANIFEST | {"preloadedDependencies": {}}, "preloadedDependencies must be array"),
        (MANIFEST | {"embedTypes": []}, "embedTypes must NOT have fewer than 1 items"),
        (MANIFEST | {"embedTypes": ["div", "div"]}, "embedTypes must NOT have duplicate items"),
        (MANIFEST | {"embedTypes": ["page"]}, "embedTypes/0 must be equal to one of the allowed values"),
        (
            {name: value for name, value in MANIFEST.items() if name not in ("mainLibrary", "language")},
            "must have required property 'mainLibrary'\n\tmust have required property 'language'",
        ),
    ],
)
async def test_manifests_that_are_refused(
    send: Any, stored: Any, factory: Factory, manifest: Any, reason: str
) -> None:
    answer = await send(package(manifest=manifest))
    assert answer.json() == {
        "name": "Invalid h5p.json manifest file",
        "code": "GPH5PERR002",
        "message": "Invalid h5p.json manifest file",
        "statusCode": 400,
        "data": reason,
        "origin": "graasp-plugin-html",
    }
    assert (await factory.count(item), await stored()) == (0, {})


@pytest.mark.parametrize(
    "more",
    [
        {"license": None, "authors": [{"name": "A", "role": "Author"}], "yearFrom": 2020, "yearTo": "2021"},
        {"changes": [{"date": "d", "author": "a", "log": "l"}], "own": {"key": 1}, "language": "und"},
        {"preloadedDependencies": [MANIFEST["preloadedDependencies"][0] | {"majorVersion": "1"}]},
    ],
)
async def test_manifests_with_more_than_they_need(send: Any, more: dict[str, Any]) -> None:
    assert (await send(package(manifest=MANIFEST | more))).status_code == 200


def _link() -> zipfile.ZipInfo:
    link = zipfile.ZipInfo("content/link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return link


def _broken() -> bytes:
    """An entry whose bytes are not those that its checksum was made of."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("h5p.json", package_manifest())
        archive.writestr("content/a.txt", b"some text of a file")
    return whole.getvalue().replace(b"some text of a file", b"other text of a fil")


def package_manifest() -> bytes:
    with zipfile.ZipFile(io.BytesIO(package())) as archive:
        return archive.read("h5p.json")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"no archive", id="no archive"),
        pytest.param(b"", id="empty"),
        pytest.param(package()[:-30], id="cut off"),
        pytest.param(package(files={"content/../../../etc/x.js": b"x"}), id="climbs"),
        pytest.param(package(files={"content\\..\\..\\x.js": b"x"}), id="climbs on Windows"),
        pytest.param(package(files={"/etc/x.js": b"x"}), id="absolute"),
        pytest.param(package(files={_link(): b"/etc/passwd"}), id="link"),
        pytest.param(package(files={"content/zeros.txt": bytes(3_000_000)}), id="bomb"),
        pytest.param(package(files={f"content/{n}.txt": b"x" for n in range(60)}), id="many entries"),
        pytest.param(package(files={f"{'a/' * 120}x.js": b"x"}), id="deep"),
        pytest.param(package(files={f"content/{'a' * 250}.js": b"x"}), id="long name"),
        pytest.param(package(files={"content/a\x01b.js": b"x"}), id="control character"),
        pytest.param(package(files={"content/content.json": b"[1]"}), id="no parameters"),
        pytest.param(
            package(files={"content/content.json": b'{"a":[' + b"[]," * 600_000 + b"[]]}"}),
            id="more parameters than fit into memory",
        ),
        pytest.param(_broken(), id="wrong checksum"),
    ],
)
async def test_files_that_are_no_packages(send: Any, stored: Any, factory: Factory, content: bytes) -> None:
    answer = await send(content)
    assert (answer.status_code, answer.json()["code"]) == (400, "GPH5PERR001"), answer.text
    assert answer.json()["data"]
    assert (await factory.count(item), await stored()) == (0, {})


async def test_packages_that_are_too_large(send: Any, stored: Any, factory: Factory) -> None:
    answer = await send(b"x" * 200_001)
    assert (answer.status_code, answer.json()["code"]) == (413, "FST_REQ_FILE_TOO_LARGE")
    assert (await factory.count(item), await stored()) == (0, {})


async def test_who_stores_too_much_already(
    send: Any, stored: Any, factory: Factory, anna: Any, platform: Platform
) -> None:
    extra = {"file": {"size": platform.settings.max_storage_bytes + 1}}
    await factory.owned_item(anna, type="file", extra=extra)
    answer = await send(package())
    assert (answer.status_code, answer.json()["code"]) == (507, "GPFERR009")
    assert await stored() == {}


async def test_a_storage_that_fails_leaves_nothing(
    send: Any, stored: Any, factory: Factory, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = LocalStorage.put

    async def failing(self: LocalStorage, key: str, *arguments: Any, **options: Any) -> int:
        if key.endswith("hello.js"):
            raise OSError("the disk is full")
        return await put(self, key, *arguments, **options)

    monkeypatch.setattr(LocalStorage, "put", failing)
    answer = await send(package())
    assert (answer.status_code, answer.json()["code"]) == (500, "GPHTMLERR003")
    assert (await factory.count(item), await stored()) == (0, {})


@pytest.mark.parametrize(
    ("name", "item_name", "file_name"),
    [
        ("日本語.h5p", "日本語", "package.h5p"),
        (".h5p", ".h5p", "h5p.h5p"),
        ("a" * 600 + ".h5p", "a" * 500, "a" * 20 + ".h5p"),
        ("../../My Course.zip", "My Course.zip", "my_course_zip.h5p"),
    ],
)
async def test_names(send: Any, stored: Any, name: str, item_name: str, file_name: str) -> None:
    body = (await send(package(), name)).json()
    assert body["name"] == item_name
    assert body["extra"]["h5p"]["h5pFilePath"].partition("/")[2] == file_name
    assert body["extra"]["h5p"]["h5pFilePath"] in await stored()


async def test_a_package_among_uploaded_files(
    client: httpx.AsyncClient, anna: Any, cookie_for: Cookie, platform: Platform, stored: Any
) -> None:
    files = [
        ("files", (name, package(), "application/zip")) for name in ("Course.h5p", "other.H5P", "broken.h5p")
    ]
    files[2] = ("files", ("broken.h5p", b"no package", "application/zip"))
    answer = await client.post("/api/items/upload", files=files, headers=cookie_for(anna["id"]))
    assert (answer.status_code, answer.json()["code"]) == (400, "GPH5PERR001")
    rows = {row["name"]: row for row in await _items(platform)}
    assert {name: row["type"] for name, row in rows.items()} == {"Course": "h5p", "other.H5P": "file"}
    assert rows["Course"]["extra"]["h5p"]["h5pFilePath"] in await stored()


async def test_an_import_takes_the_same_number_of_statements_whatever_is_in_the_package(
    send: Any, count_statements: Any, factory: Factory
) -> None:
    counts = []
    for files in (1, 40):
        with count_statements() as statements:
            await send(package(files={f"content/{n}.txt": b"x" for n in range(files)}))
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert await factory.count(item) == 2


async def test_a_copy_that_fails_leaves_no_package(
    send: Any,
    stored: Any,
    client: httpx.AsyncClient,
    anna: Any,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = (await send(package())).json()
    before = await stored()
    copy = LocalStorage.copy

    async def failing(self: LocalStorage, source: str, target: str, **options: Any) -> None:
        if source.endswith("hello.js"):
            raise OSError("the disk is full")
        await copy(self, source, target, **options)

    monkeypatch.setattr(LocalStorage, "copy", failing)
    await client.post(f"/api/items/copy?id={source['id']}", json={}, headers=cookie_for(anna["id"]))
    await run_jobs()
    assert await stored() == before
    assert await platform.reads.scalar(select(func.count()).select_from(item)) == 1
