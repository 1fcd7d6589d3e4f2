"""Shows that workers reach the database and the storage."""

from collections.abc import AsyncIterator

from graasp.deployment.jobs import SMOKE_TEST, SmokeTest
from worker.execution import RunningJob
from worker.registry import handles


@handles(SMOKE_TEST)
async def smoke_test(job: RunningJob, _: SmokeTest) -> None:
    """Idempotent: what it stores is its own, and gone at its end."""
    storage, key = job.platform.storage, f"smoke-test/{job.id}"
    try:
        await storage.put(key, _something(), content_type="text/plain", metadata={})
        async with job.completing({"stored": await storage.size(key)}):
            pass
    finally:
        await storage.delete(key)


async def _something() -> AsyncIterator[bytes]:
    yield b"smoke"
