"""Time, memory and statements of the exports, and the statistics: `python -m benchmarks.exports`.

Starts a PostgreSQL and a Redis of its own, in a temporary folder, and makes the benchmark data set: a tree of 2,020
items with a million actions. Then doubles the actions, to show that memory does not follow.
"""

import asyncio
import itertools
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator

import httpx
import psycopg
from pydantic import BaseModel
from sqlalchemy import select

from benchmarks.stack import account_id, core, core_url, item_id, seed, services, session_cookie
from graasp.actions.jobs import EXPORT_ACTIONS, ExportActions
from graasp.exports.jobs import EXPORT_FOLDER, ExportFolder
from graasp.jobs.spec import JobSpec
from graasp.jobs.tables import job
from graasp.platform import open_platform
from graasp.settings import load_settings
from worker.execution import execute
from worker.registry import load_handlers

_WHO = {"item_id": item_id(0), "member_id": account_id(0)}
_EXPORTS = (
    (EXPORT_ACTIONS, ExportActions(**_WHO, format="json")),
    (EXPORT_ACTIONS, ExportActions(**_WHO, format="csv")),
    (EXPORT_FOLDER, ExportFolder(**_WHO)),
)
_DOUBLE = """
    insert into action (type, created_at, account_id, item_id, extra, geolocation, view)
    select type, created_at, account_id, item_id, extra, geolocation, view from action
"""
_CONNECTIONS = 16
_SECONDS = 10


def main() -> None:
    with services() as folder:
        seed()
        print("| export | actions | seconds | peak MB | MB before | archive MB | statements |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for number in range(len(_EXPORTS)):
            _in_a_process_of_its_own(number, "1,000,000")
        with core(folder / "core.log"):
            asyncio.run(_statistics())
        with psycopg.connect(os.environ["DB_CONNECTION"], autocommit=True) as connection:
            connection.execute(_DOUBLE)
            connection.execute("vacuum analyze")
        for number in range(len(_EXPORTS)):
            _in_a_process_of_its_own(number, "2,000,000")


def _in_a_process_of_its_own(number: int, actions: str) -> None:
    """Its peak is the job's."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_measure_export, args=(number, actions))
    process.start()
    process.join()


def _measure_export(number: int, actions: str) -> None:
    load_handlers()
    asyncio.run(_export(*_EXPORTS[number], actions))


async def _export(spec: JobSpec[BaseModel], payload: BaseModel, actions: str) -> None:
    settings = load_settings(action_export_window_seconds=0, log_level="error")
    async with open_platform(settings) as platform:
        async with platform.unit_of_work() as uow:
            job_id = await uow.enqueue(spec, payload)
        await platform.jobs.flush()
        statements: list[str] = []
        platform.database.observers.append(statements.append)
        before = _peak_mb()
        started = time.perf_counter()
        await execute(platform, job_id)
        seconds = time.perf_counter() - started
        peak = _peak_mb()
        row = await platform.reads.first(select(job.c.result).where(job.c.id == job_id))
        assert row is not None
        size = await platform.storage.size(row["result"]["storageKey"])
    kind = getattr(payload, "format", "raw")
    print(
        f"| {kind} | {actions} | {seconds:.1f} | {peak:.0f} | {before:.0f} | {(size or 0) / 1e6:.0f}"
        f" | {len(statements)} |",
        flush=True,
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _statistics() -> None:
    # Whoever asks for another range is counted for anew.
    seconds = itertools.cycle(range(24 * 3600))
    different = (time.strftime("2020-01-01T%H:%M:%SZ", time.gmtime(second)) for second in seconds)
    print("\n| actions by day | requests/s |\n|---|---:|")
    print(f"| each for another range | {await _per_second(different):.1f} |")
    print(
        f"| all for the same | {await _per_second(itertools.repeat('2020-01-01T00:00:00Z')):.0f} |\n",
        flush=True,
    )


async def _per_second(starts: Iterator[str]) -> float:
    url = f"{core_url()}/api/items/{item_id(0)}/actions/actions-by-day"
    until = time.monotonic() + _SECONDS
    answered = 0

    async def ask(client: httpx.AsyncClient) -> None:
        nonlocal answered
        while time.monotonic() < until:
            query = {"startDate": next(starts), "endDate": "2100-01-01T00:00:00Z"}
            (await client.get(url, params=query)).raise_for_status()
            answered += 1

    headers = {"Cookie": session_cookie(account_id(0))}
    started = time.monotonic()
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        await asyncio.gather(*(ask(client) for _ in range(_CONNECTIONS)))
    return answered / (time.monotonic() - started)


if __name__ == "__main__":
    main()
