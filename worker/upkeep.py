"""What keeps jobs alive beside the processes that run them: relay, reconciler, schedule, RQ's history.

Every worker does it, as often as it likes: locks in PostgreSQL make each step happen once at a time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from redis.exceptions import RedisError

from graasp.db.database import DatabaseUnavailable
from graasp.jobs.reconciler import find_lost, refresh_view, resume_orphans
from graasp.jobs.relay import relay
from graasp.platform import Platform
from worker.schedule import tick

log = structlog.get_logger(__name__)

_SCHEDULE_EVERY_S = 20.0
_VIEW_EVERY_S = 20.0

Step = Callable[[], Awaitable[object]]


class Upkeep:
    """The steps and their pace. `last_round` is when all that was due was last done, on the monotonic clock."""

    def __init__(self, platform: Platform, queues: Sequence[str]) -> None:
        self._platform = platform
        self._queues = queues
        self._next: dict[str, float] = {}
        self.last_round = time.monotonic()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until told to stop. Nothing ends it: what fails is logged and tried again."""
        settings = self._platform.settings
        rescue_every_s = settings.job_stale_after_seconds / 4
        steps: tuple[tuple[Step, float], ...] = (
            (self._relay, 0),
            (self._resume_orphans, rescue_every_s),
            (self._find_lost, rescue_every_s),
            (self._tick, _SCHEDULE_EVERY_S),
            (self._refresh_view, min(_VIEW_EVERY_S, rescue_every_s)),
        )
        while not stopping.is_set():
            # One step may fail, when Redis is away, without keeping the others from being done.
            results = [await self._do(step, every_s) for step, every_s in steps]
            if all(results):
                self.last_round = time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), settings.job_poll_seconds)

    async def _do(self, step: Step, every_s: float) -> bool:
        name = step.__name__
        if time.monotonic() < self._next.get(name, 0):
            return True
        try:
            await step()
        except (DatabaseUnavailable, RedisError, OSError) as error:
            log.warning(
                "upkeep interrupted, will be repeated", step=name, reason=str(error) or type(error).__name__
            )
            return False
        except Exception:
            log.exception("upkeep failed, will be repeated", step=name)
            return False
        self._next[name] = time.monotonic() + every_s
        return True

    async def _relay(self) -> None:
        await relay(self._platform.database, self._platform.jobs)

    async def _resume_orphans(self) -> None:
        stale_after_s = self._platform.settings.job_stale_after_seconds
        await resume_orphans(self._platform.database, stale_after_s)

    async def _find_lost(self) -> None:
        older_than_s = self._platform.settings.job_stale_after_seconds / 2
        await find_lost(self._platform.database, self._platform.jobs, older_than_s)

    async def _tick(self) -> None:
        await tick(self._platform)

    async def _refresh_view(self) -> None:
        settings = self._platform.settings
        await refresh_view(
            self._platform.database,
            self._platform.jobs,
            self._queues,
            completed=settings.jobs_kept_completed,
            failed=settings.jobs_kept_failed,
        )
