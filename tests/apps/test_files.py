"""Files in apps, of people and of settings, on disk and in a bucket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import redis
from fastapi import FastAPI
from sqlalchemy import delete, select

from graasp.apps.tables import app_data, app_setting, app_upload
from graasp.items.tables import item
from graasp.platform import Platform
from graasp.settings import Settings
from graasp.storage.local import LocalStorage
from tests.apps.users import User, Users
from tests.conftest import Published, RunJobs
from tests.factories import Factory, Row

MIB = 1024 * 1024
AREAS = {"app-data": app_data, "app-settings": app_setting}


@pytest.fixture(params=["local", "s3"])
def settings(request: pytest.FixtureRequest, make_settings: Any) -> Settings:
    limits = {"max_upload_file_bytes": 9 * MIB, "max_app_storage_bytes": 15 * MIB, "max_storage_bytes": 1}
    found: Settings = request.getfixturevalue("s3_settings") if request.param == "s3" else make_settings()
    return found.model_copy(update=limits)


@pytest.fixture(params=list(AREAS))
def area(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def app_item(factory: Factory) -> Row:
    return await factory.item(type="app", extra={"app": {"url": "https://apps.test"}})


@pytest.fixture
async def admin(users: Users, app_item: Row) -> User:
    return await users.make(app_item, "admin")


@pytest.fixture
def upload(client: httpx.AsyncClient) -> Callable[..., Awaitable[httpx.Response]]:
    async def post(
        area: str,
        user: User,
        content: bytes = b"text",
        name: str = "a.txt",
        kind: str = "text/plain",
        **options: Any,
    ) -> httpx.Response:
        options = {"files": {"file": (name, content, kind)}} | options
        return await client.post(f"/api/app-items/{area}/upload", headers=user.headers, **options)

    return post


def prefix_of(area: str, app_item: Row) -> str:
    return f"apps/{area.removesuffix('s')}/{app_item['id']}"


async def stored(platform: Platform, app_item: Row) -> list[str]:
    return [key for area in AREAS async for key in platform.storage.list(prefix_of(area, app_item))]


async def content_of(platform: Platform, key: str) -> bytes:
    return b"".join([chunk async for chunk in platform.storage.open(key)])


async def put_object(platform: Platform, key: str, content: bytes = b"bytes") -> str:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    await platform.storage.put(key, chunks(), content_type="text/plain", metadata={})
    return key


async def put_row(factory: Factory, area: str, app_item: Row, user: User, path: str, **columns: Any) -> Row:
    """As another server has left it."""
    file = {"file": {"path": path, "name": "a.txt", "mimetype": "text/plain"}}
    values: dict[str, Any] = {"item_id": app_item["id"], "creator_id": user.id, "data": file}
    if area == "app-data":
        values |= {"account_id": user.id, "type": "file", "visibility": "member"}
    else:
        values |= {"name": "file"}
    return await factory.insert(AREAS[area], **values | columns)


async def followed(client: httpx.AsyncClient, url: str) -> httpx.Response:
    if url.startswith("http://127.0.0.1:3000/"):
        return await client.get(url)
    async with httpx.AsyncClient() as browser:
        return await browser.get(url)


async def download(client: httpx.AsyncClient, area: str, user: User, row_id: object) -> httpx.Response:
    url = f"/api/app-items/{area}/{row_id}/download"
    return await client.get(url, params={"replyUrl": "true"}, headers=user.headers)


async def test_a_file_is_kept_and_comes_back_through_a_link(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    users: Users,
    app_item: Row,
    admin: User,
    published: Published,
    area: str,
    upload: Any,
) -> None:
    content = b"0123456789abcdef" * 65536 * 8
    answer = await upload(area, admin, content, "été/plan.bin", "application/x-plan; version=1")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    (key,) = await stored(platform, app_item)
    assert key == f"{prefix_of(area, app_item)}/{told['id']}"
    assert told["data"] == {"file": {"name": "plan.bin", "path": key, "mimetype": "application/x-plan"}}
    object_ = await platform.storage.describe(key)
    assert object_ is not None
    assert (object_.size, object_.content_type) == (len(content), "application/x-plan")
    assert object_.metadata == {"member": str(admin.id)}
    (row,) = await platform.reads.all(select(AREAS[area]))
    assert (row["data"], row["creator_id"], row["item_id"]) == (told["data"], admin.id, app_item["id"])
    if area == "app-data":
        assert (row["type"], row["visibility"], row["account_id"]) == ("file", "member", admin.id)
        assert told["member"] == told["account"] == told["creator"] == admin.wire
        assert "accountId" not in told
        assert await published() == []
    else:
        assert row["name"] == told["name"] == "file"
        assert set(told) == {"id", "name", "data", "createdAt", "updatedAt"}
        bare = told | {"itemId": str(app_item["id"]), "creatorId": str(admin.id)}
        message = {"kind": "app-settings", "op": "post", "appSetting": bare}
        assert await published() == [("app-settings", str(app_item["id"]), message)]

    answer = await download(client, area, admin, told["id"])
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert (await followed(client, answer.text)).content == content


async def test_a_link_is_not_kept_for_longer_than_it_lives(
    client: httpx.AsyncClient, platform: Platform, app_item: Row, admin: User, upload: Any, redis_url: str
) -> None:
    made = (await upload("app-data", admin)).json()
    first, again = [(await download(client, "app-data", admin, made["id"])).text for _ in range(2)]
    assert first == again
    with redis.from_url(redis_url) as connection:
        name = f"file_service_url_caching:{made['data']['file']['path']}"
        assert 0 < connection.ttl(name) <= 3000
        await client.delete(f"/api/app-items/{app_item['id']}/app-data/{made['id']}", headers=admin.headers)
        assert not connection.exists(name)
    assert await stored(platform, app_item) == []


async def test_what_a_browser_could_run_is_made_harmless(
    client: httpx.AsyncClient, platform: Platform, app_item: Row, admin: User, area: str, upload: Any
) -> None:
    page = b"<h1 onclick='x()'>Plan</h1><script>steal()</script>"
    made = (await upload(area, admin, page, "a.html", "text/html")).json()
    assert await content_of(platform, made["data"]["file"]["path"]) == b"<h1>Plan</h1>"
    # Markup that says it is a picture is none.
    hidden = (
        await upload(area, admin, b"<!DOCTYPE html><p>x<script>1</script>", "a.png", "image/png")
    ).json()
    assert hidden["data"]["file"]["mimetype"] == "text/html"
    assert b"script" not in await content_of(platform, hidden["data"]["file"]["path"])
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"
    for name, kind in (("a.svg", "image/svg+xml"), ("b.png", "image/png")):
        made = (await upload(area, admin, svg, name, kind)).json()
        assert made["data"]["file"]["mimetype"] == "image/svg+xml"
        answer = await followed(client, (await download(client, area, admin, made["id"])).text)
        assert answer.headers["content-disposition"].startswith("attachment")


async def test_a_setting_is_called_as_the_form_says(
    client: httpx.AsyncClient, app_item: Row, admin: User, upload: Any
) -> None:
    for name, expected in (("plan", "plan"), ("é" * 600, "é" * 500), ("", "file"), ("a\0b", "ab")):
        answer = await upload("app-settings", admin, data={"name": name, "other": "x"})
        assert (answer.status_code, answer.json()["name"]) == (200, expected)
    # Whichever comes first, the file or its name.
    parts = [("file", ("a.txt", b"text", "text/plain")), ("name", (None, b"after"))]
    assert (await upload("app-settings", admin, files=parts)).json()["name"] == "after"
    two = [("one", ("1.txt", b"1", "text/plain")), ("two", ("2.txt", b"2", "text/plain"))]
    assert (await upload("app-settings", admin, files=two)).json()["data"]["file"]["name"] == "1.txt"


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"content": b"a" * (9 * MIB + 1)}, (413, "FST_REQ_FILE_TOO_LARGE")),
        ({"content": b""}, (400, "GPFERR008")),
        ({"files": {"name": (None, b"x")}}, (400, "GPFERR008")),
        ({"data": {f"field{n}": "x" for n in range(6)}}, (413, "FST_FIELDS_LIMIT")),
        (
            {"files": [("file", ("a", b"x", "text/plain")), *[("f", (None, b"x"))] * 6]},
            (413, "FST_FIELDS_LIMIT"),
        ),
        ({"data": {"name": "x" * (MIB + 1)}}, (413, "FST_ERR_CTP_BODY_TOO_LARGE")),
        ({"files": None, "json": {"data": {}}}, (406, "FST_INVALID_MULTIPART_CONTENT_TYPE")),
        ({"files": None}, (406, "FST_INVALID_MULTIPART_CONTENT_TYPE")),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_what_is_refused_leaves_nothing_behind(
    platform: Platform,
    factory: Factory,
    app_item: Row,
    admin: User,
    area: str,
    upload: Any,
    options: dict[str, Any],
    refusal: tuple[int, str],
) -> None:
    answer = await upload(area, admin, **options)
    assert (answer.status_code, answer.json()["code"]) == refusal
    assert await stored(platform, app_item) == []
    for table in (app_data, app_setting, app_upload):
        assert await factory.count(table) == 0


async def test_a_form_that_breaks_off_leaves_nothing_behind(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, app_item: Row, admin: User, area: str
) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ntext\r\n'
    # Within the file, and after it.
    for body in (
        part[:-6],
        part + b"--b\r\n",
        part + b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nx',
    ):
        answer = await client.post(
            f"/api/app-items/{area}/upload",
            content=body,
            headers=admin.headers | {"Content-Type": "multipart/form-data; boundary=b"},
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")
    assert await stored(platform, app_item) == []
    assert await factory.count(AREAS[area]) == 0


async def test_what_storage_does_not_take_has_no_row(
    platform: Platform,
    app: FastAPI,
    factory: Factory,
    admin: User,
    area: str,
    upload: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_: Any, **__: Any) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(type(app.state.platform.storage), "put", refuse)
    answer = await upload(area, admin)
    assert (answer.status_code, answer.json()["code"]) == (500, "GPFERR010")
    assert await factory.count(AREAS[area]) == 0
    assert await factory.count(app_upload) == 0


async def test_a_file_whose_app_goes_meanwhile_goes_with_it(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, app_item: Row, admin: User, area: str
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ntext'
        async with platform.unit_of_work() as uow:
            await uow.execute(delete(item).where(item.c.id == app_item["id"]))
        yield b"\r\n--b--\r\n"

    answer = await client.post(
        f"/api/app-items/{area}/upload",
        content=body(),
        headers=admin.headers | {"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "GERR001")
    assert await stored(platform, app_item) == []


async def test_everybody_has_an_allowance_that_nobody_else_uses_up(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    users: Users,
    app_item: Row,
    admin: User,
    upload: Any,
) -> None:
    # Files of items are counted apart: they take more than there is.
    await factory.item(type="file", creator={"id": admin.id}, extra={"file": {"size": 10**12}})
    first = await upload("app-data", admin, b"a" * 8 * MIB)
    second = await upload("app-settings", admin, b"a" * 6 * MIB)
    assert (first.status_code, second.status_code) == (200, 200)
    refused = await upload("app-data", admin, b"a" * 2 * MIB)
    assert (refused.status_code, refused.json()["code"]) == (507, "GPFERR009")
    assert len(await stored(platform, app_item)) == 2
    guest = await users.make(app_item, "guest")
    assert (await upload("app-data", guest, b"a" * 8 * MIB)).status_code == 200
    for area, made in (("app-data", first), ("app-settings", second)):
        url = f"/api/app-items/{app_item['id']}/{area}/{made.json()['id']}"
        assert (await client.delete(url, headers=admin.headers)).status_code == 200
    assert (await upload("app-data", admin, b"a" * 9 * MIB)).status_code == 200


async def test_uploads_at_the_same_time_share_one_allowance(
    platform: Platform, app_item: Row, admin: User, upload: Any
) -> None:
    answers = await asyncio.gather(*(upload("app-data", admin, b"a" * 6 * MIB) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 507, 507]
    assert len(await stored(platform, app_item)) == 2


@pytest.mark.parametrize("who", ["guest", "unvalidated", "stranger", "read"])
async def test_whoever_reads_hands_in_files(
    client: httpx.AsyncClient, factory: Factory, users: Users, app_item: Row, upload: Any, who: str
) -> None:
    await factory.visibility(app_item["path"], "public")
    user = await users.make(app_item, who)
    made = await upload("app-data", user)
    assert made.status_code == 200
    assert (await download(client, "app-data", user, made.json()["id"])).status_code == 200


async def test_a_file_is_for_those_who_see_it_in_the_list(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, users: Users, app_item: Row, upload: Any
) -> None:
    await factory.visibility(app_item["path"], "public")
    owner = await users.make(app_item, "read")
    made = (await upload("app-data", owner)).json()
    shared_id = uuid4()
    key = await put_object(platform, f"apps/app-data/{app_item['id']}/{shared_id}")
    await put_row(factory, "app-data", app_item, owner, key, id=shared_id, visibility="item")
    # The creator of what is about somebody else is not whom it is for.
    about_id = uuid4()
    about_key = await put_object(platform, f"apps/app-data/{app_item['id']}/{about_id}")
    creator = await users.make(app_item, "read")
    await put_row(
        factory,
        "app-data",
        app_item,
        owner,
        about_key,
        id=about_id,
        account_id=owner.id,
        creator_id=creator.id,
    )
    for who in ("guest", "stranger", "read", "write"):
        user = creator if who == "read" else await users.make(app_item, who)
        assert (await download(client, "app-data", user, shared_id)).status_code == 200
        for private in (made["id"], about_id):
            refused = await download(client, "app-data", user, private)
            assert (refused.status_code, refused.json()["code"]) == (403, "GAERR005")
            assert refused.json()["data"] == {"appDataId": str(private), "accountId": str(user.id)}
    for user in (owner, await users.make(app_item, "admin")):
        for one in (made["id"], shared_id, about_id):
            assert (await download(client, "app-data", user, one)).status_code == 200


async def test_whoever_reads_downloads_the_files_of_settings(
    client: httpx.AsyncClient, users: Users, app_item: Row, admin: User, upload: Any
) -> None:
    made = (await upload("app-settings", admin)).json()
    for who in ("guest", "read"):
        user = await users.make(app_item, who)
        answer = await download(client, "app-settings", user, made["id"])
        assert (await followed(client, answer.text)).content == b"text"
    stranger = await users.make(app_item, "stranger")
    refused = await download(client, "app-settings", stranger, made["id"])
    assert (refused.status_code, refused.json()["code"]) == (403, "GERR016")


async def test_what_is_no_file_has_no_link(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, app_item: Row, admin: User, area: str
) -> None:
    row = await put_row(factory, area, app_item, admin, "", data={"text": "x"})
    refused = await download(client, area, admin, row["id"])
    assert (refused.status_code, refused.json()["code"]) == (400, "GAERR010")
    kind = "data" if area == "app-data" else "setting"
    assert refused.json()["message"] == f"App {kind} is not a file"
    assert refused.json()["data"] == str(row["id"])


async def test_a_forged_path_leads_nowhere(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, app_item: Row, admin: User, area: str
) -> None:
    others = await factory.item(type="app")
    somebody = await factory.member()
    theirs = await factory.insert(app_setting, item_id=others["id"], name="n", creator_id=somebody["id"])
    answer = await factory.insert(
        app_data, item_id=others["id"], account_id=somebody["id"], type="file", visibility="member"
    )
    keys = [
        await put_object(platform, key)
        for key in (
            f"files/1/2/3-{uuid4()}",
            f"apps/app-setting/{others['id']}/{theirs['id']}",
            f"apps/app-data/{others['id']}/{answer['id']}",
            f"apps/app-data/{app_item['id']}/{answer['id']}",
        )
    ]
    for path in (*keys, "../../etc/passwd", "", f"apps/app-setting/{UUID(int=0)}/{'-' * 36}"):
        row = await put_row(factory, area, app_item, admin, path)
        refused = await download(client, area, admin, row["id"])
        assert (refused.status_code, refused.json()["code"]) == (400, "GAERR010"), path
        url = f"/api/app-items/{app_item['id']}/{area}/{row['id']}"
        assert (await client.delete(url, headers=admin.headers)).status_code == 200
    for key in keys:
        assert await platform.storage.size(key) is not None, key
    await platform.storage.delete(*keys)


async def test_what_another_server_has_left_is_a_file_too(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, app_item: Row, admin: User, area: str
) -> None:
    row_id = uuid4()
    key = await put_object(platform, f"{prefix_of(area, app_item)}/{row_id}", b"old")
    await put_row(factory, area, app_item, admin, key, id=row_id)
    answer = await download(client, area, admin, row_id)
    assert (await followed(client, answer.text)).content == b"old"
    url = f"/api/app-items/{app_item['id']}/{area}/{row_id}"
    assert (await client.delete(url, headers=admin.headers)).status_code == 200
    assert await stored(platform, app_item) == []


async def test_a_file_that_storage_has_lost_is_not_found(
    client: httpx.AsyncClient, platform: Platform, app_item: Row, admin: User, area: str, upload: Any
) -> None:
    made = (await upload(area, admin)).json()
    key = made["data"]["file"]["path"]
    await platform.storage.delete(key)
    answer = await download(client, area, admin, made["id"])
    code = "GPFERR006" if isinstance(platform.storage, LocalStorage) else "GPFERR007"
    assert (answer.status_code, answer.json()["code"]) == (404, code)
    url = f"/api/app-items/{app_item['id']}/{area}/{made['id']}"
    assert (await client.delete(url, headers=admin.headers)).status_code == 200


async def test_a_copied_setting_shares_its_file_until_the_last_of_them_goes(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, users: Users, app_item: Row, upload: Any
) -> None:
    """As servers before this one have copied them."""
    admin = await users.make(app_item, "admin")
    made = (await upload("app-settings", admin)).json()
    key = made["data"]["file"]["path"]
    copied = await factory.item(type="app", extra={"app": {"url": "https://apps.test"}})
    copier = await users.make(copied, "admin")
    copy = await put_row(factory, "app-settings", copied, admin, key)

    async def content() -> bytes:
        answer = await download(client, "app-settings", copier, copy["id"])
        return (await followed(client, answer.text)).content

    assert await content() == b"text"
    url = f"/api/app-items/{app_item['id']}/app-settings/{made['id']}"
    assert (await client.delete(url, headers=admin.headers)).status_code == 200
    assert await content() == b"text"
    url = f"/api/app-items/{copied['id']}/app-settings/{copy['id']}"
    assert (await client.delete(url, headers=copier.headers)).status_code == 200
    # Nothing names it any more: the sweep of the storage takes it.
    assert await stored(platform, app_item) == [key]
    await platform.storage.delete(key)


async def test_the_files_of_a_deleted_app_go_but_for_those_that_copies_share(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    users: Users,
    run_jobs: RunJobs,
    app_item: Row,
    upload: Any,
    cookie_for: Any,
) -> None:
    admin = await users.make(app_item, "admin")
    await upload("app-data", admin)
    await upload("app-settings", admin)
    shared = (await upload("app-settings", admin)).json()["data"]["file"]["path"]
    copied = await factory.item(type="app")
    await put_row(factory, "app-settings", copied, admin, shared)
    await client.delete(f"/api/items/?id={app_item['id']}", headers=cookie_for(admin.id))
    await run_jobs()
    assert await stored(platform, app_item) == [shared]
    assert await factory.count(app_upload) == 0
    await platform.storage.delete(shared)


async def test_the_files_of_a_deleted_account_go_and_settings_keep_theirs(
    client: httpx.AsyncClient,
    platform: Platform,
    users: Users,
    run_jobs: RunJobs,
    app_item: Row,
    admin: User,
    upload: Any,
    cookie_for: Any,
) -> None:
    await upload("app-data", admin)
    setting = (await upload("app-settings", admin)).json()
    other = await users.make(app_item, "read")
    others = (await upload("app-data", other)).json()
    deleted = await client.delete("/api/members/current", headers=cookie_for(admin.id))
    assert deleted.is_success
    await run_jobs()
    kept = [made["data"]["file"]["path"] for made in (others, setting)]
    assert await stored(platform, app_item) == kept
    assert (await download(client, "app-settings", other, setting["id"])).status_code == 200
