"""Reading items: alone, by folder, by tree, by membership."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
Counter = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
async def anna(factory: Factory) -> Any:
    return await factory.member(name="Anna")


@pytest.fixture
def get(client: httpx.AsyncClient, anna: Any, cookie_for: Cookie) -> Any:
    async def send(path: str, account: Any = anna) -> Any:
        client.cookies.clear()
        headers = cookie_for(account["id"]) if account else {}
        answer = await client.get(f"/api/items{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return send


def _names(found: Any) -> list[str]:
    return [one["name"] for one in found]


# --- one item ----------------------------------------------------------------------------------------


async def test_a_packed_item(get: Any, factory: Factory, anna: Any, count_statements: Counter) -> None:
    top = await factory.item(creator=anna, name="top")
    low = await factory.item(top, creator=anna, name="low", settings={"hasThumbnail": True})
    await factory.membership(top["path"], anna["id"], "write")
    await factory.membership(low["path"], anna["id"], "admin")
    visibilities = {}
    for kind in ("public", "hidden"):
        visibilities[kind] = await factory.visibility(top["path"], kind)
        await factory.visibility(low["path"], kind)
    with count_statements() as statements:
        found = await get(f"/{low['id']}")
    assert len(statements) == 2
    assert set(found) == {
        *("id", "name", "type", "description", "path", "lang", "settings", "extra", "createdAt", "updatedAt"),
        *("creator", "permission", "public", "hidden", "thumbnails"),
    }
    assert found["creator"] == {"id": str(anna["id"]), "name": "Anna"}
    # The highest on the way; the visibilities closest to the root.
    assert found["permission"] == "admin"
    for kind, visibility in visibilities.items():
        assert found[kind]["id"] == str(visibility["id"])
        assert (found[kind]["type"], found[kind]["itemPath"]) == (kind, top["path"])
        assert found[kind]["createdAt"].endswith("Z")
    assert set(found["thumbnails"]) == {"small", "medium"}


async def test_what_a_visitor_sees_of_a_public_item(get: Any, factory: Factory) -> None:
    guest_creator = await factory.item()
    guest = await factory.guest(guest_creator["path"])
    public = await factory.item(creator=guest)
    await factory.visibility(public["path"], "public")
    found = await get(f"/{public['id']}", None)
    assert (found["permission"], found["creator"]) == (None, None)
    assert "thumbnails" not in found
    assert "hidden" not in found


async def test_packages_tell_where_they_are_played_everywhere(get: Any, factory: Factory, anna: Any) -> None:
    folder = await factory.owned_item(anna)
    content = {"contentId": str(uuid4()), "h5pFilePath": "a", "contentFilePath": "b"}
    played = await factory.item(folder, type="h5p", extra={"h5p": content})
    await factory.membership(played["path"], anna["id"], "read")
    lists = (
        await get(f"/{folder['id']}/children"),
        await get(f"/{folder['id']}/descendants"),
        [await get(f"/{played['id']}")],
        (await get("/accessible?types=h5p"))["data"],
    )
    for found in lists:
        url = found[0]["extra"]["h5p"]["integrationUrl"]
        assert url == f"http://localhost:3000/h5p-integration?contentId={content['contentId']}"


# --- children and descendants ------------------------------------------------------------------------


@pytest.fixture
async def course(factory: Factory, anna: Any) -> dict[str, Any]:
    """A folder with hidden parts, administered from above it."""
    above = await factory.owned_item(anna, name="above")
    await factory.visibility(above["path"], "public")
    root = await factory.item(above, name="root")
    items = {"above": above, "root": root}
    items["b"] = await factory.item(
        root, name="b", order=40, type="document", extra={"document": {"content": "x"}}
    )
    items["a"] = await factory.item(root, name="a", order=20)
    items["unordered"] = await factory.item(root, name="unordered", order=None)
    items["hidden"] = await factory.item(root, name="hidden", order=30)
    await factory.visibility(items["hidden"]["path"], "hidden")
    items["app"] = await factory.item(
        items["a"], name="app", type="app", extra={"app": {"url": "https://a.test"}}
    )
    items["secret"] = await factory.item(items["hidden"], name="secret")
    items["recycled"] = await factory.item(root, name="recycled", order=10)
    await factory.item(items["recycled"], name="below recycled")
    await factory.recycle(items["recycled"])
    return items


async def test_children_by_caller(
    get: Any, factory: Factory, course: dict[str, Any], count_statements: Counter
) -> None:
    url = f"/{course['root']['id']}/children"
    with count_statements() as statements:
        assert _names(await get(url)) == ["a", "hidden", "b", "unordered"]
    assert len(statements) == 4
    writer, reader, insider = [await factory.member() for _ in range(3)]
    await factory.membership(course["root"]["path"], writer["id"], "write")
    await factory.membership(course["root"]["path"], reader["id"], "read")
    await factory.membership(course["hidden"]["path"], insider["id"], "write")
    assert _names(await get(url, writer)) == ["a", "hidden", "b", "unordered"]
    for caller in (reader, None):
        assert _names(await get(url, caller)) == ["a", "b", "unordered"]
    assert _names(await get(url, insider)) == ["a", "hidden", "b", "unordered"]
    # What comes from above is told as well.
    first = (await get(url))[0]
    assert (first["permission"], first["public"]["itemPath"]) == ("admin", course["above"]["path"])
    assert _names(await get(f"{url}?types=document")) == ["b"]
    assert _names(await get(f"{url}?types=document&types=folder")) == ["a", "hidden", "b", "unordered"]


async def test_children_of_what_is_no_folder(
    client: httpx.AsyncClient, cookie_for: Cookie, anna: Any, course: dict[str, Any]
) -> None:
    answer = await client.get(f"/api/items/{course['b']['id']}/children", headers=cookie_for(anna["id"]))
    assert (answer.status_code, answer.json()["code"]) == (400, "GERR029")
    assert answer.json()["data"] == str(course["b"]["id"])
    bad = await client.get(
        f"/api/items/{course['root']['id']}/children?types=x", headers=cookie_for(anna["id"])
    )
    assert bad.status_code == 400


async def test_descendants_by_caller(
    get: Any, factory: Factory, course: dict[str, Any], count_statements: Counter
) -> None:
    url = f"/{course['root']['id']}/descendants"
    with count_statements() as statements:
        found = await get(url)
    assert len(statements) == 4
    # Depth-first; what has no order comes first here, as if it were 0.
    assert _names(found) == ["unordered", "a", "app", "hidden", "secret", "b"]
    assert {one["permission"] for one in found} == {"admin"}
    assert _names(await get(f"{url}?showHidden=false")) == ["unordered", "a", "app", "b"]
    reader = await factory.member()
    await factory.membership(course["root"]["path"], reader["id"], "read")
    for caller in (reader, None):
        assert _names(await get(url, caller)) == ["unordered", "a", "app", "b"]
        assert _names(await get(f"{url}?showHidden=true", caller)) == ["unordered", "a", "app", "b"]
    # At any depth, below what is of another kind too.
    assert _names(await get(f"{url}?types=app&types=document")) == ["app", "b"]
    assert await get(f"/{course['b']['id']}/descendants") == []


@pytest.mark.parametrize(
    "columns",
    [
        {"name": 'Ä "quoted" \\ \u2028 <b>\t😀', "description": "<p>é</p>"},
        {"settings": {"isPinned": True, "tags": ["a"]}, "extra": {"folder": {"isCapsule": True}}},
        {"settings": {"hasThumbnail": True}},
        {"settings": {"unknown": 1, "isPinned": True}},
        {"settings": ["malformed"]},
        {"settings": 5},
        {"extra": {"folder": {"unknown": 1, "isCapsule": True}}},
        {"extra": {"folder": {}, "document": {"content": "left over"}}},
        {"extra": {"folder": None}},
        {"extra": {}},
        {"extra": 5},
        {"extra": ["folder"]},
        {"type": "document", "extra": {"document": {"content": "a", "flavor": "info", "isRaw": False}}},
        {"type": "h5p", "extra": {"h5p": {"contentId": "c", "h5pFilePath": "a", "contentFilePath": "b"}}},
        {"type": "page", "extra": {"page": {}}},
        {"created_at": datetime(2020, 1, 2, tzinfo=UTC), "lang": "fr"},
    ],
)
async def test_a_descendant_is_told_as_it_is_alone(
    get: Any, factory: Factory, anna: Any, columns: dict[str, Any]
) -> None:
    root = await factory.owned_item(anna)
    await factory.visibility(root["path"], "public")
    branch = await factory.item(root)
    await factory.visibility(branch["path"], "hidden")
    item = await factory.item(branch, creator=anna, **columns)
    alone = await get(f"/{item['id']}")
    (told,) = (one for one in await get(f"/{root['id']}/descendants") if one["id"] == alone["id"])
    assert list(told) == list(alone)
    for one in (told, alone):
        for name in ("createdAt", "updatedAt"):
            one[name] = datetime.fromisoformat(one[name])
    assert told == alone


async def test_parents_by_caller(get: Any, factory: Factory, course: dict[str, Any]) -> None:
    url = f"/{course['secret']['id']}/parents"
    assert _names(await get(url)) == ["above", "root", "hidden"]
    app = f"/{course['app']['id']}/parents"
    assert _names(await get(app, None)) == ["above", "root", "a"]
    assert await get(f"/{course['above']['id']}/parents") == []
    outer = await factory.item(name="outer")
    inner = await factory.item(outer, name="inner")
    leaf = await factory.item(inner, name="leaf")
    member = await factory.member()
    await factory.membership(leaf["path"], member["id"], "read")
    assert await get(f"/{leaf['id']}/parents", member) == []
    await factory.membership(inner["path"], member["id"], "read")
    assert await get(f"/{leaf['id']}/parents", member) == [
        {"id": str(inner["id"]), "name": "inner", "path": inner["path"]}
    ]


# --- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "found"),
    [
        ([], ["Hunde und Katzen", "Les chiens", "The dogs", "plain"]),
        (["", "  "], ["Hunde und Katzen", "Les chiens", "The dogs", "plain"]),
        (["dog"], ["The dogs"]),
        (["dogs"], ["The dogs"]),
        (["chien"], ["Les chiens"]),
        (["hund"], ["Hunde und Katzen"]),
        # All the words together, or any of them as a part of the name.
        (["barking", "loud"], ["The dogs"]),
        (["barking", "quiet"], []),
        (["ogs", "nothing"], ["The dogs"]),
        (["elephants"], ["plain"]),
        (["photosynthesis"], ["plain file"]),
        (["'; drop table item; --"], []),
        (["a & | ! ( b"], []),
    ],
)
async def test_words_are_found(
    get: Any, factory: Factory, anna: Any, keywords: list[str], found: list[str]
) -> None:
    folder = await factory.owned_item(anna, name="zoo")
    rows = [
        {"name": "The dogs", "description": "They are barking very loudly"},
        {"name": "Les chiens", "lang": "fr"},
        {"name": "Hunde und Katzen", "lang": "de", "description": "Ein Hund"},
        {"name": "plain", "type": "document", "extra": {"document": {"content": "<p>elephant</p>"}}},
    ]
    for number, columns in enumerate(rows):
        await factory.item(folder, order=number + 1, **columns)
    if found == ["plain file"]:
        file = {"file": {"name": "a", "content": "about photosynthesis"}}
        await factory.item(folder, name="plain file", type="file", extra=file)
    answer = await get(f"/{folder['id']}/children?{httpx.QueryParams([('keywords', w) for w in keywords])}")
    assert sorted(_names(answer)) == found


@pytest.mark.parametrize(
    ("reader_lang", "item_lang", "keyword", "is_found"),
    [
        # Many a French item says that it is in English.
        ("fr", "en", "cheval", True),
        ("fr", "de", "cheval", True),
        ("en", "fr", "cheval", True),
        ("en", "en", "cheval", False),
        ("en", "de", "cheval", False),
        ("de", "en", "cheval", False),
        # English words are found by everybody.
        ("fr", "fr", "horses", True),
    ],
)
async def test_words_are_found_in_the_language_of_the_item_and_of_the_reader(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    reader_lang: str,
    item_lang: str,
    keyword: str,
    is_found: bool,
) -> None:
    member = await factory.member(extra={"lang": reader_lang})
    headers = cookie_for(member["id"])
    folder = await factory.owned_item(member, name="zoo")
    columns = {"lang": item_lang, "description": "les chevaux, a horse", "name": "x"}
    await factory.item(folder, **columns)
    await factory.owned_item(member, **columns)
    children = await client.get(f"/api/items/{folder['id']}/children?keywords={keyword}", headers=headers)
    accessible = await client.get(f"/api/items/accessible?keywords={keyword}", headers=headers)
    assert (len(children.json()) == 1, len(accessible.json()["data"]) == 1) == (is_found, is_found)


# --- accessible --------------------------------------------------------------------------------------


@pytest.fixture
async def shelf(factory: Factory, anna: Any) -> dict[str, Any]:
    """What Anna has memberships on."""
    bob = await factory.member(name="Bob")
    shelf: dict[str, Any] = {"bob": bob}
    shelf["top"] = await factory.item(name="b top", creator=bob)
    shelf["below"] = await factory.item(shelf["top"], name="c below", creator=anna)
    shelf["deep"] = await factory.item(shelf["below"], name="d deep", creator=anna, type="app")
    shelf["alone"] = await factory.item(name="a alone", creator=anna, type="document")
    shelf["hidden"] = await factory.item(name="e hidden", creator=None)
    shelf["recycled"] = await factory.item(name="f recycled")
    await factory.item(shelf["top"], name="no membership of its own")
    for name, permission in {
        "top": "read",
        "below": "write",
        "deep": "admin",
        "alone": "admin",
        "hidden": "read",
        "recycled": "admin",
    }.items():
        await factory.membership(shelf[name]["path"], anna["id"], permission)
    await factory.visibility(shelf["hidden"]["path"], "hidden")
    await factory.recycle(shelf["recycled"])
    return shelf


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["a alone", "b top", "e hidden"]),
        ("permissions=read", ["b top", "e hidden"]),
        ("permissions=write", ["c below"]),
        ("permissions=write&permissions=admin", ["a alone", "c below"]),
        ("permissions=admin", ["a alone", "d deep"]),
        ("types=app", ["d deep"]),
        ("types=app&types=document", ["a alone", "d deep"]),
        ("keywords=below", ["c below"]),
        ("keywords=below&permissions=admin", []),
        ("creatorId=ANNA", ["a alone", "c below"]),
        ("creatorId=BOB", ["b top"]),
    ],
)
async def test_filters_of_accessible_items(
    get: Any, anna: Any, shelf: dict[str, Any], query: str, names: list[str], count_statements: Counter
) -> None:
    query = query.replace("ANNA", str(anna["id"])).replace("BOB", str(shelf["bob"]["id"]))
    with count_statements() as statements:
        answer = await get(f"/accessible?{query}")
    assert sorted(_names(answer["data"])) == names
    assert answer["pagination"] == {"page": 1, "pageSize": 10}
    assert len(statements) == 2


async def test_the_permission_of_an_accessible_item_is_the_highest_on_its_path(
    get: Any, factory: Factory, anna: Any
) -> None:
    top = await factory.item()
    low = await factory.item(top, name="low")
    await factory.membership(top["path"], anna["id"], "admin")
    await factory.membership(low["path"], anna["id"], "read")
    answer = await get("/accessible?permissions=read")
    assert [(one["name"], one["permission"]) for one in answer["data"]] == [("low", "admin")]


@pytest.mark.parametrize(
    ("sort", "ascending"),
    [
        ("item.name", ["a", "b", "c"]),
        ("item.type", ["b", "c", "a"]),
        ("item.created_at", ["c", "a", "b"]),
        ("item.updated_at", ["b", "c", "a"]),
        ("item.creator.name", ["c", "b", "a"]),
    ],
)
async def test_sorts_of_accessible_items(
    get: Any, factory: Factory, anna: Any, sort: str, ascending: list[str]
) -> None:
    first, second, third = [await factory.member(name=name) for name in ("A", "B", "C")]
    day = "2026-01-0{}T00:00:00+00:00"
    for name, kind, created, updated, creator in (
        ("a", "folder", 2, 3, third),
        ("b", "app", 3, 1, second),
        ("c", "document", 1, 2, first),
    ):
        row = await factory.item(
            creator=creator,
            name=name,
            type=kind,
            created_at=_moment(day.format(created)),
            updated_at=_moment(day.format(updated)),
        )
        await factory.membership(row["path"], anna["id"], "read")
    for ordering, names in (
        ("asc", ascending),
        ("ASC", ascending),
        ("desc", ascending[::-1]),
        ("DESC", ascending[::-1]),
    ):
        answer = await get(f"/accessible?sortBy={sort}&ordering={ordering}")
        assert _names(answer["data"]) == names, ordering
    assert _names((await get(f"/accessible?sortBy={sort}"))["data"]) == ascending[::-1]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_pages_of_accessible_items_never_overlap(get: Any, factory: Factory, anna: Any) -> None:
    moment = _moment("2026-01-01T00:00:00+00:00")
    for number in range(60):
        row = await factory.item(name=f"{number:02}", updated_at=moment)
        await factory.membership(row["path"], anna["id"], "read")
    pages = [await get(f"/accessible?page={page}&pageSize=25") for page in (1, 2, 3, 4)]
    assert [len(page["data"]) for page in pages] == [25, 25, 10, 0]
    assert len({one["id"] for page in pages for one in page["data"]}) == 60
    # Never more than 50 at once, whatever is asked for; the answer repeats what was.
    large = await get("/accessible?pageSize=1000")
    assert (len(large["data"]), large["pagination"]) == (50, {"page": 1, "pageSize": 1000})


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=1.5",
        "pageSize=0",
        "pageSize=-3",
        "creatorId=x",
        "sortBy=item.path",
        "ordering=up",
        "permissions=own",
        "types=x",
        f"page={10**30}",
        "keywords=a" + "&keywords=a" * 100,
    ],
)
async def test_bad_questions_about_accessible_items(
    client: httpx.AsyncClient, cookie_for: Cookie, anna: Any, query: str
) -> None:
    answer = await client.get(f"/api/items/accessible?{query}", headers=cookie_for(anna["id"]))
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")
