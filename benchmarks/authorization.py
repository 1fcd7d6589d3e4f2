"""What one account may do on 2,000 items, in one statement: `python -m benchmarks.authorization`.

Starts a PostgreSQL and a Redis of its own, in a temporary folder, and makes the benchmark data set.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from uuid import UUID

from benchmarks.stack import account_id, item_id, seed, services
from graasp.memberships.authorization import Access, authorize_many
from graasp.platform import Platform, open_platform
from graasp.settings import load_settings

_ROUNDS = 50
_AT_MOST_MS = 20

_TREE = [item_id(1000 * folder + document) for folder in range(1, 21) for document in range(1, 101)]
_ROOTS = [item_id(100_000 + number) for number in range(2000)]


async def _measure(platform: Platform, what: str, account: UUID, items: Sequence[UUID], allowed: int) -> bool:
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        verdicts = await authorize_many(platform.reads, account, items)
        times.append((time.perf_counter() - started) * 1000)
        assert sum(isinstance(verdict, Access) for verdict in verdicts.values()) == allowed
    median, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    print(f"| {what} | {median:.1f} | {p95:.1f} |", flush=True)
    return median < _AT_MOST_MS


async def _run() -> bool:
    async with open_platform(load_settings()) as platform:
        print("| 2,000 items | median ms | p95 ms |\n|---|---:|---:|")
        met = [
            await _measure(platform, "in a tree, its owner (5,001 memberships)", account_id(0), _TREE, 2000),
            await _measure(platform, "in a tree, a member (one membership)", account_id(30), _TREE, 2000),
            await _measure(platform, "in a tree, a stranger", UUID(int=0), _TREE, 0),
            await _measure(platform, "each a root, its owner", account_id(0), _ROOTS, 2000),
        ]
    return all(met)


def main() -> int:
    with services():
        seed()
        return 0 if asyncio.run(_run()) else 1


if __name__ == "__main__":
    sys.exit(main())
