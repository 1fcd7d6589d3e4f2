"""Time, memory and statements of the exports, and the statistics: `python -m benchmarks.exports`.

Starts a PostgreSQL and a Redis of its own, in a temporary folder, and makes the benchmark data set: a tree of 2,020
items with a million actions. Then doubles the actions, to show that memory does not follow.
"""

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import psycopg

from benchmarks.stack import account_id, core, core_url, item_id, seed, services, session_cookie

_KINDS = ("json", "csv", "raw")
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
        for kind in _KINDS:
            _export(kind, "1,000,000")
        with core(folder / "core.log"):
            asyncio.run(_statistics())
        with psycopg.connect(os.environ["DB_CONNECTION"], autocommit=True) as connection:
            connection.execute(_DOUBLE)
            connection.execute("vacuum analyze")
        for kind in _KINDS:
            _export(kind, "2,000,000")


def _export(kind: str, actions: str) -> None:
    """In a process of its own: its peak is the job's."""
    subprocess.run([sys.executable, "-m", "benchmarks.export_job", kind, actions], check=True)


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
