"""Whatever runs at the same time on overlapping trees, a tree stays a tree."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from graasp.actions import detaching
from graasp.actions.tables import action
from graasp.auth.gates import Caller, find_account
from graasp.db.database import ConcurrentChange
from graasp.http.errors import DomainError, FormattedError
from graasp.items.copying import copy_trees, read_tree
from graasp.items.service import NewItem, convert, create_item, reorder
from graasp.items.trees.deletion import delete_items
from graasp.items.trees.jobs import FINISH_DELETION
from graasp.items.trees.locking import TreeHasMoved
from graasp.items.trees.moving import move_items
from graasp.jobs.tables import job
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import Platform, UnitOfWork
from graasp.recycle_bin.service import recycle, restore
from tests.factories import Factory
from worker.execution import Outcome, execute
from worker.registry import load_handlers

_ITEMS = 8
_PICKED = st.lists(st.integers(0, _ITEMS - 1), min_size=1, max_size=2, unique=True)
_FOLDER = st.none() | st.integers(0, _ITEMS - 1)
_OPERATIONS = st.one_of(
    st.tuples(st.just("move"), _PICKED, _FOLDER),
    st.tuples(st.just("copy"), _PICKED, _FOLDER),
    st.tuples(st.just("create"), _PICKED, _FOLDER),
    st.tuples(st.just("reorder"), _PICKED, _FOLDER),
    st.tuples(st.just("convert"), _PICKED, st.none()),
    st.tuples(st.sampled_from(("recycle", "restore", "delete")), _PICKED, st.none()),
)
# Rounds of operations that run at the same time.
_ROUNDS = st.lists(st.lists(_OPERATIONS, min_size=2, max_size=4), min_size=1, max_size=3)

_BROKEN = {
    "what is left of a deleted item": "select id from item where path <@ 'deleted'",
    "an item without its parent": """
        select i.name from item i where nlevel(i.path) > 1
        and not exists (select from item p where p.path = subpath(i.path, 0, -1))
    """,
    "a path that does not end with the item": """
        select name from item where subpath(path, -1)::text <> replace(id::text, '-', '_')
    """,
    "a parent that is no folder": """
        select i.name from item i join item p on p.path = subpath(i.path, 0, -1)
        where nlevel(i.path) > 1 and p.type <> 'folder'
    """,
    "a live item below a recycled one": """
        select i.name from item i join item a on a.path @> i.path
        where i.deleted_at is null and a.deleted_at is not null
    """,
    "a recycled item that nothing brings back": """
        select i.name from item i where i.deleted_at is not null
        and not exists (select from recycled_item_data r where r.item_path @> i.path)
    """,
    "a live item in the bin": """
        select i.name from item i join recycled_item_data r on r.item_path = i.path where i.deleted_at is null
    """,
    "siblings in one place": """
        select min(name) from item where nlevel(path) > 1 and deleted_at is null
        group by subpath(path, 0, -1), "order" having count(*) > 1 or "order" is null
    """,
    "a folder that is none any more": """
        select name from item where type = 'folder' and jsonb_typeof(extra -> 'folder') is distinct from 'object'
    """,
    "an order at the root": 'select name from item where nlevel(path) = 1 and "order" is not null',
    "a live root that nobody administers": """
        select i.name from item i where nlevel(i.path) = 1 and i.deleted_at is null
        and not exists (select from item_membership m where m.item_path = i.path and m.permission = 'admin')
    """,
    "a membership that is inherited already": """
        select i.name from item_membership m
        join item_membership a on a.account_id = m.account_id and a.item_path @> m.item_path
            and a.item_path <> m.item_path and a.permission >= m.permission
        join item i on i.path = m.item_path
    """,
}


async def _run(platform: Platform, caller: Caller, ids: list[UUID], operation: tuple[Any, ...]) -> None:
    """As a worker would: refusals are the end, lost races are tried again."""
    kind, picked, folder = operation
    items, parent_id = [ids[n] for n in picked], None if folder is None else ids[folder]
    for _ in range(10):
        try:
            async with platform.unit_of_work() as uow:
                await _apply(uow, caller, kind, items, parent_id)
        except (ConcurrentChange, TreeHasMoved):
            await asyncio.sleep(0.01)
        except (DomainError, FormattedError):
            return
        else:
            return
    raise AssertionError(f"{kind} lost every race")


async def _apply(
    uow: UnitOfWork, caller: Caller, kind: str, items: list[UUID], parent_id: UUID | None
) -> None:
    match kind:
        case "move":
            await move_items(uow, caller, items, parent_id)
        case "create":
            await create_item(uow, caller, NewItem("folder", "new", {"folder": {}}), parent_id=parent_id)
        case "reorder":
            await reorder(uow, caller, items[0], parent_id)
        case "convert":
            await convert(uow, caller, items[0], is_capsule=True)
        case "recycle":
            await recycle(uow, caller, items)
        case "restore":
            await restore(uow, caller, items)
        case "delete":
            await delete_items(uow, caller, items)
        case "copy":
            reads = uow.platform.reads
            trees = [await read_tree(reads, caller.id, item_id) for item_id in items]
            folder = await authorize(reads, caller.id, parent_id, Permission.WRITE) if parent_id else None
            await copy_trees(uow, caller, trees, folder)


async def _finish(platform: Platform) -> None:
    """As workers would what deletions have left to be done."""
    load_handlers()
    waiting = select(job.c.id).where(job.c.name == FINISH_DELETION.name, job.c.state == "queued")
    for row in await platform.reads.all(waiting):
        assert await execute(platform, row["id"]) in (Outcome.SUCCEEDED, Outcome.NOT_MINE)


async def _broken(platform: Platform) -> list[str]:
    return [fault for fault, statement in _BROKEN.items() if await platform.reads.all(text(statement))]


async def _in_time(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start something and give it the time to meet what is under way."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0.15)
    return task


@pytest.fixture
async def tree(platform: Platform, factory: Factory) -> tuple[Caller, list[UUID]]:
    """A > B, and C; all administered by the caller."""
    member = await factory.member()
    a = await factory.owned_item(member, name="A")
    rows = [a, await factory.item(a, name="B"), await factory.owned_item(member, name="C")]
    caller = await find_account(platform.reads, member["id"])
    assert caller is not None
    return caller, [row["id"] for row in rows]


@pytest.fixture
async def buried_by_deletion(
    platform: Platform, factory: Factory, tree: tuple[Caller, list[UUID]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every item of the tree has more actions than are detached at once."""
    monkeypatch.setattr(detaching, "BATCH", 1)
    for item_id in tree[1] * 2:
        await factory.insert(action, type="get", item_id=item_id)


_CHANGES = [("move", [0], 2), ("move", [1], None), ("recycle", [0], None), ("delete", [0], None)]


@pytest.mark.parametrize("change", _CHANGES, ids=str)
async def test_a_change_of_a_tree_waits_for_what_is_being_created_in_it(
    change: tuple[Any, ...], platform: Platform, tree: tuple[Caller, list[UUID]]
) -> None:
    caller, ids = tree
    async with platform.unit_of_work() as creation:
        await create_item(creation, caller, NewItem("folder", "new", {"folder": {}}), parent_id=ids[1])
        changing = await _in_time(_run(platform, caller, ids, change))
        assert not changing.done()
    await changing
    assert await _broken(platform) == []
    created = await platform.reads.all(text("select deleted_at from item where name = 'new'"))
    gone = {"delete": 0, "recycle": 1, "move": 1}[change[0]]
    assert [row["deleted_at"] is not None for row in created] == [change[0] == "recycle"] * gone


@pytest.mark.parametrize("change", _CHANGES, ids=str)
async def test_a_creation_waits_for_a_change_of_the_tree_and_goes_where_the_folder_is_by_then(
    change: tuple[Any, ...], platform: Platform, tree: tuple[Caller, list[UUID]]
) -> None:
    caller, ids = tree
    kind, picked, folder = change
    async with platform.unit_of_work() as changing:
        await _apply(changing, caller, kind, [ids[n] for n in picked], ids[folder] if folder else None)
        creating = await _in_time(_run(platform, caller, ids, ("create", [1], 1)))
        assert not creating.done()
    await creating
    assert await _broken(platform) == []
    created = await platform.reads.all(text("select path from item where name = 'new'"))
    assert len(created) == (1 if kind == "move" else 0)


@pytest.mark.usefixtures("buried_by_deletion")
@pytest.mark.parametrize(
    ("deleted", "other", "left_by_deletion", "left_by_other"),
    [
        ([0], ("restore", [0], None), "C", "C"),
        ([0], ("restore", [1], None), "C", "BC"),
        ([0], ("delete", [0], None), "C", "C"),
        ([0], ("delete", [1], None), "C", "C"),
        ([0], ("move", [0], 2), "C", "C"),
        ([0], ("move", [1], 2), "C", "BC"),
        ([1], ("move", [0], 2), "AC", "AC"),
    ],
    ids=str,
)
@pytest.mark.parametrize("first", ["deletion", "other"])
async def test_of_a_deletion_and_another_change_the_later_one_finds_what_the_first_one_left(
    first: str,
    deleted: list[int],
    other: tuple[Any, ...],
    left_by_deletion: str,
    left_by_other: str,
    platform: Platform,
    tree: tuple[Caller, list[UUID]],
) -> None:
    caller, ids = tree
    if other[0] == "restore":
        await _run(platform, caller, ids, ("recycle", [0], None))
    deletion = ("delete", deleted, None)
    earlier, later = (deletion, other) if first == "deletion" else (other, deletion)
    kind, picked, folder = earlier
    async with platform.unit_of_work() as uow:
        await _apply(uow, caller, kind, [ids[n] for n in picked], None if folder is None else ids[folder])
        waiting = await _in_time(_run(platform, caller, ids, later))
        assert not waiting.done()
    await waiting
    assert await _attached_to_nothing_alive(platform) > 0
    await _finish(platform)
    assert await _broken(platform) == []
    left = {row["name"] for row in await platform.reads.all(text("select name from item"))}
    assert left == set(left_by_deletion if first == "deletion" else left_by_other)
    assert await _attached_to_nothing_alive(platform) == 0


async def _attached_to_nothing_alive(platform: Platform) -> int:
    """How many actions refer to an item that is deleted."""
    statement = "select count(*) from action a join item i on i.id = a.item_id where i.path <@ 'deleted'"
    return int(await platform.reads.scalar(text(statement)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parents=st.lists(st.integers(0, _ITEMS), min_size=_ITEMS, max_size=_ITEMS),
    at_once=st.integers(1, _ITEMS),
    rounds=_ROUNDS,
)
async def test_a_tree_stays_a_tree(
    platform: Platform,
    factory: Factory,
    monkeypatch: pytest.MonkeyPatch,
    parents: list[int],
    at_once: int,
    rounds: list[list[tuple[Any, ...]]],
) -> None:
    monkeypatch.setattr(detaching, "BATCH", at_once)
    async with platform.unit_of_work() as uow:
        await uow.execute(text("delete from item"))
    member = await factory.member()
    items: list[Any] = []
    for number, above in enumerate(parents):
        parent = items[above] if above < number else None
        items.append(await (factory.item(parent) if parent else factory.owned_item(member)))
        await factory.insert(action, type="get", item_id=items[-1]["id"])
    caller = await find_account(platform.reads, member["id"])
    assert caller is not None
    ids = [row["id"] for row in items]
    for operations in rounds:
        finishing = _finish(platform)
        await asyncio.gather(finishing, *(_run(platform, caller, ids, operation) for operation in operations))
        await _finish(platform)
        assert await _broken(platform) == []
