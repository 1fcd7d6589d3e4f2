"""Tasks that run beside others end when they are told to."""

import asyncio

from graasp.background import in_background, stop


async def _stubborn(swallowed: list[str], times: int) -> None:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if len(swallowed) == times:
                raise
            swallowed.append("cancellation")


async def test_a_task_that_swallows_cancellations_is_stopped_all_the_same() -> None:
    swallowed: list[str] = []
    async with in_background(_stubborn(swallowed, times=2)) as task:
        await asyncio.sleep(0)
    assert task.cancelled()
    assert len(swallowed) == 2


async def test_what_ended_by_itself_keeps_its_outcome() -> None:
    async with in_background(asyncio.sleep(0)) as task:
        await task
    await stop(task)
    assert not task.cancelled()


async def test_a_failing_block_stops_its_task() -> None:
    try:
        async with in_background(_stubborn([], times=0)) as task:
            raise ValueError
    except ValueError:
        assert task.cancelled()
