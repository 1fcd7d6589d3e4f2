"""The order in which locks are taken: the same for everything that fills a member's storage."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from graasp.auth.gates import Caller, find_account
from graasp.db.tree_locks import tree_key
from graasp.files.receiving import Incoming
from graasp.files.service import add_file
from graasp.imports.service import import_archive
from graasp.items.copying import copy_trees, read_tree
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import Platform
from tests.factories import Factory, Row
from tests.imports.archives import zipped

LOCK_ACCOUNT = text("select from account where id = :account_id for no key update")
WAITING = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
TRY_TREE = text(f"select pg_try_advisory_xact_lock({tree_key('cast(:path as ltree)')})")
TAKE_FOLDER = text("select id from item where id = :item_id for update nowait")

Change = Callable[[Platform, Caller, Row], Awaitable[Any]]


async def _upload(platform: Platform, caller: Caller, folder: Row) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"text"

    incoming = Incoming("a.txt", "text/plain", chunks())
    await add_file(platform, caller, incoming, parent_id=folder["id"], previous_item_id=None)


async def _copy(platform: Platform, caller: Caller, folder: Row) -> None:
    tree = await read_tree(platform.reads, caller.id, folder["id"])
    destination = await authorize(platform.reads, caller.id, folder["id"], Permission.WRITE)
    async with platform.unit_of_work() as uow:
        await copy_trees(uow, caller, [tree], destination)


async def _import(platform: Platform, caller: Caller, folder: Row) -> None:
    file = io.BytesIO(zipped({"a.bin": b"bytes"}))
    async with platform.unit_of_work() as uow:
        await import_archive(uow, caller, file, folder["id"], progress=lambda _, __: None)


@pytest.mark.parametrize("change", [_upload, _copy, _import])
async def test_who_waits_for_an_account_holds_no_folder(
    platform: Platform, factory: Factory, change: Change
) -> None:
    member = await factory.member()
    folder = await factory.owned_item(member)
    caller = await find_account(platform.reads, member["id"])
    assert caller is not None
    async with platform.database.transaction() as holder:
        await holder.first(LOCK_ACCOUNT, account_id=member["id"])
        work = asyncio.ensure_future(change(platform, caller, folder))
        while not work.done() and not await platform.reads.scalar(WAITING):
            await asyncio.sleep(0.01)
        assert not work.done()
        async with platform.database.transaction() as other:
            assert await other.scalar(TRY_TREE, path=folder["path"])
            assert await other.first(TAKE_FOLDER, item_id=folder["id"])
    await work
