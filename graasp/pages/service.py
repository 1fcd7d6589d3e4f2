"""The content of pages."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import structlog
from pycrdt import merge_updates

from graasp.pages import queries
from graasp.platform import UnitOfWork

log = structlog.get_logger(__name__)

_BYTES_AT_ONCE = 4 * 1024 * 1024


async def copy_pages(uow: UnitOfWork, copies: Sequence[tuple[UUID, UUID]]) -> None:
    """Give copied pages, as `(copy, original)`, the content of the originals, each merged into one update of clock 0.

    Two statements, and one more for every four megabytes.
    """
    if not copies:
        return
    copies_of: dict[UUID, list[UUID]] = {source: [] for _, source in copies}
    for copy, source in copies:
        copies_of[source].append(copy)
    rows: list[tuple[UUID, bytes, int]] = []
    size = 0
    async for source, updates in _contents(uow, list(copies_of)):
        for clock, update in enumerate(await asyncio.to_thread(_merged, source, updates)):
            rows += [(copy, update, clock) for copy in copies_of[source]]
            size += len(update) * len(copies_of[source])
        if size >= _BYTES_AT_ONCE:
            await _insert(uow, rows)
            rows, size = [], 0
    await _insert(uow, rows)


async def _contents(uow: UnitOfWork, pages: Sequence[UUID]) -> AsyncIterator[tuple[UUID, list[bytes]]]:
    """The updates of every page, those without any last."""
    updates: list[bytes] = []
    current: UUID | None = None
    empty = set(pages)
    async for row in uow.stream(queries.UPDATES_OF, item_ids=list(pages)):
        if row["item_id"] != current:
            if current:
                yield current, updates
            current, updates = row["item_id"], []
            empty.discard(current)
        updates.append(row["update"])
    if current:
        yield current, updates
    for page in empty:
        yield page, []


def _merged(page: UUID, updates: Sequence[bytes]) -> Sequence[bytes]:
    """One update; of no updates, that of an empty document. What is no update at all does not stop a copy."""
    try:
        return [merge_updates(*updates)]
    except ValueError:
        log.warning("the updates of a page can't be merged", page=str(page))
        return updates


async def _insert(uow: UnitOfWork, rows: Sequence[tuple[UUID, bytes, int]]) -> None:
    if rows:
        item_ids, updates, clocks = zip(*rows, strict=True)
        await uow.execute(queries.INSERT, item_ids=item_ids, updates=updates, clocks=clocks)
