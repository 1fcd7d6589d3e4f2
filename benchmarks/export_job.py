"""One export of the benchmark data set as the worker does it, started by `benchmarks.exports`.

Imports what the worker does and nothing else: the peak of this process is that of the job.
"""

import asyncio
import resource
import sys
import time
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select

from graasp.actions.jobs import EXPORT_ACTIONS, ExportActions
from graasp.exports.jobs import EXPORT_FOLDER, ExportFolder
from graasp.jobs.spec import JobSpec
from graasp.jobs.tables import job
from graasp.logging import configure_logging
from graasp.platform import open_platform
from graasp.settings import load_settings
from worker.execution import execute
from worker.registry import load_handlers

_ROOT = UUID("00000000-0000-4000-9000-000000000000")
_OWNER = UUID("00000000-0000-4000-8000-000000000000")


async def _export(kind: str, actions: str) -> None:
    settings = load_settings(action_export_window_seconds=0, log_level="error")
    configure_logging(settings)
    spec, payload = _job(kind)
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
    print(
        f"| {kind} | {actions} | {seconds:.1f} | {peak:.0f} | {before:.0f} | {(size or 0) / 1e6:.0f}"
        f" | {len(statements)} |",
        flush=True,
    )


def _job(kind: str) -> tuple[JobSpec[BaseModel], BaseModel]:
    if kind == "raw":
        return EXPORT_FOLDER, ExportFolder(item_id=_ROOT, member_id=_OWNER)
    return EXPORT_ACTIONS, ExportActions(item_id=_ROOT, member_id=_OWNER, format=kind)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    load_handlers()
    asyncio.run(_export(sys.argv[1], sys.argv[2]))
