"""Archives of plain files and folders."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from graasp.jobs.tables import job
from graasp.memberships.tables import item_membership
from graasp.settings import Settings
from tests.factories import Factory
from tests.imports.archives import named_beside, zipped
from tests.imports.conftest import Importer
from tests.packages import package
from tests.pictures import pdf, picture
from tests.statements import counted


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    # What is uploaded among other files may be larger, and comes back from its export too.
    return make_settings(max_h5p_bytes=len(package()) - 1)


async def test_files_and_folders_become_items(importer: Importer) -> None:
    feedback = await importer.bring_in(
        zipped(
            {
                "D/": b"",
                "D/a.txt": b"a & b",
                "page.html": "<p onclick='x'>é</p><script>1</script>".encode(),
                "old.graasp": b"<b>text</b>",
                "l.url": b"[InternetShortcut]\r\nURL=https://example.org/x\r\n",
                "tool.app": b"[InternetShortcut]\nURL=https://example.org/a\nAppURL=1\n",
                "old tool.url": b"[InternetShortcut]\nURL=https://example.org/o\nAppURL=1\n",
                "table.csv": b"x;y",
                "UPPER.HTML": b"<html><p>x</p></html>",
                "inner.zip": zipped({"x.txt": b"x"}),
                "p.png": picture(),
                ".hidden": b"x",
                ".git/config": b"x",
                "__MACOSX/._p.png": b"x",
                "empty.txt": b"",
            }
        )
    )
    rows = {row["name"]: row for row in await importer.children()}
    assert {name: row["type"] for name, row in rows.items()} == {
        "D": "folder",
        "page": "document",
        "old": "document",
        "l": "embeddedLink",
        "tool": "app",
        "old tool": "app",
        "table.csv": "file",
        "UPPER.HTML": "file",
        "inner.zip": "file",
        "p.png": "file",
    }
    assert rows["page"]["extra"] == {"document": {"content": "<p>é</p>"}}
    assert rows["l"]["extra"] == {"embeddedLink": {"url": "https://example.org/x"}}
    assert rows["tool"]["extra"] == {"app": {"url": "https://example.org/a"}}
    assert rows["old tool"]["extra"] == {"app": {"url": "https://example.org/o"}}
    mimetypes = {
        name: row["extra"]["file"]["mimetype"] for name, row in rows.items() if row["type"] == "file"
    }
    assert mimetypes == {
        "table.csv": "text/plain",
        "UPPER.HTML": "text/html",
        "inner.zip": "application/zip",
        "p.png": "image/png",
    }
    assert await importer.bytes_of(rows["p.png"]) == picture()
    assert await importer.bytes_of(rows["UPPER.HTML"]) == b"<p>x</p>"
    assert {row["lang"] for row in rows.values()} == {"fr"}
    assert {row["description"] for row in rows.values()} == {""}
    assert {row["creator_id"] for row in rows.values()} == {importer.member["id"]}
    (inside,) = await importer.children(rows["D"])
    assert (inside["name"], inside["extra"]) == ("a", {"document": {"content": "a &amp; b"}})
    assert (feedback["resource"], feedback["errors"]) == ([str(importer.folder["id"])], [])
    assert {item["name"] for item in feedback["result"]["items"]} == set(rows)
    # The picture was decoded by a job of its own.
    assert rows["p.png"]["settings"] == {"hasThumbnail": True}
    assert not [key for key in await importer.stored() if key.startswith("zip-import")]


async def test_a_pdf_gets_its_text_and_thumbnail(importer: Importer) -> None:
    await importer.bring_in(zipped({"x.pdf": pdf()}))
    (row,) = await importer.children()
    assert row["extra"]["file"]["mimetype"] == "application/pdf"
    assert row["settings"] == {"hasThumbnail": True}


async def test_the_note_of_an_export_is_no_item(importer: Importer) -> None:
    note = b"These items have no form outside the platform"
    await importer.bring_in(zipped({"NOT EXPORTED.txt": note, "F/NOT EXPORTED.txt": b"a file of somebody"}))
    (folder,) = await importer.children()
    assert [row["name"] for row in await importer.children(folder)] == ["NOT EXPORTED"]


async def test_descriptions_are_found_wherever_exports_put_them(importer: Importer) -> None:
    await importer.bring_in(
        zipped(
            {
                "In/In.description.html": b"<p>inside</p><script>1</script>",
                "Beside/x.txt": b"x",
                "Beside.description.html": b"beside",
                "doc.html": b"x",
                "doc.description.html": b"of the item",
                "p.png": picture(),
                "p.png.description.html": b"of the file",
                "x.description.html": b"of nothing",
                "long.txt": b"x",
                "long.txt.description.html": b"y" * 5001,
            }
        )
    )
    found = {row["name"]: row["description"] for row in await importer.children()}
    assert found == {
        "In": "<p>inside</p>",
        "Beside": "beside",
        "doc": "of the item",
        "p.png": "of the file",
        "long": "",
    }


async def test_the_order_is_the_reverse_of_the_names_before_what_is_there(
    importer: Importer, factory: Any
) -> None:
    await factory.item(importer.folder, name="there", order=1)
    await importer.bring_in(zipped(dict.fromkeys(("b.txt", "a.txt", "C.txt", "é.txt"), b"x")))
    assert [row["name"] for row in await importer.children()] == ["é", "b", "a", "C", "there"]


async def test_at_the_root_each_item_belongs_to_its_importer(importer: Importer) -> None:
    feedback = await importer.bring_in(zipped({"D/x.txt": b"x", "y.txt": b"y"}), at_root=True)
    roots = await importer.roots()
    assert [(row["name"], row["order"], row["lang"]) for row in roots] == [
        ("D", None, "en"),
        ("y", None, "en"),
    ]
    rights = await importer.platform.reads.all(
        select(item_membership).where(item_membership.c.item_path.in_([row["path"] for row in roots]))
    )
    assert {(row["account_id"], row["permission"]) for row in rights} == {(importer.member["id"], "admin")}
    assert len(rights) == 2
    assert feedback["resource"] == []


async def test_a_writer_administers_what_it_brings_in(
    importer: Importer, factory: Any, cookie_for: Any
) -> None:
    writer = await factory.member()
    await factory.membership(importer.folder["path"], writer["id"], "write")
    importer.member, importer.headers = writer, cookie_for(writer["id"])
    await importer.bring_in(zipped({"D/x.txt": b"x"}))
    rights = await importer.platform.reads.all(
        select(item_membership).where(item_membership.c.account_id == writer["id"])
    )
    assert sorted(row["permission"] for row in rights) == ["admin", "write"]


async def test_what_can_not_be_made_is_told_and_the_rest_is_made(importer: Importer) -> None:
    feedback = await importer.bring_in(
        zipped(
            {
                "bad.url": b"[InternetShortcut]\nURL=javascript:alert(1)\n",
                "none.url": b"x",
                "ok.txt": b"x",
            }
        )
    )
    assert [row["name"] for row in await importer.children()] == ["ok"]
    assert sorted(feedback["errors"], key=lambda error: error["name"]) == [
        {"name": "bad.url", "message": "its URL is not valid"},
        {"name": "none.url", "message": "its URL is not valid"},
    ]


async def test_names_of_any_system_are_understood(importer: Importer) -> None:
    # UTF-8 that does not say so, as some systems write it; and the format's old character set.
    unsaid = bytearray(zipped({"xxxx1.txt": b"x"}))
    unsaid = unsaid.replace(b"xxxx1.txt", "éé1.txt".encode())
    old = zipped({"yyyy2.txt": b"x"}).replace(b"yyyy2", b"t\x82t\x822")
    # That of Windows in Western Europe: the format's own has other signs in these places.
    western = zipped({"yyyyyyyy3.txt": b"x"}).replace(b"yyyyyyyy3", "ÀÊõØåßñ·3".encode("cp850"))
    for archive in (bytes(unsaid), old, western, zipped({"日本\\語.txt": b"x"})):
        await importer.bring_in(archive)
    # What a Mac shows as a slash; no drive.
    await importer.bring_in(zipped({"A:B.txt": b"x"}))
    names = {row["name"] for row in await importer.children()}
    assert names == {"éé1", "tété2", "ÀÊõØåßñ·3", "日本", "A:B"}


async def test_a_name_beside_the_old_one_is_the_right_one(importer: Importer) -> None:
    await importer.bring_in(named_beside(b"???????1.txt", "учебник1.txt"))
    # The file was renamed by a program that knows nothing of the second name.
    await importer.bring_in(named_beside(b"renamed2.txt", "учебник2.txt", checksum_of=b"???????2.txt"))
    assert {row["name"] for row in await importer.children()} == {"учебник1", "renamed2"}


async def test_text_of_any_character_set_is_understood(importer: Importer) -> None:
    french = "Les élèves ont été très appliqués à l'école cette année, même après l'été. " * 5
    await importer.bring_in(
        zipped({"a.txt": french.encode("cp1252"), "b.txt": b"\xef\xbb\xbf" + french.encode()})
    )
    rows = await importer.children()
    assert {row["extra"]["document"]["content"] for row in rows} == {french}


async def test_texts_that_are_no_document_any_more_stay_files(importer: Importer) -> None:
    await importer.bring_in(zipped({"long.txt": b"All work and no play.\n" * 100_000}))
    (row,) = await importer.children()
    assert (row["name"], row["type"], row["extra"]["file"]["size"]) == ("long.txt", "file", 2_200_000)


async def test_statements_do_not_depend_on_the_number_of_items(importer: Importer) -> None:
    counts = []
    for number in (3, 60):
        answer = await importer.send(
            zipped({f"{n // 20}/{n}.{kind}": b"x" for n in range(number) for kind in ("txt", "bin")})
        )
        assert answer.status_code == 202
        with counted(importer.platform.database) as statements:
            await importer.feedback()
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_an_import_that_was_done_is_not_done_again(importer: Importer) -> None:
    await importer.bring_in(zipped({"a.txt": b"x"}))
    assert await importer.run_jobs() == []
    (row,) = await importer.platform.reads.all(select(job).where(job.c.name == "import-zip"))
    assert row["state"] == "succeeded"


async def test_packages_become_playable_items(importer: Importer) -> None:
    archive = zipped({"Course.h5p": package(), "broken.h5p": b"no package", "a.txt": b"x"})
    feedback = await importer.bring_in(archive)
    rows = {row["name"]: row for row in await importer.children()}
    assert {name: row["type"] for name, row in rows.items()} == {"Course": "h5p", "a": "document"}
    assert [error["name"] for error in feedback["errors"]] == ["broken"]
    place = rows["Course"]["extra"]["h5p"]
    packages = importer.platform.packages
    assert await packages.size(f"h5p-content/{place['h5pFilePath']}") == len(package())
    assert await packages.size(f"h5p-content/{place['contentFilePath']}/h5p.json")
    kept = {key.split("/")[1] async for key in packages.list("h5p-content")}
    assert kept == {place["contentId"]}


async def test_packages_take_nothing_of_the_storage_that_a_member_has(
    importer: Importer, factory: Factory
) -> None:
    full = {"file": {"size": importer.platform.settings.max_storage_bytes}}
    await factory.item(type="file", creator=importer.member, extra=full)
    feedback = await importer.bring_in(zipped({"Course.h5p": package()}))
    assert feedback["errors"] == []
    assert [row["type"] for row in await importer.children()] == ["h5p"]


async def test_packages_come_back_from_a_graasp_archive(importer: Importer) -> None:
    await importer.bring_in(zipped({"Course.h5p": package()}))
    exported = await importer.client.post(
        f"/api/items/{importer.folder['id']}/graasp-export", headers=importer.headers
    )
    await importer.bring_in(exported.content)
    (folder,) = [row for row in await importer.children() if row["type"] == "folder"]
    (copy,) = await importer.children(folder)
    (original,) = [row for row in await importer.children() if row["type"] == "h5p"]
    places = [row["extra"]["h5p"] for row in (original, copy)]
    assert places[0]["contentId"] != places[1]["contentId"]
    for place in places:
        assert await importer.platform.packages.size(f"h5p-content/{place['h5pFilePath']}") == len(package())
