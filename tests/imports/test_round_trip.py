"""What is exported can be imported: tree, order, descriptions, settings, bytes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy import select

from graasp.apps.tables import app_setting
from graasp.html import sanitize
from tests.factories import Factory
from tests.imports.archives import element, graasp_archive
from tests.imports.conftest import Importer
from tests.pictures import picture, size_of


async def _store(importer: Importer, key: str, content: bytes) -> None:
    async def chunks() -> Any:
        yield content

    await importer.platform.storage.put(key, chunks(), content_type="text/plain", metadata={})


async def _export(importer: Importer, row: Any) -> bytes:
    answer = await importer.client.post(f"/api/items/{row['id']}/graasp-export", headers=importer.headers)
    assert answer.status_code == 200
    return answer.content


async def _told(importer: Importer, row: Any) -> dict[str, Any]:
    """A tree as somebody who reads it has it."""
    extra = dict(row["extra"])
    told = {name: row[name] for name in ("name", "type", "description", "settings")}
    if row["type"] == "file":
        told["bytes"] = await importer.bytes_of(row)
        extra = {"file": {k: v for k, v in extra["file"].items() if k not in ("path", "name")}}
    children = [await _told(importer, child) for child in await importer.children(row)]
    return told | {"extra": extra, "children": children}


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
html = st.sampled_from(("", "<p>a</p>", "<p class='ql-align-center'>é &amp; ü</p>", "x" * 300)).map(sanitize)
settings = st.fixed_dictionaries(
    {},
    optional={
        "isPinned": st.booleans(),
        "showChatbox": st.booleans(),
        "descriptionPlacement": st.sampled_from(("above", "below")),
        "ccLicenseAdaption": st.sampled_from(("CC BY", None)),
        "maxWidth": st.sampled_from(("xs", "xl")),
    },
)
leaves = st.one_of(
    st.fixed_dictionaries({"type": st.just("file"), "bytes": st.binary(min_size=1, max_size=200)}),
    st.fixed_dictionaries(
        {"type": st.just("document"), "content": html, "flavor": st.sampled_from((None, "info"))}
    ),
    st.fixed_dictionaries({"type": st.just("app")}),
    st.fixed_dictionaries({"type": st.just("embeddedLink")}),
)


def _node(kind: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda base, **more: base | more,
        kind,
        name=names,
        description=st.none() | html,
        settings=settings,
    )


trees = st.recursive(
    _node(leaves),
    lambda below: _node(
        st.fixed_dictionaries({"type": st.just("folder"), "children": st.lists(below, max_size=4)})
    ),
    max_leaves=10,
)


async def _build(importer: Importer, factory: Factory, node: dict[str, Any], parent: Any) -> Any:
    kind = node["type"]
    extra: dict[str, Any] = {kind: {}}
    if kind == "file":
        key = f"files/{UUID(int=hash(node['bytes']) % 2**128)}"
        await _store(importer, key, node["bytes"])
        extra = {
            "file": {
                "name": "n",
                "path": key,
                "mimetype": "application/x-test",
                "size": len(node["bytes"]),
                "content": "",
            }
        }
    elif kind == "document":
        extra = {
            "document": {"content": node["content"]} | ({"flavor": node["flavor"]} if node["flavor"] else {})
        }
    elif kind == "app":
        extra = {"app": {"url": "https://app.example.org/x", "settings": {"a": 1}}}
    elif kind == "embeddedLink":
        extra = {
            "embeddedLink": {
                "url": "https://example.org/",
                "title": "t",
                "description": "",
                "html": "",
                "thumbnails": ["https://example.org/i.png"],
                "icons": [],
            }
        }
    row = await factory.item(
        parent,
        name=node["name"],
        type=kind,
        description=node["description"],
        settings={"hasThumbnail": False} | node["settings"],
        extra=extra,
    )
    for child in node.get("children", ()):
        await _build(importer, factory, child, row)
    return row


@hypothesis.given(tree=trees)
@hypothesis.settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
async def test_a_tree_comes_back_as_it_was(
    importer: Importer, factory: Factory, tree: dict[str, Any]
) -> None:
    source = await factory.owned_item(importer.member)
    importer.folder = await factory.owned_item(importer.member)
    root = await _build(importer, factory, tree, source)
    feedback = await importer.bring_in(await _export(importer, root))
    assert feedback["errors"] == []
    (made,) = await importer.children()
    assert await _told(importer, made) == await _told(importer, root)
    assert made["id"] != root["id"]


@pytest.mark.parametrize("content", [5, None, ["x"]])
async def test_one_malformed_item_keeps_no_archive_from_coming_back(
    importer: Importer, factory: Factory, content: Any
) -> None:
    root = await factory.owned_item(importer.member)
    await factory.item(root, name="odd", type="document", extra={"document": {"content": content}})
    await factory.item(root, name="lost", type="file", extra={"file": {"path": content, "mimetype": content}})
    feedback = await importer.bring_in(await _export(importer, root))
    assert feedback["errors"] == []
    (made,) = await importer.children()
    assert [row["name"] for row in await importer.children(made)] == ["odd"]


async def test_several_items_go_as_a_block_before_what_is_there(importer: Importer, factory: Factory) -> None:
    for number in (1, 2):
        await factory.item(importer.folder, name=f"there {number}", order=number * 0.2)
    await importer.bring_in(graasp_archive([element(name=name) for name in ("a", "b", "c")]))
    assert [row["name"] for row in await importer.children()] == ["a", "b", "c", "there 1", "there 2"]
    orders = [row["order"] for row in await importer.children()]
    assert orders == [20, 40, 60, 80, 100]


async def test_thumbnails_and_settings_of_apps_come_along(importer: Importer, factory: Factory) -> None:
    app = await factory.owned_item(
        importer.member, type="app", extra={"app": {"url": "https://a.example.org"}}
    )
    # Apps may give any name, none at all too.
    await factory.insert(app_setting, item_id=app["id"], creator_id=None, name="", data={"x": [1]})
    upload = {"file": ("x.png", picture(), "image/png")}
    await importer.client.post(f"/api/items/{app['id']}/thumbnails", files=upload, headers=importer.headers)
    await importer.bring_in(await _export(importer, app))
    (made,) = await importer.children()
    assert made["settings"] == {"hasThumbnail": True}
    keys = [key async for key in importer.platform.storage.list(f"thumbnails/{made['id']}")]
    assert len(keys) == 4
    stored = b"".join([c async for c in importer.platform.storage.open(f"thumbnails/{made['id']}/original")])
    assert size_of(stored) == (300, 200)
    rows = await importer.platform.reads.all(select(app_setting))
    old, new = sorted(rows, key=lambda row: row["item_id"] == made["id"])
    assert (new["name"], new["data"], new["creator_id"]) == ("", {"x": [1]}, importer.member["id"])
    assert (new["created_at"], new["updated_at"]) == (old["created_at"], old["updated_at"])


async def test_nothing_that_runs_comes_out_of_an_archive(importer: Importer) -> None:
    page = element("file", name="x.html", mimetype="text/html")
    hostile: Sequence[dict[str, Any]] = [
        element(
            "document",
            name="d",
            description="<img src=x onerror=alert(1)>",
            extra={
                "document": {
                    "content": "<script>1</script><p onclick=x>a</p>",
                    "flavor": "red",
                    "isRaw": True,
                    "path": "k",
                }
            },
        ),
        element(
            "embeddedLink",
            name="l",
            extra={
                "embeddedLink": {
                    "url": "https://example.org",
                    "html": "<script>1</script>",
                    "icons": ["javascript:1", 5],
                }
            },
        ),
        element("embeddedLink", name="bad", extra={"embeddedLink": {"url": "javascript:alert(1)"}}),
        element("app", name="bad app", extra={"app": {"url": "data:text/html,x"}}),
        element("shortcut", name="short"),
        element("page", name="page"),
        element("etherpad", name="pad"),
        element(
            name="f",
            extra={"folder": {"isCapsule": True}, "path": "x"},
            settings={"isPinned": "maybe", "hasThumbnail": True, "odd": 1, "isCollapsible": True},
        ),
        page | {"extra": {"file": {"path": "files/of/another", "size": 0, "altText": "alt"}}},
    ]
    feedback = await importer.bring_in(graasp_archive(hostile, {page["id"]: b"<p>a</p><script>1</script>"}))
    rows = {row["name"]: row for row in await importer.children()}
    assert set(rows) == {"d", "l", "f", "x.html"}
    assert {error["name"] for error in feedback["errors"]} == {"bad", "bad app", "short", "page", "pad"}
    assert rows["d"]["extra"] == {"document": {"content": "<p>a</p>", "isRaw": True}}
    assert rows["d"]["description"] == '<img src="x">'
    link = rows["l"]["extra"]["embeddedLink"]
    assert (link["url"], link["html"], link["icons"]) == ("https://example.org", "", [])
    assert rows["f"]["extra"] == {"folder": {}}
    assert rows["f"]["settings"] == {"hasThumbnail": False, "isCollapsible": True}
    file = rows["x.html"]["extra"]["file"]
    assert (await importer.bytes_of(rows["x.html"]), file["altText"]) == (b"<p>a</p>", "alt")
    assert (file["size"], file["path"] != "files/of/another") == (8, True)


async def test_a_graasp_archive_needs_a_folder(importer: Importer) -> None:
    feedback = await importer.bring_in(graasp_archive([element()]), at_root=True)
    assert "folder" in feedback["errors"][0]["message"]
    assert await importer.roots() == []
    assert await importer.stored() == []
