"""What people leave in apps: who sees it, who changes it, who is told."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from graasp.apps.tables import app_data
from graasp.platform import Platform
from tests.apps.users import User, Users
from tests.conftest import Published
from tests.factories import Factory, Row

NEW: dict[str, Any] = {"type": "answer", "data": {"text": "4", "parts": [1, None]}}
SHOWN = {
    "id",
    "account",
    "item",
    "data",
    "type",
    "visibility",
    "creator",
    "createdAt",
    "updatedAt",
    "member",
}
WHOLE = SHOWN | {"accountId", "itemId", "creatorId"}


@pytest.fixture
async def app_item(factory: Factory) -> Row:
    return await factory.item(type="app", extra={"app": {"url": "https://apps.test"}}, description="d")


def url_of(item: Row, data_id: object = None) -> str:
    path = f"/api/app-items/{item['id']}/app-data"
    return path if data_id is None else f"{path}/{data_id}"


async def put(factory: Factory, item: Row, account: User, creator: User | None = None, **columns: Any) -> Row:
    values = {
        "item_id": item["id"],
        "account_id": account.id,
        "creator_id": (creator or account).id,
        "type": "answer",
        "visibility": "member",
        "data": {},
    }
    return await factory.insert(app_data, **values | columns)


async def rows_of(platform: Platform) -> list[Any]:
    return list(await platform.reads.all(select(app_data)))


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [data["id"] for data in answer.json()]


async def test_admins_see_everything_and_others_what_is_shared_or_about_them(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row
) -> None:
    await factory.visibility(app_item["path"], "public")
    everybody = {
        who: await users.make(app_item, who) for who in ("admin", "write", "read", "guest", "stranger")
    }
    admin = everybody["admin"]
    shared = await put(factory, app_item, admin, visibility="item")
    own = {}
    for who, user in everybody.items():
        own[who] = await put(factory, app_item, user, admin)
        # What one says about somebody else is theirs, not one's own.
        await put(factory, app_item, await users.make(app_item, "read"), user)
    for who, user in everybody.items():
        found = ids(await client.get(url_of(app_item), headers=user.headers))
        if who == "admin":
            assert len(found) == 11
        else:
            assert found == [str(shared["id"]), str(own[who]["id"])], who


async def test_a_list_is_in_order_shows_names_only_and_can_be_of_one_type(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, users: Users, app_item: Row
) -> None:
    reader, admin = await users.make(app_item, "read"), await users.make(app_item, "admin")
    first = await put(factory, app_item, reader, admin, data={"n": 1.5, "ü": ["é", {"x": None}]})
    second = await put(factory, app_item, reader, type="other")
    third = await put(factory, app_item, admin, visibility="item")
    async with platform.unit_of_work() as uow:
        later = update(app_data).where(app_data.c.id == first["id"])
        await uow.execute(later.values(created_at=func.now() + timedelta(minutes=1)))
        gone = update(app_data).where(app_data.c.id == third["id"])
        await uow.execute(gone.values(creator_id=None))

    answer = await client.get(url_of(app_item), headers=reader.headers)
    assert ids(answer) == [str(row["id"]) for row in (second, third, first)]
    told = answer.json()[2]
    assert set(told) == SHOWN
    assert told["account"] == told["member"] == reader.wire
    assert told["creator"] == admin.wire
    assert told["data"] == {"n": 1.5, "ü": ["é", {"x": None}]}
    assert (told["type"], told["visibility"]) == ("answer", "member")
    assert (told["item"]["id"], told["item"]["description"]) == (str(app_item["id"]), "d")
    assert told["createdAt"].endswith("Z")
    assert told["updatedAt"].endswith("Z")
    assert answer.json()[1]["creator"] is None
    assert "@example.org" not in answer.text

    of_type = await client.get(url_of(app_item), params={"type": "other"}, headers=reader.headers)
    assert ids(of_type) == [str(second["id"])]
    of_any = await client.get(url_of(app_item), params={"type": ""}, headers=reader.headers)
    assert len(ids(of_any)) == 3


@pytest.mark.parametrize("who", ["guest", "unvalidated", "stranger", "read"])
async def test_whoever_reads_leaves_something(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row, who: str
) -> None:
    await factory.visibility(app_item["path"], "public")
    user = await users.make(app_item, who)
    answer = await client.post(url_of(app_item), json=NEW | {"id": str(uuid4())}, headers=user.headers)
    assert answer.status_code == 200
    made = answer.json()
    assert set(made) == WHOLE
    assert made["accountId"] == made["creatorId"] == str(user.id)
    assert made["account"] == made["creator"] == made["member"] == user.wire
    assert made["itemId"] == made["item"]["id"] == str(app_item["id"])
    assert "creatorId" not in made["item"]
    assert (made["type"], made["data"], made["visibility"]) == ("answer", NEW["data"], "member")
    assert made["createdAt"].endswith("Z")
    assert "@example.org" not in answer.text
    assert ids(await client.get(url_of(app_item), headers=user.headers)) == [made["id"]]


async def test_it_is_about_whom_the_app_names(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, users: Users, app_item: Row
) -> None:
    reader, other, third = [await users.make(app_item, "read"), *[await factory.member() for _ in range(2)]]
    for subject in (
        {"accountId": str(other["id"])},
        {"memberId": str(other["id"])},
        {"accountId": str(other["id"]), "memberId": str(third["id"])},
    ):
        answer = await client.post(url_of(app_item), json=NEW | subject, headers=reader.headers)
        made = answer.json()
        assert made["account"] == made["member"] == {"id": str(other["id"]), "name": other["name"]}
        assert (made["accountId"], made["creator"]) == (str(other["id"]), reader.wire)
    unknown = await client.post(
        url_of(app_item), json=NEW | {"accountId": str(uuid4())}, headers=reader.headers
    )
    assert (unknown.status_code, unknown.json()["code"]) == (404, "GERR013")
    assert len(await rows_of(platform)) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"type": "answer"},
        {"data": {}},
        NEW | {"type": "ab"},
        NEW | {"type": "a" * 26},
        NEW | {"data": "text"},
        NEW | {"data": []},
        NEW | {"data": None},
        NEW | {"data": {"a": "\0"}},
        NEW | {"data": {"file": {"path": "files/1/2/3"}}},
        NEW | {"data": {"file": None}},
        NEW | {"visibility": "everybody"},
        NEW | {"accountId": "me"},
        NEW | {"memberId": "me"},
    ],
    ids=str,
)
async def test_what_is_no_app_data_is_refused(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, users: Users, app_item: Row, body: Any
) -> None:
    admin = await users.make(app_item, "admin")
    refused = await client.post(url_of(app_item), json=body, headers=admin.headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "FST_ERR_VALIDATION")
    assert await rows_of(platform) == []


@pytest.mark.parametrize("data", ["text", [], None, {"a": "\0"}, {"file": {"path": "files/1/2/3"}}], ids=str)
async def test_nor_does_it_replace_any(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row, data: Any
) -> None:
    admin = await users.make(app_item, "admin")
    row = await put(factory, app_item, admin)
    refused = await client.patch(url_of(app_item, row["id"]), json={"data": data}, headers=admin.headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "FST_ERR_VALIDATION")


async def test_creators_and_writers_replace_what_was_left(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, users: Users, app_item: Row
) -> None:
    everybody = {
        who: await users.make(app_item, who)
        for who in ("creator", "read", "write", "admin")
        if who != "creator"
    }
    creator, subject = await users.make(app_item, "read"), await users.make(app_item, "read")
    row = await put(factory, app_item, subject, creator, data={"old": 1})
    body = {"data": {"new": 2}, "type": "changed", "visibility": "item"}
    url = url_of(app_item, row["id"])
    for user in (subject, everybody["read"]):
        refused = await client.patch(url, json=body, headers=user.headers)
        assert refused.status_code == 403
        assert (refused.json()["code"], refused.json()["data"]) == ("GAERR009", str(row["id"]))
    for user in (creator, everybody["write"], everybody["admin"]):
        answer = await client.patch(url, json=body, headers=user.headers)
        assert answer.status_code == 200
        changed = answer.json()
        assert set(changed) == WHOLE
        assert (changed["data"], changed["type"], changed["visibility"]) == ({"new": 2}, "answer", "member")
        assert (changed["creator"], changed["account"]) == (creator.wire, subject.wire)
        assert changed["updatedAt"] > changed["createdAt"]
    (stored,) = await rows_of(platform)
    assert (stored["data"], stored["creator_id"], stored["type"]) == ({"new": 2}, creator.id, "answer")


@pytest.mark.parametrize(
    "columns", [{"type": "file"}, {"data": {"file": {"path": "files/1/2/3"}}}, {"data": {"file": None}}]
)
async def test_a_file_is_not_replaced(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row, columns: Any
) -> None:
    admin = await users.make(app_item, "admin")
    row = await put(factory, app_item, admin, **columns)
    refused = await client.patch(url_of(app_item, row["id"]), json={"data": {}}, headers=admin.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "GAERR008")
    assert refused.json()["data"] == str(row["id"])


async def test_creators_and_admins_delete_what_was_left(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, users: Users, app_item: Row
) -> None:
    await factory.visibility(app_item["path"], "public")
    creator, subject = await users.make(app_item, "stranger"), await users.make(app_item, "read")
    others = [await users.make(app_item, who) for who in ("stranger", "guest", "read", "write")]
    for visibility in ("member", "item"):
        row = await put(factory, app_item, subject, creator, visibility=visibility)
        for user in (subject, *others):
            refused = await client.delete(url_of(app_item, row["id"]), headers=user.headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "GAERR009")
        assert len(await rows_of(platform)) == 1
        who = creator if visibility == "item" else await users.make(app_item, "admin")
        answer = await client.delete(url_of(app_item, row["id"]), headers=who.headers)
        assert (answer.status_code, answer.text) == (200, str(row["id"]))
        assert answer.headers["content-type"].startswith("text/plain")
        assert await rows_of(platform) == []


async def test_what_was_left_in_another_app_is_not_found(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, users: Users, app_item: Row
) -> None:
    admin = await users.make(app_item, "admin")
    other = await factory.item(type="app")
    await factory.membership(other["path"], admin.id, "admin")
    row = await put(factory, other, admin)
    for data_id in (row["id"], uuid4()):
        for request in (
            client.patch(url_of(app_item, data_id), json={"data": {}}, headers=admin.headers),
            client.delete(url_of(app_item, data_id), headers=admin.headers),
            client.get(f"/api/app-items/app-data/{data_id}/download", headers=admin.headers),
        ):
            answer = await request
            assert (answer.status_code, answer.json()["code"]) == (404, "GAERR004")
            assert answer.json()["data"] == str(data_id)
    # Nor with the token of one app in the path of another.
    for request in (
        client.get(url_of(other), headers=admin.headers),
        client.post(url_of(other), json=NEW, headers=admin.headers),
        client.patch(url_of(other, row["id"]), json={"data": {}}, headers=admin.headers),
        client.delete(url_of(other, row["id"]), headers=admin.headers),
    ):
        answer = await request
        assert (answer.status_code, answer.json()["code"]) == (401, "GAERR003")
    assert [stored["id"] for stored in await rows_of(platform)] == [row["id"]]


async def test_nobody_known_has_no_app_data(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row
) -> None:
    await factory.visibility(app_item["path"], "public")
    row = await put(factory, app_item, await users.make(app_item, "read"), visibility="item")
    headers = users.nobody(app_item)
    for request in (
        client.get(url_of(app_item), headers=headers),
        client.post(url_of(app_item), json=NEW, headers=headers),
        client.patch(url_of(app_item, row["id"]), json={"data": {}}, headers=headers),
        client.delete(url_of(app_item, row["id"]), headers=headers),
        client.post("/api/app-items/app-data/upload", files={"file": b"x"}, headers=headers),
        client.get(f"/api/app-items/app-data/{row['id']}/download", headers=headers),
    ):
        answer = await request
        assert (answer.status_code, answer.json()["code"]) == (401, "GERR027")


async def test_what_is_shared_is_announced_with_its_changes(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row, published: Published
) -> None:
    user = await users.make(app_item, "read")
    body = NEW | {"visibility": "item"}
    made = (await client.post(url_of(app_item), json=body, headers=user.headers)).json()
    change = {"data": {"text": "5"}}
    changed = (await client.patch(url_of(app_item, made["id"]), json=change, headers=user.headers)).json()
    await client.delete(url_of(app_item, made["id"]), headers=user.headers)
    gone = {name: value for name, value in changed.items() if name != "member"}
    assert await published() == [
        ("app-data", str(app_item["id"]), {"kind": "app-data", "op": op, "appData": told})
        for op, told in (("post", made), ("patch", changed), ("delete", gone))
    ]


async def test_what_is_private_or_refused_is_announced_to_nobody(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row, published: Published
) -> None:
    user, other = await users.make(app_item, "read"), await users.make(app_item, "read")
    made = (await client.post(url_of(app_item), json=NEW, headers=user.headers)).json()
    await client.patch(url_of(app_item, made["id"]), json={"data": {}}, headers=user.headers)
    await client.delete(url_of(app_item, made["id"]), headers=user.headers)
    shared = await put(factory, app_item, user, visibility="item")
    await client.patch(url_of(app_item, shared["id"]), json={"data": {}}, headers=other.headers)
    await client.delete(url_of(app_item, shared["id"]), headers=other.headers)
    lost = NEW | {"visibility": "item", "accountId": str(UUID(int=1))}
    await client.post(url_of(app_item), json=lost, headers=user.headers)
    assert await published() == []
