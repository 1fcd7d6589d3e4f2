"""Archives that would do harm: refused with a reason, and nothing of them stays."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from graasp.archives.reading import ArchiveLimits, UnsafeArchive, open_archive
from graasp.items.tables import item
from graasp.settings import Settings
from tests.imports.archives import element, graasp_archive, named_beside, zipped
from tests.imports.conftest import HeadersAs, Importer
from tests.pages_to_parse import unclosed

MIB = 1024 * 1024


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(
        max_archive_entries=150,
        max_unpacked_archive_bytes=64 * MIB,
        max_storage_bytes=4 * MIB,
        max_upload_file_bytes=3 * MIB,
        max_children=20,
        max_imported_items=100,
    )


def _special(mode: int, target: bytes = b"/etc/passwd") -> bytes:
    link = zipfile.ZipInfo("link.txt")
    link.create_system, link.external_attr = 3, (mode | 0o777) << 16
    return zipped([(link, target)])


def _flagged(flag: int) -> bytes:
    """With a flag set in both headers of its entry."""
    content = bytearray(zipped({"a.txt": b"x" * 50}))
    central = content.index(b"PK\1\2")
    for position in (6, central + 8):
        content[position] |= flag & 0xFF
        content[position + 1] |= flag >> 8
    return bytes(content)


def _method(method: int) -> bytes:
    return zipped({"a.txt": b"x" * 500}, method)


def _overlapping() -> bytes:
    """Two entries of the table of contents that share their bytes."""
    content = bytearray(zipped({"a.txt": b"x" * 400, "b.txt": b"y" * 400}, zipfile.ZIP_STORED))
    second = content.rindex(b"PK\1\2")
    content[second + 42 : second + 46] = struct.pack("<I", 0)
    return bytes(content)


def _twice(name: str) -> bytes:
    other = "x" * len(name)
    return zipped([(name, b"1"), (other, b"2")]).replace(other.encode(), name.encode())


def _lying() -> bytes:
    """A file that is other than the archive says."""
    content = bytearray(zipped({"a.txt": b"x" * 500}, zipfile.ZIP_STORED))
    content[content.index(b"xxxx") + 10] = ord("y")
    return bytes(content)


REFUSED_AT_ONCE = {
    "no archive": (b"x" * 100, "no zip archive"),
    "nothing": (b"", "no zip archive"),
    "truncated": (zipped({"a.txt": b"x" * 500})[:-30], "no zip archive"),
    "beginning cut off": (zipped({"a.txt": b"x" * 5000, "b.txt": b"y"}, 0)[3000:], "beginning is missing"),
    "climbing": (zipped({"../a.txt": b"x"}), "leads out"),
    "climbing in the middle": (zipped({"a/../../b.txt": b"x"}), "leads out"),
    "climbing with backslashes": (zipped({"..\\a.txt": b"x"}), "leads out"),
    "absolute": (zipped({"/etc/a.txt": b"x"}), "absolute"),
    "a drive": (zipped({"C:\\a.txt": b"x"}), "absolute"),
    "a link": (_special(stat.S_IFLNK), "link or a device"),
    "a device": (_special(stat.S_IFBLK), "link or a device"),
    "encrypted": (_flagged(0x1), "encrypted"),
    "an unknown method": (_method(zipfile.ZIP_LZMA), "unknown way"),
    "too many entries": (zipped({f"{n}.txt": b"" for n in range(151)}), "more than 150 entries"),
    "too many folders": (
        zipped({f"{n}/{'d/' * 80}a.txt": b"x" for n in range(2)}),
        "more than 150 files and folders",
    ),
    "a bomb": (zipped({"a.txt": bytes(20 * MIB)}), "suspiciously much"),
    "many small bombs": (zipped({f"{n}.txt": bytes(8 * MIB) for n in range(9)}), "unpacks to more than"),
    "overlapping": (_overlapping(), "overlap"),
    "two of a name": (_twice("a.txt"), "two of"),
    "a file and a folder": (zipped([("a", b"x"), ("a/b.txt", b"x")]), "both a file and a folder"),
    "absurdly deep": (zipped({"d/" * 101 + "a.txt": b"x"}), "too deep"),
    "climbing in a second name": (named_beside(b"a.txt", "../a.txt"), "leads out"),
    "an undecodable name": (_flagged(0x800).replace(b"a.txt", b"\xff.txt"), "no zip archive"),
}


async def _items(importer: Importer) -> int:
    return int(await importer.platform.reads.scalar(select(func.count()).select_from(item)))


@pytest.mark.parametrize("case", REFUSED_AT_ONCE)
async def test_an_unsafe_archive_is_refused_at_once(importer: Importer, case: str) -> None:
    content, reason = REFUSED_AT_ONCE[case]
    answer = await importer.send(content)
    assert (answer.status_code, answer.json()["code"]) == (400, "GPIZERR001"), answer.text
    assert answer.json()["message"] == "INVALID_ARCHIVE_FILE"
    assert reason in answer.json()["data"]
    assert await importer.run_jobs() == []
    assert await importer.stored() == []
    assert await _items(importer) == 1


def _tree(depth: int) -> dict[str, Any]:
    top = element(name="bottom")
    for _ in range(depth - 1):
        top = element(children=[top])
    return top


TWIN = str(uuid4())
REFUSED_BY_THE_JOB = {
    "too deep": (zipped({"d/" * 15 + "a.bin": b"x"}), "HIERARCHY_TOO_DEEP"),
    "too many children": (zipped({f"{n}.bin": b"x" for n in range(21)}), "TOO_MANY_CHILDREN"),
    "too many items": (zipped({f"{n % 10}/{n}.bin": b"x" for n in range(95)}), "TOO_MANY_DESCENDANTS"),
    "too much together": (zipped({f"{n}.bin": bytes(2 * MIB) for n in range(3)}), "STORAGE_EXCEEDED"),
    "one file too large": (zipped({"a.txt": b"x", "z.bin": bytes(3 * MIB + 1)}), "request file too large"),
    "a file with other bytes": (_lying(), "can't be read"),
    "no manifest": (zipped({"graasp-manifest.json": b"{"}), "GRAASP_EXPORT_FILE_ERROR"),
    "an empty manifest": (graasp_archive([]), "GRAASP_EXPORT_FILE_ERROR"),
    "a manifest that is no list": (graasp_archive({"a": 1}), "GRAASP_EXPORT_FILE_ERROR"),
    "an unknown type": (graasp_archive([element("robot")]), "GRAASP_EXPORT_FILE_ERROR"),
    "an id that is a path": (graasp_archive([element(id="../../etc/passwd")]), "GRAASP_EXPORT_FILE_ERROR"),
    "two of an id": (graasp_archive([element(id=TWIN), element(id=TWIN)]), "GRAASP_EXPORT_FILE_ERROR"),
    "no name": (graasp_archive([element(name="")]), "GRAASP_EXPORT_FILE_ERROR"),
    "a name with NUL": (graasp_archive([element(name="a\0")]), "GRAASP_EXPORT_FILE_ERROR"),
    "a document without extra": (
        graasp_archive([element("document", extra=None)]),
        "GRAASP_EXPORT_FILE_ERROR",
    ),
    "a file without type": (graasp_archive([element("file")]), "GRAASP_EXPORT_FILE_ERROR"),
    "a file that is not there": (
        graasp_archive([element("file", mimetype="text/plain")]),
        "GRAASP_EXPORT_FILE_ERROR",
    ),
    "a manifest too deep": (graasp_archive([_tree(16)]), "HIERARCHY_TOO_DEEP"),
    "a manifest absurdly deep": (
        zipped({"graasp-manifest.json": b"[" * 100_000}),
        "GRAASP_EXPORT_FILE_ERROR",
    ),
    "a manifest larger than memory": (
        zipped({"graasp-manifest.json": b"[" + b"[]," * 1_100_000 + b"[]]"}),
        "holds too much",
    ),
    "too many children in the manifest": (
        graasp_archive([element(children=[element() for _ in range(21)])]),
        "TOO_MANY_CHILDREN",
    ),
}


@pytest.mark.parametrize("case", REFUSED_BY_THE_JOB)
async def test_an_archive_that_does_not_fit_leaves_nothing(importer: Importer, case: str) -> None:
    content, reason = REFUSED_BY_THE_JOB[case]
    feedback = await importer.bring_in(content)
    (error,) = feedback["errors"]
    assert reason in error["message"]
    assert "result" not in feedback
    assert await importer.stored() == []
    assert await _items(importer) == 1


async def test_an_archive_of_nothing_becomes_nothing(importer: Importer) -> None:
    feedback = await importer.bring_in(zipped({}))
    assert (feedback["result"], feedback["errors"]) == ({"items": []}, [])
    assert await _items(importer) == 1


async def test_what_was_stored_goes_when_a_later_entry_is_broken(importer: Importer) -> None:
    broken = bytearray(zipped({"a.bin": b"a" * 5000, "b.bin": b"b" * 5000, "z.bin": b"zzzzz"}, 0))
    broken[broken.index(b"zzzzz")] = ord("y")
    feedback = await importer.bring_in(bytes(broken))
    assert "'z.bin' can't be read" in feedback["errors"][0]["message"]
    assert await importer.stored() == []


async def test_a_right_that_was_lost_meanwhile_is_missed(importer: Importer, factory: Any) -> None:
    assert (await importer.send(zipped({"a.bin": b"x"}))).status_code == 202
    await factory.recycle(importer.folder)
    feedback = await importer.feedback()
    assert feedback["errors"][0]["message"].startswith("ITEM_NOT_FOUND")
    assert await importer.stored() == []


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("nobody", 401, None),
        ("guest", 403, "GMERR002"),
        ("unvalidated", 403, "GMERR002"),
        ("stranger", 403, "GERR016"),
        ("read", 403, "GERR003"),
        ("write", 202, None),
        ("admin", 202, None),
    ],
)
async def test_who_may_import(
    importer: Importer, headers_as: HeadersAs, who: str, status: int, code: str | None
) -> None:
    answer = await importer.send(zipped({"a.txt": b"x"}), headers=await headers_as(importer.folder, who))
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code


async def test_what_is_refused_before_the_archive_is_looked_at(importer: Importer, factory: Any) -> None:
    archive = zipped({"a.txt": b"x"})
    answer = await importer.send(archive, content_type="image/png")
    assert (answer.status_code, answer.json()["data"]) == (400, "image/png")
    for url, status, code in (
        ("/api/items/zip-import?parentId=x", 400, "FST_ERR_VALIDATION"),
        (f"/api/items/zip-import?parentId={uuid4()}", 404, "GERR001"),
    ):
        answer = await importer.client.post(
            url, files={"f": ("a.zip", archive, "application/zip")}, headers=importer.headers
        )
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    document = await factory.owned_item(importer.member, type="document")
    importer.folder, folder = document, importer.folder
    assert (await importer.send(archive)).json()["code"] == "GERR029"
    importer.folder = folder
    answer = await importer.send(bytes(3 * MIB + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "FST_REQ_FILE_TOO_LARGE")
    await factory.item(type="file", creator=importer.member, extra={"file": {"size": 5 * MIB}})
    assert (await importer.send(archive)).json()["code"] == "GPFERR009"


async def test_a_form_without_a_file_is_refused_and_fields_around_it_do_no_harm(importer: Importer) -> None:
    url = f"/api/items/zip-import?parentId={importer.folder['id']}"
    answer = await importer.client.post(url, files={"a": (None, "text")}, headers=importer.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "GERR033")
    answer = await importer.client.post(url, json={}, headers=importer.headers)
    assert (answer.status_code, answer.json()["code"]) == (406, "FST_INVALID_MULTIPART_CONTENT_TYPE")
    archive = ("a.zip", zipped({"a.txt": b"x"}), "application/x-zip-compressed")
    files = [("before", (None, "text")), ("f", archive), ("g", archive), ("after", (None, "text"))]
    answer = await importer.client.post(url, files=files, headers=importer.headers)
    assert answer.status_code == 202
    await importer.feedback()
    assert len(await importer.children()) == 1


async def test_bombs_that_are_small_one_by_one_are_refused_together() -> None:
    bombs = zipped({f"{n}.txt": bytes(8 * MIB) for n in range(14)})
    with pytest.raises(UnsafeArchive, match="suspiciously much"):
        async with open_archive(io.BytesIO(bombs), ArchiveLimits(100, 10**9)):
            pass


@given(st.data())
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_damage_to_an_archive_is_more_than_a_refusal(data: st.DataObject) -> None:
    content = bytearray(zipped({"a.txt": b"text " * 40, "d/": b"", "d/b.bin": bytes(range(256))}))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(len(content) - 3, len(content)))]
    try:
        async with open_archive(io.BytesIO(bytes(content)), ArchiveLimits(10, 10_000)) as archive:
            for entry in archive.entries:
                assert ".." not in entry.parts
                if not entry.is_folder:
                    assert len(await archive.read(entry, at_most=10_000)) == entry.size
    except UnsafeArchive:
        return


async def test_html_that_can_not_be_made_safe_is_left_out(importer: Importer) -> None:
    texts = {
        "a.html": unclosed(60),
        "a.description.html": "fine",
        "b.html": "b",
        "b.description.html": unclosed(60),
    }
    feedback = await importer.bring_in(zipped({name: text.encode() for name, text in texts.items()}))
    assert {
        row["name"]: (row["extra"]["document"]["content"], row["description"])
        for row in await importer.children()
    } == {
        "a": ("", "fine"),
        "b": ("b", ""),
    }
    assert sorted(error["name"] for error in feedback["errors"]) == ["a", "b"]
