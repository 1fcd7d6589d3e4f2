"""Moves, copies, deletes, recycles and restores trees of items, and tells whoever asked.

Idempotent: all that an operation does to the database, and that it is done, are one commit. An attempt that meets
another operation on the same trees is repeated.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from graasp.actions.recording import NewAction, record, saves_actions
from graasp.auth.gates import Caller, find_account
from graasp.db.database import Row
from graasp.http.errors import DomainError, FormattedError
from graasp.items.copying import copy_trees, read_tree
from graasp.items.packing import Wire
from graasp.items.trees.deletion import delete_items
from graasp.items.trees.jobs import (
    COPY_ITEMS,
    DELETE_ITEMS,
    MOVE_ITEMS,
    TreeOperation,
    TreeTransfer,
)
from graasp.items.trees.moving import move_items
from graasp.jobs.spec import JobSpec, PermanentError
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import UnitOfWork
from graasp.recycle_bin import service as recycle_bin
from graasp.recycle_bin.jobs import RECYCLE_ITEMS, RESTORE_ITEMS
from worker.execution import RunningJob
from worker.feedback import publish_failure, publish_success, told_items
from worker.handlers.refusals import permanent
from worker.registry import handles, on_final_failure


@handles(MOVE_ITEMS)
async def move(job: RunningJob, wanted: TreeTransfer) -> None:
    async with _operation(job, wanted) as (uow, caller):
        moves = await move_items(uow, caller, wanted.item_ids, wanted.parent_id)
        body = {"parentId": str(wanted.parent_id)} if wanted.parent_id else {}
        actions = [
            NewAction("move", {"itemId": str(move.after["id"]), "body": body}, item=move.after)
            for move in moves
        ]
        await record(uow, caller, wanted.origin, actions)
        result = {
            "items": told_items(m.before for m in moves),
            "moved": told_items(m.after for m in moves),
        }
        publish_success(uow, wanted.account_id, "move", _ids(wanted), result)


@handles(COPY_ITEMS)
async def copy(job: RunningJob, wanted: TreeTransfer) -> None:
    async with _operation(job, wanted) as (uow, caller):
        reads = job.platform.reads
        trees = [await read_tree(reads, caller.id, item_id) for item_id in wanted.item_ids]
        destination = None
        if wanted.parent_id:
            destination = await authorize(reads, caller.id, wanted.parent_id, Permission.WRITE)
        copies = await copy_trees(uow, caller, trees, destination)
        actions = [NewAction("copy", {"itemId": str(row["id"])}, item=row) for row in copies]
        await record(uow, caller, wanted.origin, actions)
        result = {"items": told_items(tree.root for tree in trees), "copies": told_items(copies)}
        publish_success(uow, wanted.account_id, "copy", _ids(wanted), result)


@handles(DELETE_ITEMS)
async def delete(job: RunningJob, wanted: TreeOperation) -> None:
    async with _operation(job, wanted) as (uow, caller):
        deleted = await delete_items(uow, caller, wanted.item_ids)
        # The items are gone: the actions name them in what they tell, and nowhere else.
        actions = [NewAction("delete", {"itemId": str(row["id"])}) for row in deleted if saves_actions(row)]
        await record(uow, caller, wanted.origin, actions)
        publish_success(uow, wanted.account_id, "delete", _ids(wanted), _by_id(deleted))


@handles(RECYCLE_ITEMS)
async def recycle(job: RunningJob, wanted: TreeOperation) -> None:
    async with _operation(job, wanted) as (uow, caller):
        recycled = await recycle_bin.recycle(uow, caller, wanted.item_ids)
        publish_success(uow, wanted.account_id, "recycle", _ids(wanted), told_items(recycled))


@handles(RESTORE_ITEMS)
async def restore(job: RunningJob, wanted: TreeOperation) -> None:
    async with _operation(job, wanted) as (uow, caller):
        restored = await recycle_bin.restore(uow, caller, wanted.item_ids)
        publish_success(uow, wanted.account_id, "restore", _ids(wanted), _by_id(restored))


@asynccontextmanager
async def _operation(job: RunningJob, wanted: TreeOperation) -> AsyncIterator[tuple[UnitOfWork, Caller]]:
    """The one unit of work of an operation, in the name of whoever asked for it."""
    caller = await find_account(job.platform.reads, wanted.account_id)
    if caller is None:
        raise PermanentError("The account is gone.")
    with permanent(DomainError, FormattedError):
        async with job.completing() as uow:
            yield uow, caller


async def _tell_failure(operation: str, uow: UnitOfWork, wanted: TreeOperation, error: BaseException) -> None:
    publish_failure(uow, wanted.account_id, operation, _ids(wanted), error)


_FEEDBACK: tuple[tuple[JobSpec[Any], str], ...] = (
    (MOVE_ITEMS, "move"),
    (COPY_ITEMS, "copy"),
    (DELETE_ITEMS, "delete"),
    (RECYCLE_ITEMS, "recycle"),
    (RESTORE_ITEMS, "restore"),
)
for _spec, _name in _FEEDBACK:
    on_final_failure(_spec)(partial(_tell_failure, _name))


def _ids(wanted: TreeOperation) -> list[str]:
    return [str(item_id) for item_id in wanted.item_ids]


def _by_id(rows: Sequence[Row]) -> dict[str, Wire]:
    return {str(item["id"]): item for item in told_items(rows)}
