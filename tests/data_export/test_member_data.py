"""What the platform knows of a member, as an archive in its mailbox."""

import asyncio
import io
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import func, select, text, update

from graasp.accounts.tables import account, member_profile
from graasp.actions.tables import action
from graasp.apps.tables import app_action, app_data, app_setting
from graasp.auth.tables import member_password
from graasp.bookmarks.tables import item_favorite
from graasp.chat.tables import chat_mention, chat_message
from graasp.data_export.service import write_archive
from graasp.downloads.tables import download
from graasp.flags.tables import item_flag
from graasp.invitations.tables import invitation
from graasp.items.tables import item
from graasp.jobs.tables import job
from graasp.likes.tables import item_like
from graasp.memberships.tables import item_membership
from graasp.platform import Platform
from graasp.settings import Settings
from tests.conftest import RunJobs
from tests.factories import Factory, Row
from tests.people import NOT_A_MEMBER, UNAUTHORIZED, Cookie, every_caller, link_in, refusal, text_of
from worker.execution import Outcome

EXPORT = "/api/members/export-data"
CONTRACT = (
    "actions",
    "appActions",
    "appData",
    "appSetting",
    "bookmarks",
    "chatMentions",
    "chatMessages",
    "items",
    "likes",
    "memberships",
)
OURS = ("account", "profile", "flags", "invitations")

Export = Callable[[], Any]


@pytest.fixture
async def anna(factory: Factory) -> Row:
    return await factory.member(extra={"lang": "fr"}, is_validated=False)


@pytest.fixture
def export(
    client: httpx.AsyncClient, anna: Row, cookie_for: Cookie, run_jobs: RunJobs, mails: list[EmailMessage]
) -> Export:
    """Ask for the archive, follow the mailed link, and read the files by the first part of their names."""

    async def run() -> dict[str, list[dict[str, Any]]]:
        answer = await client.post(EXPORT, headers=cookie_for(anna["id"]))
        assert (answer.status_code, answer.content) == (204, b"")
        await run_jobs()
        with zipfile.ZipFile(io.BytesIO(await _download(client, link_in(mails[-1])))) as archive:
            return {name.partition("_")[0]: orjson.loads(archive.read(name)) for name in archive.namelist()}

    return run


async def _download(client: httpx.AsyncClient, link: str) -> bytes:
    redirected = await client.get(httpx.URL(link).raw_path.decode())
    assert redirected.status_code == 303
    stored = await client.get(httpx.URL(redirected.headers["location"]).raw_path.decode())
    assert stored.headers["content-type"] == "application/zip"
    return stored.content


def _shown(row: Row, *left_out: str) -> dict[str, Any]:
    """A row as the archive writes it."""
    wire: dict[str, Any] = {}
    for name, value in row.items():
        if name not in left_out:
            first, *rest = name.split("_")
            wire["".join([first, *(part.title() for part in rest)])] = _plain(value)
    return wire


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value if value is None or isinstance(value, bool | int | float | dict | list) else str(value)


async def _all(platform: Platform, table: Any, *where: Any, newest: str = "created_at") -> list[Row]:
    return list(await platform.reads.all(select(table).where(*where).order_by(table.c[newest].desc())))


async def test_the_mail_leads_to_an_archive_for_seven_days(
    client: httpx.AsyncClient,
    anna: Row,
    export: Export,
    mails: list[EmailMessage],
    platform: Platform,
) -> None:
    files = await export()
    assert list(files) == [*CONTRACT, *OURS]
    assert [files[name] for name in CONTRACT] == [[]] * len(CONTRACT)
    (mail,) = mails
    assert mail["to"] == anna["email"]
    assert "7 jours" in text_of(mail)
    path = httpx.URL(link_in(mail)).raw_path.decode()
    row = await platform.reads.first(select(download))
    assert row is not None
    assert row["storage_key"].startswith(f"export/{anna['id']}/")
    assert timedelta(days=7, minutes=-1) < row["expires_at"] - datetime.now(UTC) <= timedelta(days=7)
    assert await platform.storage.size(row["storage_key"]) is not None
    async with platform.unit_of_work() as uow:
        await uow.execute(update(download).values(expires_at=func.now()))
    assert (await client.get(path)).status_code == 404


async def test_every_file_is_named_by_one_moment(
    client: httpx.AsyncClient, anna: Row, cookie_for: Cookie, run_jobs: RunJobs, mails: list[EmailMessage]
) -> None:
    await client.post(EXPORT, headers=cookie_for(anna["id"]))
    await run_jobs()
    archive = zipfile.ZipFile(io.BytesIO(await _download(client, link_in(mails[-1]))))
    moments = {name.partition("_")[2] for name in archive.namelist()}
    assert len(moments) == 1
    written = datetime.strptime(moments.pop(), "%Y-%m-%d %H-%M-%S.json").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)


async def test_the_rows_are_the_members_own_newest_first(
    factory: Factory, platform: Platform, anna: Row, export: Export
) -> None:
    me, other = anna["id"], await factory.member()
    mine = await factory.owned_item(anna, name='a "quoted"\nname\\', extra={"folder": {}, "a": [1, "é\t"]})
    recycled = await factory.item(creator=anna, order=1.5)
    await factory.recycle(recycled)
    theirs = await factory.owned_item(other)
    here = {"item_id": mine["id"]}
    for day in (1, 3, 2):
        at = datetime(2026, 1, day, 12, 30, 0, 250, tzinfo=UTC)
        await factory.insert(action, account_id=me, type="t", extra={"day": day}, created_at=at, **here)
    await factory.insert(action, account_id=me, type="alone", view="builder")
    await factory.insert(action, account_id=other["id"], type="t", **here)
    for owner in (me, other["id"]):
        await factory.insert(app_action, account_id=owner, type="t", data={"a": 1}, **here)
        await factory.insert(app_setting, creator_id=owner, name="s", data={"b": [None]}, **here)
        await factory.insert(item_favorite, member_id=owner, **here)
        await factory.insert(item_flag, creator_id=owner, type="spam", **here)
        await factory.insert(
            invitation, creator_id=owner, item_path=mine["path"], email=f"{owner}@example.org"
        )
    for owner, creator in ((me, other["id"]), (other["id"], me), (other["id"], other["id"])):
        await factory.insert(
            app_data, account_id=owner, creator_id=creator, type="t", visibility="member", data={}, **here
        )
    await factory.membership(theirs["path"], me, "read", creator_id=other["id"])
    await factory.membership(mine["path"], other["id"], "write", creator_id=me)
    await factory.insert(member_profile, member_id=me, bio="b", facebookId="f")

    files = await export()

    actions = await _all(platform, action, action.c.account_id == me)
    assert files["actions"] == [_shown(row, "account_id", "geolocation") for row in actions]
    assert [row["extra"].get("day") for row in files["actions"]] == [None, 3, 2, 1]
    app_actions = await _all(platform, app_action, app_action.c.account_id == me)
    assert files["appActions"] == [_shown(row, "account_id") for row in app_actions]
    data = await _all(platform, app_data, (app_data.c.account_id == me) | (app_data.c.creator_id == me))
    assert files["appData"] == [_shown(row) for row in data]
    assert len(data) == 2
    app_settings = await _all(platform, app_setting, app_setting.c.creator_id == me)
    assert files["appSetting"] == [_shown(row, "creator_id") for row in app_settings]
    favorites = await _all(platform, item_favorite, item_favorite.c.member_id == me)
    assert files["bookmarks"] == [_shown(row, "member_id") for row in favorites]
    items = await _all(platform, item, item.c.creator_id == me, newest="updated_at")
    assert [row | {"order": None} for row in files["items"]] == [
        _shown(row) | {"order": None} for row in items
    ]
    assert {row["id"] for row in files["items"]} == {str(mine["id"]), str(recycled["id"])}
    assert {row["order"] for row in files["items"]} == {None, 1.5}
    memberships = await _all(
        platform,
        item_membership,
        (item_membership.c.account_id == me) | (item_membership.c.creator_id == me),
        newest="updated_at",
    )
    assert files["memberships"] == [_shown(row) for row in memberships]
    assert len(memberships) == 3
    flags = await _all(platform, item_flag, item_flag.c.creator_id == me)
    assert files["flags"] == [_shown(row, "creator_id") for row in flags]
    invitations = await _all(platform, invitation, invitation.c.creator_id == me)
    assert files["invitations"] == [_shown(row, "creator_id") for row in invitations]
    profiles = await _all(platform, member_profile)
    assert files["profile"] == [_shown(row, "member_id") for row in profiles]
    accounts = await _all(platform, account, account.c.id == me)
    assert files["account"] == [_shown(row, "item_login_schema_id") for row in accounts]


async def test_nobody_else_is_named_in_messages(factory: Factory, anna: Row, export: Export) -> None:
    me, other = str(anna["id"]), await factory.member()
    here = {"item_id": (await factory.item())["id"]}
    body = f"<!@{me}>[{other['id']}] {me.upper()} and {str(other['id']).upper()}, not-an-id {me}"
    anonymous = "<!@you>[anonymous-id] you and anonymous-id, not-an-id you"
    written = await factory.insert(chat_message, creator_id=anna["id"], body=body, **here)
    received = await factory.insert(chat_message, creator_id=other["id"], body=body, **here)
    mention = await factory.insert(chat_mention, account_id=anna["id"], message_id=received["id"])
    await factory.insert(chat_mention, account_id=other["id"], message_id=written["id"])
    files = await export()
    assert files["chatMessages"] == [_shown(written, "creator_id") | {"body": anonymous}]
    message = _shown(received, "creator_id") | {"body": anonymous}
    assert files["chatMentions"] == [_shown(mention) | {"message": message}]
    assert str(other["id"]) not in orjson.dumps(files).decode()


async def test_liked_items_are_told_as_far_as_the_member_may_read_them(
    factory: Factory, anna: Row, export: Export
) -> None:
    other = await factory.member()
    public, shared, private, hidden, recycled = [await factory.owned_item(other) for _ in range(5)]
    below = await factory.item(public, creator=other)
    await factory.visibility(public["path"], "public")
    for row in (shared, hidden, recycled):
        await factory.membership(row["path"], anna["id"], "read")
    await factory.visibility(hidden["path"], "hidden")
    await factory.recycle(recycled)
    likes = [
        await factory.insert(item_like, creator_id=anna["id"], item_id=row["id"])
        for row in (public, below, shared, private, hidden, recycled)
    ]
    await factory.insert(item_like, creator_id=other["id"], item_id=public["id"])
    files = await export()
    told = {row["itemId"]: row.pop("item") for row in files["likes"]}
    assert sorted(files["likes"], key=str) == sorted((_shown(row) for row in likes), key=str)
    for row in (public, shared):
        assert told[str(row["id"])] == _shown(row)
    assert told[str(below["id"])]["name"] == below["name"]
    for row in (private, hidden, recycled):
        assert told[str(row["id"])] is None


async def test_no_password_leaves_the_server(factory: Factory, anna: Row, export: Export) -> None:
    await factory.insert(member_password, member_id=anna["id"], password="$2b$10$secret")
    assert "$2b$10$secret" not in orjson.dumps(await export()).decode()


async def test_who_may_ask(client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie) -> None:
    for caller, headers in (await every_caller(factory, cookie_for)).items():
        for path in (EXPORT, f"{EXPORT}/"):
            answer = await client.post(path, headers=headers)
            if caller == "guest":
                assert refusal(answer) == NOT_A_MEMBER
            elif caller in ("member", "unvalidated member"):
                assert (answer.status_code, answer.content) == (204, b"")
            else:
                assert refusal(answer) == UNAUTHORIZED


async def test_a_second_request_joins_the_first(
    client: httpx.AsyncClient,
    factory: Factory,
    anna: Row,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    other = await factory.member()
    for row in (anna, anna, other):
        assert (await client.post(EXPORT, headers=cookie_for(row["id"]))).status_code == 204
    await run_jobs()
    assert sorted(mail["to"] for mail in mails) == sorted((anna["email"], other["email"]))
    await client.post(EXPORT, headers=cookie_for(anna["id"]))
    await run_jobs()
    assert len(mails) == 3


async def test_what_an_attempt_left_behind_is_removed_by_the_next(
    client: httpx.AsyncClient,
    platform: Platform,
    anna: Row,
    cookie_for: Cookie,
    run_jobs: RunJobs,
    mails: list[EmailMessage],
) -> None:
    await client.post(EXPORT, headers=cookie_for(anna["id"]))
    job_id = await platform.reads.scalar(select(job.c.id))
    earlier = await write_archive(platform, anna["id"], "of-another-job")
    await write_archive(platform, anna["id"], f"{job_id.hex}-0")
    assert await run_jobs() == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]
    left = [key async for key in platform.storage.list(f"export/{anna['id']}")]
    linked = await platform.reads.scalar(select(download.c.storage_key))
    assert sorted(left) == sorted((earlier, linked))


async def test_memory_does_not_grow_with_what_a_member_did(
    platform: Platform, anna: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty megabytes of rows, written in pieces."""
    async with platform.unit_of_work() as uow:
        await uow.execute(
            text(
                "insert into action (account_id, type, extra) select cast(:me as uuid), 't',"
                " jsonb_build_object('n', n, 'noise', repeat(md5(n::text), 32))"
                " from generate_series(1, 20000) n"
            ),
            me=anna["id"],
        )
    sizes: list[int] = []

    async def count(key: str, chunks: AsyncIterator[bytes], **_: object) -> int:
        async for chunk in chunks:
            sizes.append(len(chunk))
            await asyncio.sleep(0)
        return sum(sizes)

    monkeypatch.setattr(platform.storage, "put", count)
    await write_archive(platform, anna["id"], "warm-up")
    sizes.clear()
    tracemalloc.start()
    try:
        await write_archive(platform, anna["id"], "attempt")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(sizes) > 3
    assert max(sizes) <= 256 * 1024
    assert peak < 12 * 1024 * 1024


class TestOnS3:
    @pytest.fixture
    def settings(self, s3_settings: Settings) -> Settings:
        return s3_settings

    async def test_the_link_redirects_to_a_signed_download(
        self,
        client: httpx.AsyncClient,
        anna: Row,
        cookie_for: Cookie,
        run_jobs: RunJobs,
        mails: list[EmailMessage],
    ) -> None:
        await client.post(EXPORT, headers=cookie_for(anna["id"]))
        await run_jobs()
        redirected = await client.get(httpx.URL(link_in(mails[-1])).raw_path.decode())
        async with httpx.AsyncClient() as browser:
            stored = await browser.get(redirected.headers["location"])
        assert "graasp-data.zip" in stored.headers["content-disposition"]
        assert zipfile.ZipFile(io.BytesIO(stored.content)).testzip() is None
