"""Tasks that run beside others and end when they are told to."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

_PATIENCE_S = 0.5


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run `work` beside the block; it is stopped when the block ends."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        await stop(task)


async def stop(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it has ended; its outcome stays in it.

    Once is not always enough: libraries that wait with a timeout may swallow a cancellation that comes just as the
    wait is over.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=_PATIENCE_S)
