"""How soon jobs start and how many a worker does: `python -m benchmarks.jobs`.

Starts a PostgreSQL, a Redis, a mail server and workers of its own, in a temporary folder.
"""

import asyncio
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from pydantic import BaseModel
from sqlalchemy import delete, func, select, text

from graasp.db.migrations import migrate
from graasp.embedded.postgres import embedded_postgres
from graasp.embedded.process import free_port
from graasp.embedded.redis_server import embedded_redis
from graasp.jobs.spec import JobSpec
from graasp.jobs.tables import job
from graasp.mail.messages import sign_in
from graasp.mail.service import send_mail
from graasp.platform import Platform, open_platform
from graasp.settings import load_settings
from worker.execution import RunningJob
from worker.registry import handles

_JOBS = 1000
_SAMPLES = 60


class Nothing(BaseModel):
    number: int = 0


TRIVIAL_SHORT = JobSpec("bench-short", "mail", Nothing, timeout=timedelta(minutes=1))
TRIVIAL_HEAVY = JobSpec("bench-heavy", "action-export", Nothing, timeout=timedelta(minutes=1))


@handles(TRIVIAL_SHORT)
@handles(TRIVIAL_HEAVY)
async def do_nothing(job: RunningJob, payload: Nothing) -> None:
    """As little as a job can do: it is claimed and marked."""


class Sink:
    """A mail server that counts."""

    received = 0

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802
        self.received += 1
        return "250 OK"


@contextmanager
def _environment() -> Iterator[Sink]:
    """Services of our own; this process and its children use them."""
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    with tempfile.TemporaryDirectory(prefix="graasp-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres") as database, embedded_redis(folder / "redis") as redis:
            migrate(database)
            controller.start()
            os.environ |= {
                "NODE_ENV": "test",
                "DB_CONNECTION": database,
                "REDIS_CONNECTION": redis,
                "MAILER_CONNECTION": f"smtp://127.0.0.1:{controller.port}",
                "MAILER_USE_SSL": "false",
                "FILE_STORAGE_ROOT_PATH": str(folder / "files"),
                "COOKIE_DOMAIN": "localhost",
                "SECURE_SESSION_SECRET_KEY": secrets.token_hex(32),
                "LOG_LEVEL": "error",
            } | {
                f"{name}_SECRET": secrets.token_hex(32)
                for name in ("JWT", "PASSWORD_RESET_JWT", "EMAIL_CHANGE_JWT", "APPS_JWT")
            }
            yield sink
            controller.stop()


@asynccontextmanager
async def _working(platform: Platform, *options: str) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "worker", "--handlers", "benchmarks.jobs", *options]
    worker = await asyncio.create_subprocess_exec(*command)
    try:
        # Until every process takes jobs.
        for spec in (TRIVIAL_SHORT, TRIVIAL_HEAVY):
            if _has_processes(options, spec):
                await _enqueue(platform, spec, 1)
        await _until_done(platform)
        await asyncio.sleep(3)
        yield
    finally:
        worker.terminate()
        await worker.wait()


def _has_processes(options: tuple[str, ...], spec: JobSpec[Nothing]) -> bool:
    option = "--short-processes" if spec is TRIVIAL_SHORT else "--processes"
    return options[options.index(option) + 1] != "0"


async def _enqueue(platform: Platform, spec: JobSpec[Nothing], count: int) -> None:
    async with platform.unit_of_work() as uow:
        for number in range(count):
            await uow.enqueue(spec, Nothing(number=number))


async def _until_done(platform: Platform) -> None:
    live = select(func.count()).select_from(job).where(job.c.state != "succeeded")
    while await platform.reads.scalar(live):  # noqa: ASYNC110 - what ends is in other processes
        await asyncio.sleep(0.05)


async def _measure_latency(platform: Platform, spec: JobSpec[Nothing]) -> None:
    """From the commit to the claim, both by the clock of this machine."""
    waits = []
    for _ in range(_SAMPLES):
        async with platform.unit_of_work() as uow:
            job_id = await uow.enqueue(spec, Nothing())
        committed = time.time()
        await _until_done(platform)
        started = await platform.reads.scalar(
            select(func.extract("epoch", job.c.started_at)).where(job.c.id == job_id)
        )
        waits.append(max(0.0, float(started) - committed) * 1000)
        await asyncio.sleep(0.05)
    p95 = statistics.quantiles(waits, n=20)[-1]
    print(
        f"commit to start, idle worker, {spec.queue:14} p50 {statistics.median(waits):6.1f} ms  p95 {p95:6.1f} ms"
    )


async def _measure_throughput(platform: Platform, spec: JobSpec[Nothing], processes: str) -> None:
    started = time.perf_counter()
    await _enqueue(platform, spec, _JOBS)
    await _until_done(platform)
    seconds = time.perf_counter() - started
    print(f"{_JOBS} trivial jobs, {processes:28} {seconds:6.1f} s  {_JOBS / seconds:5.0f}/s")


async def _measure_mails(platform: Platform, sink: Sink, processes: str) -> None:
    before, started = sink.received, time.perf_counter()
    for number in range(_JOBS):
        async with platform.unit_of_work() as uow:
            link = f"https://example.org/auth?t={number}"
            await send_mail(uow, sign_in(recipient=f"a{number}@example.org", lang="fr", link=link))
    await _until_done(platform)
    seconds = time.perf_counter() - started
    assert sink.received - before == _JOBS, "every mail once"
    print(f"{_JOBS} mails, each in a transaction, {processes:13} {seconds:6.1f} s  {_JOBS / seconds:5.0f}/s")


async def _forget(platform: Platform) -> None:
    async with platform.database.transaction() as transaction:
        await transaction.execute(delete(job))
    async with platform.database.primary.acquire() as connection:
        await connection.execute(str(text("vacuum analyze job")))


async def main() -> None:
    with _environment() as sink:
        async with open_platform(load_settings()) as platform:
            async with _working(platform, "--processes", "1", "--short-processes", "1"):
                await _measure_latency(platform, TRIVIAL_SHORT)
                await _measure_latency(platform, TRIVIAL_HEAVY)
                await _forget(platform)
                await _measure_mails(platform, sink, "1 process")
                await _forget(platform)
                await _measure_throughput(platform, TRIVIAL_SHORT, "1 process without forks")
                await _forget(platform)
            async with _working(platform, "--processes", "0", "--short-processes", "2"):
                await _measure_throughput(platform, TRIVIAL_SHORT, "2 processes without forks")
                await _forget(platform)
                await _measure_mails(platform, sink, "2 processes")
                await _forget(platform)
            async with _working(platform, "--processes", "2", "--short-processes", "0"):
                await _measure_throughput(platform, TRIVIAL_HEAVY, "2 processes, a fork per job")


if __name__ == "__main__":
    asyncio.run(main())
