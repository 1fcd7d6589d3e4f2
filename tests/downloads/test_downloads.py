"""`/api/downloads/<token>`: links in mails, checked at each use."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, select, update

from graasp.accounts.tables import account
from graasp.downloads.service import announce, offer, remove_orphans
from graasp.downloads.tables import download
from graasp.memberships.authorization import Permission
from graasp.memberships.tables import item_membership
from graasp.platform import Platform
from tests.factories import Factory

Offer = Callable[..., Awaitable[str]]

KEY = "actions/x/archive.zip"


async def _store(platform: Platform, key: str = KEY) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"archive"

    await platform.storage.put(key, chunks(), content_type="application/zip", metadata={})


@pytest.fixture
async def offered(platform: Platform) -> Offer:
    """Store an archive and offer it; the path of the link."""

    async def make(account_id: UUID, item_id: UUID | None = None, key: str = KEY) -> str:
        await _store(platform, key)
        async with platform.unit_of_work() as uow:
            link = await offer(
                uow,
                account_id=account_id,
                storage_key=key,
                file_name='Ünï "x".zip',
                item_id=item_id,
                permission=Permission.ADMIN if item_id else None,
            )
        return httpx.URL(link).raw_path.decode()

    return make


async def _change(platform: Platform, statement: Any) -> None:
    async with platform.unit_of_work() as uow:
        await uow.execute(statement)


def _refused(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()) == (
        404,
        {
            "name": "DOWNLOAD_NOT_FOUND",
            "code": "GERR404",
            "message": "DOWNLOAD_NOT_FOUND",
            "statusCode": 404,
            "origin": "core",
        },
    )


async def test_the_link_leads_to_the_archive_without_being_signed_in(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, offered: Offer
) -> None:
    member = await factory.member()
    item = await factory.owned_item(member)
    link = await offered(member["id"], item["id"])
    # As often as it is followed, also with the prefix left to a front door.
    for path in (link, link, link.removeprefix("/api")):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (303, "no-store")
    content = await client.get(httpx.URL(answer.headers["location"]).raw_path.decode())
    assert content.content == b"archive"
    assert "archive" not in content.headers["content-disposition"]
    assert content.headers["content-disposition"].startswith("attachment")
    assert (await client.head(link)).status_code == 303


async def test_only_a_hash_of_the_token_is_kept_and_the_link_lives_seven_days(
    platform: Platform, factory: Factory, offered: Offer
) -> None:
    member = await factory.member()
    token = (await offered(member["id"])).rpartition("/")[2]
    (row,) = await platform.reads.all(select(download))
    assert len(token) >= 40
    assert token.encode() not in bytes(row["token_hash"])
    left = row["expires_at"] - datetime.now(UTC)
    assert timedelta(days=7) - timedelta(minutes=1) < left <= timedelta(days=7)


@pytest.mark.parametrize("token", ["x", "", "%00", "..%2f", "a" * 5000, "é"])
async def test_a_token_nobody_was_given_leads_nowhere(
    client: httpx.AsyncClient, platform: Platform, token: str
) -> None:
    answer = await client.get(f"/api/downloads/{token}")
    assert answer.status_code == 404


async def test_what_ends_a_link(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, offered: Offer
) -> None:
    async def fresh() -> tuple[Any, Any, str]:
        member = await factory.member()
        item = await factory.owned_item(member)
        link = await offered(member["id"], item["id"], key=f"actions/{item['id']}/a.zip")
        assert (await client.get(link)).status_code == 303
        return member, item, link

    member, item, link = await fresh()
    expired = update(download).values(expires_at=datetime.now(UTC))
    await _change(platform, expired.where(download.c.account_id == member["id"]))
    assert _refused(await client.get(link))

    member, item, link = await fresh()
    weaker = update(item_membership).values(permission="write")
    await _change(platform, weaker.where(item_membership.c.account_id == member["id"]))
    assert _refused(await client.get(link))

    member, item, link = await fresh()
    await _change(platform, delete(item_membership).where(item_membership.c.account_id == member["id"]))
    assert _refused(await client.get(link))
    # Being public gives others the right to read, not this one.
    await factory.visibility(item["path"], "public")
    assert _refused(await client.get(link))

    member, item, link = await fresh()
    await factory.recycle(item)
    assert _refused(await client.get(link))

    member, item, link = await fresh()
    await _change(platform, delete(account).where(account.c.id == member["id"]))
    assert _refused(await client.get(link))

    member, item, link = await fresh()
    await platform.storage.delete(f"actions/{item['id']}/a.zip")
    assert _refused(await client.get(link))


async def test_a_link_to_one_s_own_data_needs_no_item(
    client: httpx.AsyncClient, factory: Factory, offered: Offer
) -> None:
    member = await factory.member()
    assert (await client.get(await offered(member["id"]))).status_code == 303


async def test_the_storage_s_own_link_is_short_lived(
    client: httpx.AsyncClient, factory: Factory, offered: Offer
) -> None:
    member = await factory.member()
    location = (await client.get(await offered(member["id"]))).headers["location"]
    until = datetime.fromtimestamp(int(httpx.URL(location).params["expires"]), UTC)
    assert until - datetime.now(UTC) <= timedelta(minutes=10)


async def test_archives_go_when_their_last_link_does_and_with_their_account(
    platform: Platform, factory: Factory, offered: Offer
) -> None:
    stays, leaves = await factory.member(), await factory.member()
    for key, who in (
        ("live", stays),
        ("shared", stays),
        ("shared", stays),
        ("over", stays),
        ("over", stays),
        ("of-the-deleted", leaves),
    ):
        await offered(who["id"], key=f"actions/{key}.zip")
    rows = await platform.reads.all(select(download).order_by(download.c.created_at))
    over = [row["id"] for row in rows if row["storage_key"] == "actions/over.zip"]
    one_of_two = next(row["id"] for row in rows if row["storage_key"] == "actions/shared.zip")
    past = datetime.now(UTC) - timedelta(seconds=1)
    await _change(
        platform, update(download).values(expires_at=past).where(download.c.id.in_([*over, one_of_two]))
    )
    await _change(platform, delete(account).where(account.c.id == leaves["id"]))
    assert await remove_orphans(platform) == 2
    assert [key async for key in platform.storage.list("actions")] == [
        "actions/live.zip",
        "actions/shared.zip",
    ]
    left = {row["storage_key"] for row in await platform.reads.all(select(download.c.storage_key))}
    assert left == {"actions/live.zip", "actions/shared.zip"}
    assert await remove_orphans(platform) == 0


async def test_an_archive_whose_job_died_is_found(platform: Platform, factory: Factory) -> None:
    member = await factory.member()
    await announce(platform, account_id=member["id"], storage_key=KEY, within=timedelta(hours=2))
    await _store(platform)
    assert await remove_orphans(platform) == 0
    await _change(platform, update(download).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert await remove_orphans(platform) == 1
    assert await platform.storage.size(KEY) is None


async def test_what_storage_can_not_delete_now_is_tried_again(
    platform: Platform, factory: Factory, offered: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = await factory.member()
    await offered(member["id"])
    await _change(platform, update(download).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))

    async def broken(*keys: str) -> None:
        raise OSError("storage is down")

    with monkeypatch.context() as patch:
        patch.setattr(type(platform.storage), "delete", staticmethod(broken))
        with pytest.raises(OSError, match="storage is down"):
            await remove_orphans(platform)
    assert await remove_orphans(platform) == 1
