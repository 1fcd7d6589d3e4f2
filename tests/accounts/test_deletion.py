"""Deleting an account: what goes with it, and what stays without it."""

import io
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from graasp.accounts.tables import account, member_profile
from graasp.actions.tables import action, action_request_export
from graasp.apps.tables import app_action, app_data, app_setting
from graasp.auth.service import end_session
from graasp.bookmarks.tables import item_favorite
from graasp.chat.tables import chat_mention, chat_message
from graasp.db.database import Database
from graasp.downloads.service import offer
from graasp.exports.tables import item_export_request
from graasp.http.session_cookie import Session
from graasp.invitations.tables import invitation
from graasp.likes.tables import item_like
from graasp.memberships.tables import item_membership, membership_request
from graasp.platform import Platform
from graasp.settings import Settings
from tests.conftest import RunJobs
from tests.factories import Factory, Row
from tests.people import UNAUTHORIZED, Cookie, every_caller, is_signed_in, link_in, refusal, with_password
from tests.pictures import picture

CURRENT = "/api/members/current"


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """In development nobody asks whether a person is there."""
    return make_settings(node_env="development")


_REFERENCES = text(
    """
    select c.conrelid::regclass::text as "table", a.attname as "column"
    from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    where c.contype = 'f' and c.confrelid = 'account'::regclass
    """
)
_INDEXED = text(
    """
    select distinct i.indrelid::regclass::text as "table", a.attname as "column"
    from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indpred is null and i.indisvalid
    """
)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _count(database: Database, table: Any, *where: Any) -> int:
    return len(await database.reads.all(select(table).where(*where)))


async def _leave_traces(factory: Factory, member: Row, other: Row) -> Row:
    """A row of every kind that refers to the member; the item they are about, whose only admin the member is."""
    me, item = member["id"], await factory.owned_item(member)
    here = {"item_id": item["id"]}
    message = await factory.insert(chat_message, creator_id=me, body="hello", **here)
    await factory.insert(chat_mention, account_id=me, message_id=message["id"])
    await factory.insert(member_profile, member_id=me, bio="b")
    await factory.insert(membership_request, member_id=me, item_id=(await factory.item())["id"])
    await factory.insert(item_like, creator_id=me, **here)
    await factory.insert(item_favorite, member_id=me, **here)
    await factory.insert(app_action, account_id=me, type="t", **here)
    await factory.insert(
        app_data, account_id=me, creator_id=other["id"], type="t", visibility="member", **here
    )
    await factory.insert(
        app_data, account_id=other["id"], creator_id=me, type="t", visibility="member", **here
    )
    await factory.insert(app_setting, creator_id=me, name="s", **here)
    await factory.insert(action, account_id=me, type="t", **here)
    await factory.insert(action_request_export, member_id=me, item_path=item["path"])
    await factory.insert(item_export_request, member_id=me, type="raw", **here)
    await factory.insert(invitation, creator_id=me, item_path=item["path"], email="a@example.org")
    await factory.visibility(item["path"], "public", creator_id=me)
    await factory.membership(item["path"], other["id"], "read", creator_id=me)
    return item


async def test_a_member_goes_with_what_is_its_own_and_leaves_the_rest_without_a_name(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    cookie_for: Cookie,
    audited: list[MutableMapping[str, Any]],
) -> None:
    member, other = await with_password(factory), await factory.member()
    item = await _leave_traces(factory, member, other)
    headers = cookie_for(member["id"])
    async with platform.unit_of_work() as uow:
        await end_session(uow, Session.start(member["id"]))
    answer = await client.delete(CURRENT, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["set-cookie"].startswith("session=; Max-Age=0")
    assert not await is_signed_in(client, headers)
    assert audited[-1]["event"] == "account deleted"

    database = platform.database
    left = {row["id"] for row in await database.reads.all(select(account.c.id))}
    assert left == {other["id"]}
    for table in (
        member_profile,
        membership_request,
        item_like,
        item_favorite,
        app_action,
        chat_mention,
        action_request_export,
        item_export_request,
    ):
        assert await _count(database, table) == 0, table.name
    memberships = await database.reads.all(select(item_membership.c.account_id, item_membership.c.creator_id))
    assert [(row["account_id"], row["creator_id"]) for row in memberships] == [(other["id"], None)]
    for table in (app_data, app_setting, chat_message, invitation):
        creators = await database.reads.all(select(table.c.creator_id))
        assert [row["creator_id"] for row in creators] == [None], table.name
    assert await database.reads.scalar(select(action.c.account_id)) is None
    assert await _count(database, action) == 1
    found = await client.get(f"/api/items/{item['id']}", headers=cookie_for(other["id"]))
    assert found.status_code == 200
    assert found.json().get("creator") is None


async def test_pictures_and_archives_go_with_the_account(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie, run_jobs: RunJobs
) -> None:
    member, other = await factory.member(), await factory.member()
    links = {}
    for row in (member, other):
        await platform.thumbnails.store(io.BytesIO(picture()), f"avatars/{row['id']}", account_id=row["id"])
        key = f"export/{row['id']}/archive.zip"
        await platform.storage.put(key, _chunks(b"zip"), content_type="application/zip", metadata={})
        async with platform.unit_of_work() as uow:
            links[row["id"]] = await offer(
                uow, account_id=row["id"], storage_key=key, file_name="archive.zip"
            )
    await client.delete(CURRENT, headers=cookie_for(member["id"]))
    for account_id, status in ((member["id"], 404), (other["id"], 303)):
        path = httpx.URL(links[account_id]).path
        assert (await client.get(path)).status_code == status
    await run_jobs()
    for account_id, kept in ((member["id"], 0), (other["id"], 5)):
        keys = [
            key
            for folder in ("avatars", "export")
            async for key in platform.storage.list(f"{folder}/{account_id}")
        ]
        assert len(keys) == kept


async def test_an_export_that_is_being_made_leaves_nothing_behind(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[Any],
) -> None:
    member = await factory.member()
    headers = cookie_for(member["id"])
    await client.post("/api/members/export-data", headers=headers)
    # Of an attempt that died with its process.
    key = f"export/{member['id']}/left.zip"
    await platform.storage.put(key, _chunks(b"zip"), content_type="application/zip", metadata={})
    await client.delete(CURRENT, headers=headers)
    await run_jobs()
    assert [key async for key in platform.storage.list(f"export/{member['id']}")] == []
    assert mails == []


async def test_guests_only_leave(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, cookie_for: Cookie
) -> None:
    guest = await factory.guest((await factory.item())["path"])
    headers = cookie_for(guest["id"])
    answer = await client.delete(CURRENT, headers=headers)
    assert (answer.status_code, answer.headers["set-cookie"][:19]) == (204, "session=; Max-Age=0")
    assert await _count(platform.database, account, account.c.id == guest["id"]) == 1
    assert await _count(platform.database, item_membership, item_membership.c.account_id == guest["id"]) == 1
    assert not await is_signed_in(client, headers)
    assert await is_signed_in(client, cookie_for(guest["id"]))


async def test_who_may_delete_its_account(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    for caller, headers in (await every_caller(factory, cookie_for)).items():
        answer = await client.delete(CURRENT, headers=headers)
        if caller in ("anonymous", "unreadable cookie", "deleted account"):
            assert refusal(answer) == UNAUTHORIZED, caller
        else:
            assert answer.status_code == 204, caller


async def test_no_table_is_read_from_end_to_end_when_an_account_goes(platform: Platform) -> None:
    references = {(row["table"], row["column"]) for row in await platform.reads.all(_REFERENCES)}
    indexed = {(row["table"], row["column"]) for row in await platform.reads.all(_INDEXED)}
    assert references - indexed == set()


async def test_an_address_can_be_used_again_by_another_account(
    client: httpx.AsyncClient,
    factory: Factory,
    platform: Platform,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[Any],
) -> None:
    member = await factory.member(email="a@example.org")
    old = cookie_for(member["id"])
    await client.delete(CURRENT, headers=old)
    body = {"name": "Anna", "email": "a@example.org", "captcha": "x"}
    assert (await client.post("/api/register", json=body)).status_code == 204
    await run_jobs()
    followed = await client.get(httpx.URL(link_in(mails[-1])).raw_path.decode())
    assert followed.headers["location"] != "http://client.test/auth/?error=true"
    assert not await is_signed_in(client, old)
    assert await platform.reads.scalar(select(account.c.id)) != member["id"]
