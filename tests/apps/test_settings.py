"""How the admins of an item set up its app."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from graasp.apps.tables import app_setting
from graasp.platform import Platform
from tests.apps.users import User, Users
from tests.conftest import Published
from tests.factories import Factory, Row

NEW: dict[str, Any] = {"name": "colours", "data": {"list": ["red"], "n": 0}}


@pytest.fixture
async def app_item(factory: Factory) -> Row:
    return await factory.item(type="app", extra={"app": {"url": "https://apps.test"}})


def url_of(item: Row, setting_id: object = None) -> str:
    path = f"/api/app-items/{item['id']}/app-settings"
    return path if setting_id is None else f"{path}/{setting_id}"


async def put(factory: Factory, item: Row, creator: User | None = None, **columns: Any) -> Row:
    values = {"item_id": item["id"], "creator_id": creator and creator.id, "name": "colours", "data": {}}
    return await factory.insert(app_setting, **values | columns)


async def test_whoever_reads_sees_the_settings_in_order(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, users: Users, app_item: Row
) -> None:
    admin = await users.make(app_item, "admin")
    first = await put(factory, app_item, admin, data=NEW["data"])
    second = await put(factory, app_item, name="sizes")
    async with platform.unit_of_work() as uow:
        later = update(app_setting).where(app_setting.c.id == first["id"])
        await uow.execute(later.values(created_at=func.now() + timedelta(minutes=1)))
    await factory.visibility(app_item["path"], "public")
    readers = [
        (await users.make(app_item, who)).headers for who in ("guest", "read", "stranger", "unvalidated")
    ]
    for headers in (users.nobody(app_item), *readers):
        answer = await client.get(url_of(app_item), headers=headers)
        assert answer.status_code == 200
        told = answer.json()
        assert [setting["id"] for setting in told] == [str(second["id"]), str(first["id"])]
        assert told[0]["creator"] is None
        for time in ("createdAt", "updatedAt"):
            assert told[1].pop(time).endswith("Z")
        assert told[1] == {"id": str(first["id"]), **NEW, "creator": admin.wire}

    async def named(name: str) -> list[str]:
        answer = await client.get(url_of(app_item), params={"name": name}, headers=admin.headers)
        return [setting["name"] for setting in answer.json()]

    assert await named("sizes") == ["sizes"]
    assert await named("siz") == []
    assert await named("") == ["sizes", "colours"]


async def test_admins_who_are_validated_members_make_change_and_delete_them(
    client: httpx.AsyncClient,
    platform: Platform,
    users: Users,
    app_item: Row,
    published: Published,
) -> None:
    admin = await users.make(app_item, "admin")
    answer = await client.post(url_of(app_item), json=NEW, headers=admin.headers)
    assert answer.status_code == 200
    made = answer.json()
    assert set(made) == {"id", "name", "data", "createdAt", "updatedAt"}
    assert {name: made[name] for name in NEW} == NEW
    bare = {"itemId": str(app_item["id"]), "creatorId": str(admin.id)}

    url = url_of(app_item, made["id"])
    answer = await client.patch(url, json={"data": {"n": 1}, "name": "other"}, headers=admin.headers)
    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["id"], changed["name"], changed["data"]) == (made["id"], "colours", {"n": 1})
    assert changed["updatedAt"] > made["updatedAt"]
    assert changed["createdAt"] == made["createdAt"]

    answer = await client.delete(url, headers=admin.headers)
    assert (answer.status_code, answer.text) == (200, made["id"])
    assert answer.headers["content-type"].startswith("text/plain")
    assert await platform.reads.all(select(app_setting)) == []

    messages = await published()
    assert {(topic, channel) for topic, channel, _ in messages} == {("app-settings", str(app_item["id"]))}
    gone = messages[2][2]["appSetting"]
    assert gone.pop("item")["id"] == str(app_item["id"])
    assert [body for _, _, body in messages] == [
        {"kind": "app-settings", "op": "post", "appSetting": made | bare},
        {"kind": "app-settings", "op": "patch", "appSetting": changed | bare},
        {"kind": "app-settings", "op": "delete", "appSetting": changed | bare | {"creator": admin.wire}},
    ]


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("guest", "GMERR002"),
        ("unvalidated", "GMERR002"),
        ("read", "GERR004"),
        ("write", "GERR004"),
        ("stranger", "GERR016"),
    ],
)
async def test_nobody_else_does(
    client: httpx.AsyncClient,
    factory: Factory,
    users: Users,
    app_item: Row,
    published: Published,
    who: str,
    code: str,
) -> None:
    await factory.visibility(app_item["path"], "public")
    row = await put(factory, app_item)
    user = await users.make(app_item, who)
    for request in (
        client.post(url_of(app_item), json=NEW, headers=user.headers),
        client.patch(url_of(app_item, row["id"]), json={"data": {}}, headers=user.headers),
        client.delete(url_of(app_item, row["id"]), headers=user.headers),
        client.post("/api/app-items/app-settings/upload", files={"file": b"x"}, headers=user.headers),
    ):
        refused = await request
        assert (refused.status_code, refused.json()["code"]) == (403, code)
    assert await factory.count(app_setting) == 1
    assert await published() == []


async def test_nobody_known_only_reads(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row
) -> None:
    await factory.visibility(app_item["path"], "public")
    row = await put(factory, app_item)
    headers = users.nobody(app_item)
    for request in (
        client.post(url_of(app_item), json=NEW, headers=headers),
        client.patch(url_of(app_item, row["id"]), json={"data": {}}, headers=headers),
        client.delete(url_of(app_item, row["id"]), headers=headers),
        client.post("/api/app-items/app-settings/upload", files={"file": b"x"}, headers=headers),
        client.get(f"/api/app-items/app-settings/{row['id']}/download", headers=headers),
    ):
        refused = await request
        assert (refused.status_code, refused.json()["code"]) == (401, "GERR027")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "colours"},
        {"data": {}},
        NEW | {"data": []},
        NEW | {"data": {"file": {"path": "files/1/2/3"}}},
        NEW | {"name": "é" * 1251},
    ],
    ids=lambda body: str(body)[:60],
)
async def test_what_is_no_setting_is_refused(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row, body: Any
) -> None:
    admin = await users.make(app_item, "admin")
    refused = await client.post(url_of(app_item), json=body, headers=admin.headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "FST_ERR_VALIDATION")
    assert await factory.count(app_setting) == 0


async def test_a_name_is_anything_else(client: httpx.AsyncClient, users: Users, app_item: Row) -> None:
    admin = await users.make(app_item, "admin")
    # Letters that do not compress.
    for name in ("", "colours", "colours", "".join(uuid4().hex for _ in range(78))):
        answer = await client.post(url_of(app_item), json=NEW | {"name": name}, headers=admin.headers)
        assert (answer.status_code, answer.json()["name"]) == (200, name)


async def test_a_file_is_not_replaced(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row
) -> None:
    admin = await users.make(app_item, "admin")
    row = await put(factory, app_item, data={"file": {"path": "x"}})
    url = url_of(app_item, row["id"])
    refused = await client.patch(url, json={"data": {}}, headers=admin.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "GAERR009")
    assert refused.json()["message"] == "PREVENT_APP_SETTING_FILE_UPDATE"
    refused = await client.patch(url, json={"data": {"file": {"path": "y"}}}, headers=admin.headers)
    assert refused.status_code == 400


async def test_the_settings_of_another_app_are_not_found(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row
) -> None:
    admin = await users.make(app_item, "admin")
    other = await factory.item(type="app")
    await factory.membership(other["path"], admin.id, "admin")
    row = await put(factory, other)
    for setting_id in (row["id"], uuid4()):
        for request in (
            client.patch(url_of(app_item, setting_id), json={"data": {}}, headers=admin.headers),
            client.delete(url_of(app_item, setting_id), headers=admin.headers),
            client.get(f"/api/app-items/app-settings/{setting_id}/download", headers=admin.headers),
        ):
            answer = await request
            assert (answer.status_code, answer.json()["code"]) == (404, "GAERR007")
            assert answer.json()["data"] == str(setting_id)
    for request in (
        client.get(url_of(other), headers=admin.headers),
        client.post(url_of(other), json=NEW, headers=admin.headers),
        client.patch(url_of(other, row["id"]), json={"data": {}}, headers=admin.headers),
        client.delete(url_of(other, row["id"]), headers=admin.headers),
    ):
        answer = await request
        assert (answer.status_code, answer.json()["code"]) == (401, "GAERR003")
    assert await factory.count(app_setting) == 1
