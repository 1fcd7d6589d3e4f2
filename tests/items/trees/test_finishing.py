"""Trees with many actions: gone at once for everybody, and finished by a job that may be interrupted anywhere."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, func, select, text, update

from graasp.accounts.tables import account
from graasp.actions import detaching
from graasp.actions.detaching import batches, detach
from graasp.actions.tables import action
from graasp.apps.tables import app_action, app_data, app_setting
from graasp.auth.gates import Caller, find_account
from graasp.bookmarks.tables import item_favorite
from graasp.chat.tables import chat_mention, chat_message
from graasp.data_export.data_sets import DATA_SETS
from graasp.db.database import Row
from graasp.db.metadata import metadata
from graasp.housekeeping.jobs import CLEAN_UP, CleanUp
from graasp.invitations.tables import invitation
from graasp.items.trees.deletion import buried, delete_buried, delete_items
from graasp.items.trees.jobs import FINISH_DELETION, Deletion
from graasp.jobs.tables import job
from graasp.likes.tables import item_like
from graasp.platform import Platform
from graasp.publication.tables import published_items
from graasp.recycle_bin.jobs import PURGE, Purge
from graasp.recycle_bin.tables import recycled_item_data
from tests.conftest import RunJobs
from tests.factories import Factory
from tests.items.trees.operations import Operations, Stored
from tests.statements import counted

Cookie = Callable[[UUID], dict[str, str]]
Tree = dict[str, Any]


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than two actions are many."""
    monkeypatch.setattr(detaching, "BATCH", 2)


@pytest.fixture
async def tree(factory: Factory, platform: Platform) -> Tree:
    """A > B > file, in the recycle bin: administered by anna, who has three actions on the file and one on B."""
    anna = await factory.member(name="anna")
    a = await factory.owned_item(anna, name="A")
    b = await factory.item(a, name="B", creator=anna)
    content = {"name": "a.txt", "path": "files/1/2/3-a.txt", "mimetype": "text/plain", "size": 7}
    file = await factory.item(b, name="file", type="file", creator=anna, extra={"file": content})
    await factory.recycle(a)
    await factory.insert(recycled_item_data, item_path=a["path"], creator_id=anna["id"])
    for place in (file, file, file, b):
        await factory.insert(action, type="item-like", account_id=anna["id"], item_id=place["id"])
    caller = await find_account(platform.reads, anna["id"])
    assert caller is not None
    return {"anna": anna, "caller": caller, "A": a, "B": b, "file": file}


async def _delete(platform: Platform, tree: Tree, *names: str) -> list[Row]:
    """As the job of the request does, with nothing done of what follows."""
    caller: Caller = tree["caller"]
    async with platform.unit_of_work() as uow:
        return await delete_items(uow, caller, [tree[name]["id"] for name in names or ("A",)])


async def _deletion(platform: Platform) -> UUID:
    payload = await platform.reads.scalar(select(job.c.payload).where(job.c.name == FINISH_DELETION.name))
    return Deletion.model_validate(payload).deletion_id


async def _abandon(platform: Platform) -> None:
    """Have nobody finish what was deleted."""
    async with platform.unit_of_work() as uow:
        await uow.execute(update(job).values(state="failed").where(job.c.name == FINISH_DELETION.name))


async def _attached(platform: Platform) -> int:
    return int(await platform.reads.scalar(select(func.count()).where(action.c.item_id.is_not(None))))


async def test_all_rows_are_told_as_they_were_and_gone_in_the_end(
    tree: Tree, operations: Operations, stored: Stored, platform: Platform
) -> None:
    before = {row["id"]: row for row in (await stored()).values()}
    result = await operations.result(tree["anna"], "delete", [tree["A"]])
    assert set(result) == {str(item_id) for item_id in before}
    for item_id, row in before.items():
        told = result[str(item_id)]
        assert (told["name"], told["path"], told["extra"]) == (row["name"], row["path"], row["extra"])
        assert told["creatorId"] == str(row["creator_id"])
    assert await stored() == {}
    # The actions stay, without their item.
    kept = await platform.reads.all(select(action).where(action.c.type == "item-like"))
    assert [(row["account_id"], row["item_id"]) for row in kept] == [(tree["anna"]["id"], None)] * 4


async def test_nothing_is_seen_of_it_before_it_is_finished(
    tree: Tree,
    operations: Operations,
    client: httpx.AsyncClient,
    cookie_for: Cookie,
    platform: Platform,
    factory: Factory,
) -> None:
    stranger = await factory.member()
    await _delete(platform, tree)
    assert await _attached(platform) == 4
    headers = cookie_for(tree["anna"]["id"])
    for name in ("A", "B", "file"):
        path = f"/api/items/{tree[name]['id']}"
        for below in ("", "/children", "/descendants", "/parents", "/memberships", "/actions/actions-by-day"):
            answer = await client.get(f"{path}{below}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "GERR001"), below
        for who in (headers, cookie_for(stranger["id"])):
            answer = await client.post(f"{path}/memberships/requests", headers=who)
            assert answer.status_code == 404
            answer = await client.get(f"{path}/memberships/requests/own", headers=who)
            assert answer.status_code == 404
    for listing in ("/api/items/recycled", "/api/items/accessible", "/api/items/accessible?keywords=file"):
        assert (await client.get(listing, headers=headers)).json()["data"] == []
    storage = (await client.get("/api/members/current/storage", headers=headers)).json()
    assert storage["current"] == 0
    own = (await client.get("/api/members/actions", headers=headers)).json()
    assert [(row["itemId"], row["item"]) for row in own] == [(None, None)] * 4


@pytest.mark.parametrize("operation", ["restore", "delete", "recycle", "copy", "move"])
async def test_nothing_can_be_done_with_it_before_it_is_finished(
    operation: str, tree: Tree, operations: Operations, platform: Platform
) -> None:
    unknown = await operations.refusal(tree["anna"], operation, [{"id": UUID(int=1)}])
    await _delete(platform, tree)
    await _abandon(platform)
    for name in ("A", "file"):
        refusal = await operations.refusal(tree["anna"], operation, [tree[name]])
        assert refusal.replace(str(tree[name]["id"]), str(UUID(int=1))) == unknown
    assert await _attached(platform) == 4


async def test_a_members_archive_tells_nothing_of_it_before_it_is_finished(
    tree: Tree, platform: Platform
) -> None:
    await _delete(platform, tree)
    async with platform.database.snapshot() as snapshot:
        connection = await snapshot.connection()
        lines = {
            data_set.name: [row[0] for row in await connection.fetch(data_set.sql, tree["anna"]["id"])]
            for data_set in DATA_SETS
        }
    assert lines["items"] == []
    assert len(lines["actions"]) == 4
    ids = {str(tree[name]["id"]) for name in ("A", "B", "file")}
    assert not [line for found in lines.values() for line in found if any(item_id in line for item_id in ids)]


async def test_what_refers_to_it_is_gone_before_it_is_finished(
    tree: Tree, platform: Platform, factory: Factory
) -> None:
    anna = tree["anna"]["id"]
    bob = (await factory.member())["id"]
    for row in (tree["A"], tree["file"]):
        here = {"item_id": row["id"]}
        guest = await factory.guest(row["path"])
        await factory.visibility(row["path"], "public")
        message = await factory.insert(chat_message, creator_id=anna, body="x", **here)
        await factory.insert(chat_mention, message_id=message["id"], account_id=bob)
        await factory.insert(app_action, account_id=bob, type="t", data={}, **here)
        await factory.insert(app_setting, creator_id=bob, name="s", data={}, **here)
        await factory.insert(
            app_data, account_id=guest["id"], creator_id=bob, type="t", visibility="item", data={}, **here
        )
        await factory.insert(item_favorite, member_id=bob, **here)
        await factory.insert(item_like, creator_id=bob, **here)
        await factory.insert(invitation, creator_id=anna, item_path=row["path"], email="x@example.org")
        await factory.insert(published_items, creator_id=anna, item_path=row["path"])
    assert await _references(platform) >= {"app_data", "item_membership", "recycled_item_data", "item_like"}
    await _delete(platform, tree)
    assert await _references(platform) == {"action"}
    assert await factory.count(chat_mention) == 0
    assert await platform.reads.all(select(account.c.id).where(account.c.type == "guest")) == []


async def _references(platform: Platform) -> set[str]:
    """The tables that refer to some item."""
    columns = [
        (table.name, element.parent.name)
        for table in metadata.sorted_tables
        for constraint in table.foreign_key_constraints
        if constraint.referred_table.name == "item"
        for element in constraint.elements
    ]
    return {
        table
        for table, column in columns
        if await platform.reads.all(text(f"select from {table} where {column} is not null limit 1"))
    }


async def test_only_what_has_actions_waits_and_only_what_was_asked_for(
    tree: Tree, platform: Platform, stored: Stored, run_jobs: RunJobs
) -> None:
    deleted = await _delete(platform, tree, "B")
    assert [row["name"] for row in deleted] == ["B", "file"]
    assert await buried(platform.reads, await _deletion(platform)) == sorted(
        [tree["B"]["id"], tree["file"]["id"]]
    )
    assert (await stored())["A"]["path"] == tree["A"]["path"]
    await run_jobs()
    assert set(await stored()) == {"A"}


async def test_few_actions_are_detached_with_the_items(
    tree: Tree, platform: Platform, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detaching, "BATCH", 4)
    await _delete(platform, tree)
    assert (await stored(), await _attached(platform)) == ({}, 0)


@pytest.mark.parametrize("committed", range(5))
async def test_an_interrupted_one_is_resumed(
    committed: int, tree: Tree, platform: Platform, stored: Stored, run_jobs: RunJobs
) -> None:
    """Two batches of actions, then the items: stopped before, between and after any of them."""
    await _delete(platform, tree)
    item_ids = await buried(platform.reads, await _deletion(platform))
    first, *others = await batches(platform.reads, item_ids)
    for step, work in enumerate([first, *others, item_ids[:1], item_ids[1:]][:committed]):
        async with platform.unit_of_work() as uow:
            if isinstance(work, list):
                await delete_buried(uow, work)
            else:
                assert await detach(uow, item_ids, work) <= 2, step
    await run_jobs()
    assert (await stored(), await _attached(platform)) == ({}, 0)


async def test_one_that_nobody_finishes_any_more_is_resumed_within_the_hour(
    tree: Tree, platform: Platform, stored: Stored, run_jobs: RunJobs
) -> None:
    await _delete(platform, tree)
    await _abandon(platform)
    await run_jobs()
    assert await _attached(platform) == 4
    async with platform.unit_of_work() as uow:
        await uow.enqueue(CLEAN_UP, CleanUp())
    await run_jobs()
    assert (await stored(), await _attached(platform)) == ({}, 0)


async def test_one_that_is_being_finished_is_not_finished_twice(
    tree: Tree, platform: Platform, run_jobs: RunJobs, factory: Factory
) -> None:
    await _delete(platform, tree)
    async with platform.unit_of_work() as uow:
        await uow.enqueue(CLEAN_UP, CleanUp())
    await run_jobs()
    finished = await platform.reads.all(select(job.c.result).where(job.c.name == FINISH_DELETION.name))
    assert [row["result"] for row in finished] == [{"actions": 4, "items": 2}]


async def test_an_action_that_comes_late_loses_its_item_too(
    tree: Tree, platform: Platform, stored: Stored, factory: Factory, run_jobs: RunJobs
) -> None:
    await _delete(platform, tree)
    await factory.insert(action, type="update", item_id=tree["file"]["id"])
    item_ids = await buried(platform.reads, await _deletion(platform))
    for period in await batches(platform.reads, item_ids):
        async with platform.unit_of_work() as uow:
            await detach(uow, item_ids, period)
    await factory.insert(action, type="update", item_id=tree["file"]["id"])
    await run_jobs()
    assert (await stored(), await _attached(platform)) == ({}, 0)
    assert await factory.count(action) == 6


async def test_an_account_may_go_before_it_is_finished(
    tree: Tree, platform: Platform, stored: Stored, run_jobs: RunJobs
) -> None:
    await _delete(platform, tree)
    async with platform.unit_of_work() as uow:
        await uow.execute(delete(account).where(account.c.id == tree["anna"]["id"]))
    await run_jobs()
    rows = await platform.reads.all(select(action.c.account_id, action.c.item_id))
    assert {tuple(row.values()) for row in rows} == {(None, None)}
    assert await stored() == {}


async def test_the_purge_is_finished_in_the_same_way(
    tree: Tree, platform: Platform, stored: Stored, run_jobs: RunJobs
) -> None:
    async with platform.unit_of_work() as uow:
        await uow.execute(update(recycled_item_data).values(created_at=text("now() - interval '94 days'")))
        await uow.enqueue(PURGE, Purge())
    await run_jobs()
    assert (await stored(), await _attached(platform)) == ({}, 0)
    names = {row["name"] for row in await platform.reads.all(select(job.c.name))}
    assert FINISH_DELETION.name in names


async def test_the_statements_do_not_grow_with_the_tree(
    tree: Tree, platform: Platform, factory: Factory, run_jobs: RunJobs
) -> None:
    async def statements(items: int) -> tuple[int, int]:
        root = await factory.owned_item(tree["anna"])
        for _ in range(items):
            below = await factory.item(root)
            await factory.insert(action, type="get", item_id=below["id"])
        with counted(platform.database) as deleting:
            await _delete(platform, tree | {"root": root}, "root")
        with counted(platform.database) as finishing:
            await run_jobs()
        return len(deleting), len(finishing)

    few, many = await statements(3), await statements(20)
    assert 0 < few[0] == many[0]
    # A batch of two actions is a transaction of two statements: seventeen actions more are at most nine more.
    assert 0 < many[1] - few[1] <= 2 * 9
