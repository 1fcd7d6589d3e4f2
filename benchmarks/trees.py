"""How long operations on a tree of 2,020 items take: `python -m benchmarks.trees`.

Starts a PostgreSQL and a Redis of its own, in a temporary folder, and does what the worker's jobs do.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import select, text

from benchmarks.stack import account_id, item_id, seed, services
from graasp.auth.gates import Caller, find_account
from graasp.items.copying import copy_trees, read_tree
from graasp.items.service import NewItem, create_item
from graasp.items.trees.deletion import delete_items
from graasp.items.trees.jobs import FINISH_DELETION
from graasp.items.trees.moving import move_items
from graasp.jobs.tables import job
from graasp.platform import Platform, UnitOfWork, open_platform
from graasp.recycle_bin.service import recycle, restore
from graasp.settings import load_settings
from worker.execution import Outcome, execute
from worker.registry import load_handlers

Work = Callable[[UnitOfWork], Awaitable[object]]


async def _measure(platform: Platform, what: str, work: Work) -> object:
    with _measured(platform, what):
        async with platform.unit_of_work() as uow:
            return await work(uow)


@contextmanager
def _measured(platform: Platform, what: str) -> Iterator[None]:
    statements: list[str] = []
    platform.database.observers.append(statements.append)
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    platform.database.observers.remove(statements.append)
    print(f"{what:22} {seconds:6.2f} s  {len(statements):3} statements")


async def _run() -> None:
    async with open_platform(load_settings()) as platform:
        caller = await find_account(platform.reads, account_id(0))
        assert caller is not None
        root = item_id(0)
        async with platform.unit_of_work() as uow:
            folder = await create_item(uow, caller, NewItem("folder", "target", {"folder": {}}))
        await _measure(
            platform, "move into a folder", lambda uow: move_items(uow, caller, [root], folder["id"])
        )
        await _measure(platform, "move to the root", lambda uow: move_items(uow, caller, [root], None))
        await _measure(platform, "recycle", lambda uow: recycle(uow, caller, [root]))
        await _measure(platform, "restore", lambda uow: restore(uow, caller, [root]))
        copies = await _measure(platform, "copy", lambda uow: _copy(uow, caller))
        assert isinstance(copies, list)
        await _measure(platform, "delete the copy", lambda uow: delete_items(uow, caller, [copies[0]["id"]]))
        await _measure(platform, "delete, with actions", lambda uow: delete_items(uow, caller, [root]))
        await _measure_rest(platform)


async def _measure_rest(platform: Platform) -> None:
    """The job that detaches the actions and removes what is left of the items."""
    load_handlers()
    waiting = select(job.c.id).where(job.c.name == FINISH_DELETION.name, job.c.state == "queued")
    job_id = await platform.reads.scalar(waiting)
    with _measured(platform, "the rest of it, a job"):
        assert await execute(platform, job_id) is Outcome.SUCCEEDED
    left = await platform.reads.scalar(text("select count(*) from item where path <@ 'deleted'"))
    attached = await platform.reads.scalar(text("select count(*) from action where item_id is not null"))
    print(f"items left: {left}, actions attached: {attached}")


async def _copy(uow: UnitOfWork, caller: Caller) -> object:
    return await copy_trees(uow, caller, [await read_tree(uow.platform.reads, caller.id, item_id(0))], None)


def main() -> None:
    with services():
        seed()
        asyncio.run(_run())


if __name__ == "__main__":
    main()
