"""How much a member has stored, and where."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from graasp.settings import Settings
from tests.factories import Factory, Row
from tests.people import NOT_A_MEMBER, UNAUTHORIZED, Cookie, every_caller, refusal

STORAGE = "/api/members/current/storage"


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(max_storage_bytes=5_368_709_120)


async def _file(factory: Factory, creator: Row, size: object, parent: Row | None = None) -> Row:
    extra = {"file": {"path": "files/a", "size": size} if size is not None else {"path": "files/a"}}
    return await factory.item(parent, creator=creator, type="file", extra=extra)


async def test_a_members_live_files_count_wherever_they_lie(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member, other = await factory.member(is_validated=False), await factory.member()
    headers = cookie_for(member["id"])
    assert (await client.get(STORAGE, headers=headers)).json() == {"current": 0, "maximum": 5_368_709_120}
    theirs = await factory.owned_item(other)
    await _file(factory, member, 3_000_000_000, theirs)
    await _file(factory, member, 40)
    for size in (None, "a lot", {}):
        await _file(factory, member, size)
    await _file(factory, other, 500, await factory.owned_item(member))
    await factory.item(creator=member, type="h5p", extra={"h5p": {}, "file": {"size": 7}})
    await factory.recycle(await _file(factory, member, 6000))
    assert (await client.get(STORAGE, headers=headers)).json()["current"] == 3_000_000_040


async def test_the_largest_come_first_with_the_folder_they_lie_in(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    headers = cookie_for(member["id"])
    folder, gone = await factory.item(name="folder"), await factory.item()
    small, unknown = await _file(factory, member, 1), await _file(factory, member, None, folder)
    large, orphan = await _file(factory, member, 100, folder), await _file(factory, member, 10, gone)
    await factory.recycle(gone)
    answer = await client.get(f"{STORAGE}/files", headers=headers)
    body = answer.json()
    assert body["pagination"] == {"page": 1, "pageSize": 10}
    assert [row["id"] for row in body["data"]] == [str(row["id"]) for row in (large, small, unknown)]
    assert orphan["id"] not in body["data"]
    shown = body["data"][0]
    assert datetime.fromisoformat(shown.pop("updatedAt")) == large["updated_at"]
    assert shown == {
        "id": str(large["id"]),
        "name": large["name"],
        "path": large["path"],
        "size": 100,
        "parent": {"id": str(folder["id"]), "name": "folder"},
    }
    assert "parent" not in body["data"][1]
    assert body["data"][2]["size"] == 0


async def test_pages(client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie) -> None:
    member = await factory.member()
    headers = cookie_for(member["id"])
    for size in range(12):
        await _file(factory, member, size)

    async def sizes(query: str) -> list[int]:
        body = (await client.get(f"{STORAGE}/files{query}", headers=headers)).json()
        return [row["size"] for row in body["data"]]

    assert await sizes("") == [*range(11, 1, -1)]
    assert await sizes("?page=2") == [1, 0]
    assert await sizes("?page=3&pageSize=5") == [1, 0]
    assert await sizes("?page=9&pageSize=50") == []


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("page=0", "Bad Request"),
        ("page=-1", "Bad Request"),
        ("page=one", "Bad Request"),
        ("pageSize=x", "Bad Request"),
        ("page=1.5", "Bad Request"),
        ("pageSize=0", "Bad parameters passed"),
        ("pageSize=51", "Bad parameters passed"),
    ],
)
async def test_pages_that_do_not_exist(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, query: str, error: str
) -> None:
    headers = cookie_for((await factory.member())["id"])
    answer = await client.get(f"{STORAGE}/files?{query}", headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


async def test_members_alone_have_storage(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    for caller, headers in (await every_caller(factory, cookie_for)).items():
        for path in (STORAGE, f"{STORAGE}/files"):
            answer = await client.get(path, headers=headers)
            if caller == "guest":
                assert refusal(answer) == NOT_A_MEMBER
            elif caller in ("member", "unvalidated member"):
                assert answer.status_code == 200
            else:
                assert refusal(answer) == UNAUTHORIZED


async def test_any_number_of_files_takes_one_statement(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, count_statements: Callable[[], Any]
) -> None:
    member = await factory.member()
    for size in range(20):
        await _file(factory, member, size)
    for path in (STORAGE, f"{STORAGE}/files?pageSize=50"):
        with count_statements() as statements:
            await client.get(path, headers=cookie_for(member["id"]))
        assert len(statements) == 2
