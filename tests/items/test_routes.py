"""The item tree over HTTP."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
Counter = Callable[[], AbstractContextManager[list[str]]]


async def test_a_validated_member_creates_a_folder_and_administers_it(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    anna = await factory.member(extra={"lang": "fr"})
    answer = await client.post("/api/items/folders", json={"name": "Course"}, headers=cookie_for(anna["id"]))
    assert answer.status_code == 200, answer.text
    folder = answer.json()
    assert folder["type"] == "folder"
    assert folder["extra"] == {"folder": {}}
    assert folder["settings"] == {"hasThumbnail": False}
    assert folder["lang"] == "fr"
    read = (await client.get(f"/api/items/{folder['id']}", headers=cookie_for(anna["id"]))).json()
    assert read["permission"] == "admin"
    assert read["creator"] == {"id": str(anna["id"]), "name": anna["name"]}


@pytest.mark.parametrize(
    ("caller", "status", "code"),
    [
        ("nobody", 401, None),
        ("guest", 403, "GMERR002"),
        ("unvalidated", 403, "GMERR002"),
        ("stranger", 403, "GERR016"),
        ("reader", 403, "GERR003"),
        ("writer", 200, None),
        ("admin", 200, None),
    ],
)
async def test_who_may_create_in_a_folder(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    caller: str,
    status: int,
    code: str | None,
) -> None:
    owner = await factory.member()
    folder = await factory.owned_item(owner)
    headers = await _headers(factory, cookie_for, folder, caller)
    answer = await client.post(
        f"/api/items/folders?parentId={folder['id']}", json={"name": "below"}, headers=headers
    )
    assert answer.status_code == status
    if status == 401:
        assert answer.text == "Unauthorized"
        assert answer.headers["content-type"].startswith("text/plain")
    if code:
        assert answer.json()["code"] == code


async def _headers(factory: Factory, cookie_for: Cookie, item: Any, caller: str) -> dict[str, str]:
    if caller == "nobody":
        return {}
    if caller == "guest":
        return cookie_for((await factory.guest(item["path"]))["id"])
    member = await factory.member(is_validated=caller != "unvalidated")
    permission = {"reader": "read", "writer": "write", "admin": "admin", "unvalidated": "admin"}.get(caller)
    if permission:
        await factory.membership(item["path"], member["id"], permission)
    return cookie_for(member["id"])


@pytest.mark.parametrize(
    ("best", "visibility", "status"),
    [
        (None, (), 403),
        (None, ("public",), 200),
        (None, ("hidden",), 403),
        (None, ("public", "hidden"), 403),
        ("read", (), 200),
        ("read", ("public",), 200),
        ("read", ("hidden",), 403),
        ("read", ("public", "hidden"), 403),
        ("write", ("hidden",), 200),
        ("admin", ("public", "hidden"), 200),
    ],
)
async def test_reading_follows_memberships_and_visibilities_of_the_path(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    best: str | None,
    visibility: tuple[str, ...],
    status: int,
) -> None:
    parent = await factory.item()
    child = await factory.item(parent, type="document", extra={"document": {"content": "<p>a</p>"}})
    member = await factory.member()
    if best:
        await factory.membership(parent["path"], member["id"], best)
    for kind in visibility:
        await factory.visibility(parent["path"], kind)
    answer = await client.get(f"/api/items/{child['id']}", headers=cookie_for(member["id"]))
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["permission"] == best
        assert ("public" in answer.json()) == ("public" in visibility)
    else:
        assert answer.json() == {
            "name": "MEMBER_CANNOT_ACCESS",
            "code": "GERR016",
            "message": "MEMBER_CANNOT_ACCESS",
            "statusCode": 403,
            "data": str(child["id"]),
            "origin": "core",
        }


async def test_a_recycled_item_is_not_found(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    await factory.recycle(item)
    answer = await client.get(f"/api/items/{item['id']}", headers=cookie_for(owner["id"]))
    assert answer.status_code == 404
    assert answer.json() == {
        "message": f"ITEM_NOT_FOUND {item['id']}",
        "name": "FastifyError",
        "code": "GERR001",
        "statusCode": 404,
    }


async def test_invalid_input_is_told_before_who_is_asking(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/items/folders", json={"name": ""})
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "body/name must NOT have fewer than 1 characters",
        "name": "Error",
        "code": "FST_ERR_VALIDATION",
        "statusCode": 400,
    }
    answer = await client.get("/api/items/not-an-id")
    assert answer.json()["message"] == 'params/id must match format "uuid"'


async def test_children_come_in_their_order_and_new_ones_go_where_they_are_put(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    folder = await factory.owned_item(owner)
    headers = cookie_for(owner["id"])

    async def create(name: str, previous: str | None = None) -> str:
        query = f"?parentId={folder['id']}" + (f"&previousItemId={previous}" if previous else "")
        answer = await client.post(f"/api/items/folders{query}", json={"name": name}, headers=headers)
        return str(answer.json()["id"])

    async def names() -> list[str]:
        answer = await client.get(f"/api/items/{folder['id']}/children", headers=headers)
        return [child["name"] for child in answer.json()]

    a = await create("a")
    b = await create("b", a)
    await create("first")
    await create("between", a)
    await create("last", str(uuid4()))
    assert await names() == ["first", "a", "between", "b", "last"]
    moved = await client.patch(f"/api/items/{b}/reorder", json={}, headers=headers)
    assert moved.status_code == 200
    assert await names() == ["b", "first", "a", "between", "last"]


async def test_descendants_come_depth_first_without_what_is_hidden_from_readers(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, count_statements: Counter
) -> None:
    owner, reader = await factory.member(), await factory.member()
    root = await factory.owned_item(owner, name="root")
    await factory.membership(root["path"], reader["id"], "read")
    first = await factory.item(root, name="first")
    second = await factory.item(root, name="second")
    await factory.item(first, name="below first", type="app", extra={"app": {"url": "https://app.test"}})
    hidden = await factory.item(second, name="hidden")
    await factory.item(hidden, name="below hidden", type="app", extra={"app": {"url": "https://app.test"}})
    await factory.visibility(hidden["path"], "hidden")

    async def names(account: Any, query: str = "") -> list[str]:
        answer = await client.get(
            f"/api/items/{root['id']}/descendants{query}", headers=cookie_for(account["id"])
        )
        return [item["name"] for item in answer.json()]

    assert await names(owner) == ["first", "below first", "second", "hidden", "below hidden"]
    assert await names(owner, "?types=app") == ["below first", "below hidden"]
    assert await names(owner, "?showHidden=false") == ["first", "below first", "second"]
    with count_statements() as statements:
        assert await names(reader) == ["first", "below first", "second"]
    assert len(statements) == 4


async def test_parents_are_those_the_caller_may_see(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    top = await factory.item(name="top")
    middle = await factory.item(top, name="middle")
    low = await factory.item(middle, name="low")
    await factory.membership(middle["path"], member["id"], "read")
    answer = await client.get(f"/api/items/{low['id']}/parents", headers=cookie_for(member["id"]))
    assert answer.json() == [{"id": str(middle["id"]), "name": "middle", "path": middle["path"]}]


async def test_accessible_lists_the_topmost_items_with_a_membership_of_their_own(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, count_statements: Counter
) -> None:
    member = await factory.member()
    top = await factory.item(name="Dogs of the world")
    below = await factory.item(top, name="Cats")
    other = await factory.item(name="Birds", description="They sing")
    for item, permission in ((top, "read"), (below, "admin"), (other, "write")):
        await factory.membership(item["path"], member["id"], permission)

    async def names(query: str) -> list[str]:
        answer = await client.get(f"/api/items/accessible?{query}", headers=cookie_for(member["id"]))
        assert answer.status_code == 200, answer.text
        return sorted(item["name"] for item in answer.json()["data"])

    with count_statements() as statements:
        assert await names("") == ["Birds", "Dogs of the world"]
    assert len(statements) == 2
    assert await names("permissions=admin") == ["Cats"]
    assert await names("keywords=ats") == ["Cats"]
    assert await names("keywords=singing") == ["Birds"]
    assert await names("sortBy=item.name&ordering=ASC&pageSize=1") == ["Birds"]
    assert await names("page=3") == []
    for query in ("page=0", "pageSize=0", "creatorId=x", "sortBy=item.path"):
        answer = await client.get(f"/api/items/accessible?{query}", headers=cookie_for(member["id"]))
        assert answer.status_code == 400, query


async def test_html_that_runs_is_never_stored(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    headers = cookie_for(owner["id"])
    body = {
        "name": "page",
        "content": '<p class="ql-align-right" onclick="x()">text</p><script>x()</script>',
        "description": "<img src=x onerror=x()><b>bold</b>",
    }
    created = (await client.post("/api/items/documents", json=body, headers=headers)).json()
    assert created["extra"]["document"]["content"] == '<p class="ql-align-right">text</p>'
    assert created["description"] == '<img src="x"><b>bold</b>'
    change = {"extra": {"document": {"content": '<a href="javascript:x()">a</a>', "hacked": 1}}}
    updated = (await client.patch(f"/api/items/{created['id']}", json=change, headers=headers)).json()
    assert updated["extra"] == {"document": {"content": "<a>a</a>"}}


async def test_an_update_touches_only_what_it_names(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    file = {"name": "a.png", "path": "files/1/2/3", "mimetype": "image/png", "size": 3}
    item = await factory.owned_item(owner, type="file", name="a", description="d", extra={"file": file})
    headers = cookie_for(owner["id"])
    change = {"settings": {"isPinned": True}, "extra": {"file": {"altText": "alt", "path": "secrets"}}}
    updated = (await client.patch(f"/api/items/{item['id']}", json=change, headers=headers)).json()
    assert updated["extra"]["file"] == file | {"altText": "alt"}
    assert updated["settings"] == {"hasThumbnail": False, "isPinned": True}
    assert updated["description"] == "d"
    cleared = await client.patch(f"/api/items/{item['id']}", json={"description": None}, headers=headers)
    assert cleared.json()["description"] in (None, "")
    nothing = await client.patch(f"/api/items/{item['id']}", json={"unknown": 1}, headers=headers)
    assert (nothing.status_code, nothing.json()["code"]) == (400, "GERR036")


async def test_a_malformed_stored_item_never_breaks_a_list(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    folder = await factory.owned_item(owner)
    await factory.item(folder, type="document", extra={})
    await factory.item(
        folder, type="file", extra={"file": "nonsense"}, settings={"unknown": 1, "isPinned": True}
    )
    answer = await client.get(f"/api/items/{folder['id']}/children", headers=cookie_for(owner["id"]))
    assert answer.status_code == 200
    assert [child["extra"] for child in answer.json()] == [{"document": {}}, {"file": {}}]


async def test_limits_of_the_tree_hold(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    deepest = await factory.owned_item(owner)
    for _ in range(14):
        deepest = await factory.item(deepest)
    headers = cookie_for(owner["id"])
    deep = await client.post(
        f"/api/items/folders?parentId={deepest['id']}", json={"name": "x"}, headers=headers
    )
    assert deep.json()["code"] == "GERR009"
    full = await factory.owned_item(owner)
    for _ in range(100):
        await factory.item(full)
    many = await client.post(f"/api/items/folders?parentId={full['id']}", json={"name": "x"}, headers=headers)
    assert many.json()["code"] == "GERR010"
    document = await factory.owned_item(owner, type="document", extra={"document": {"content": "x"}})
    wrong = await client.post(
        f"/api/items/folders?parentId={document['id']}", json={"name": "x"}, headers=headers
    )
    assert (wrong.status_code, wrong.json()["code"]) == (400, "GERR029")
