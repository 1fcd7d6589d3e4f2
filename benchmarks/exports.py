"""Time and memory of the exports, on the benchmark data set of `graasp seed bench`.

Usage: DB_CONNECTION=… (and the other variables of the worker) python benchmarks/exports.py
"""

import asyncio
import multiprocessing
import resource
import time
from uuid import UUID

from graasp.actions.jobs import EXPORT_ACTIONS, ExportActions
from graasp.exports.jobs import EXPORT_FOLDER, ExportFolder
from graasp.jobs.spec import JobSpec
from graasp.platform import open_platform
from graasp.settings import load_settings
from worker.execution import execute
from worker.registry import load_handlers

ROOT = UUID("00000000-0000-4000-9000-000000000000")
OWNER = UUID("00000000-0000-4000-8000-000000000000")


async def run(spec: JobSpec, payload: object) -> None:
    async with open_platform(load_settings(action_export_window_seconds=0)) as platform:
        async with platform.database.transaction() as transaction:
            job_id = await platform.jobs.enqueue(transaction, spec, payload)
        statements: list[str] = []
        platform.database.observers.append(statements.append)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started = time.perf_counter()
        outcome = await execute(platform, job_id)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        row = await platform.reads.first(_key(job_id))
        size = await platform.storage.size(row["result"]["storageKey"]) if row and row["result"] else 0
    kind = getattr(payload, "format", "raw")
    print(
        f"{spec.name:20} {kind:5} {outcome.value:10} {seconds:6.1f} s  peak {peak:5.0f} MB (started at {before:.0f})"
        f"  archive {(size or 0) / 1e6:.1f} MB  {len(statements)} statements"
    )


def _key(job_id: UUID):
    from sqlalchemy import select

    from graasp.jobs.tables import job

    return select(job.c.result).where(job.c.id == job_id)


def measure(spec: JobSpec, payload: object) -> None:
    """In a process of its own, so that the peak is the job's."""
    process = multiprocessing.get_context("spawn").Process(target=_in_process, args=(spec.name, payload))
    process.start()
    process.join()


def _in_process(name: str, payload: object) -> None:
    load_handlers()
    spec = {EXPORT_ACTIONS.name: EXPORT_ACTIONS, EXPORT_FOLDER.name: EXPORT_FOLDER}[name]
    asyncio.run(run(spec, payload))


if __name__ == "__main__":
    for export_format in ("json", "csv"):
        measure(EXPORT_ACTIONS, ExportActions(item_id=ROOT, member_id=OWNER, format=export_format))
    measure(EXPORT_FOLDER, ExportFolder(item_id=ROOT, member_id=OWNER))
