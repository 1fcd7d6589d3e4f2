"""Time, memory and statements of the exports: `python -m benchmarks.exports`.

Starts a PostgreSQL and a Redis of its own, in a temporary folder, and makes the benchmark data set: a tree of 2,020
items with a million actions. Then doubles the actions, to show that memory does not follow.
"""

import os
import subprocess
import sys

import psycopg

from benchmarks.stack import seed, services

_KINDS = ("json", "csv", "raw")
_DOUBLE = """
    insert into action (type, created_at, account_id, item_id, extra, geolocation, view)
    select type, created_at, account_id, item_id, extra, geolocation, view from action
"""


def main() -> None:
    with services():
        seed()
        print("| export | actions | seconds | peak MB | MB before | archive MB | statements |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for kind in _KINDS:
            _export(kind, "1,000,000")
        with psycopg.connect(os.environ["DB_CONNECTION"], autocommit=True) as connection:
            connection.execute(_DOUBLE)
            connection.execute("vacuum analyze")
        for kind in _KINDS:
            _export(kind, "2,000,000")


def _export(kind: str, actions: str) -> None:
    """In a process of its own: its peak is the job's."""
    subprocess.run([sys.executable, "-m", "benchmarks.export_job", kind, actions], check=True)


if __name__ == "__main__":
    main()
