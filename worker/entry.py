"""Where RQ enters: a job's id comes in, an attempt at it is made."""

import asyncio
import signal
from contextlib import AsyncExitStack
from uuid import UUID

from graasp.logging import configure_logging
from graasp.platform import Platform, open_platform
from graasp.settings import Settings, load_settings
from worker.execution import Outcome, execute
from worker.registry import load_handlers


class JobFailed(Exception):
    """Makes RQ show the job among the failed ones; the reason is in the job's row."""


class JobRunner:
    """An event loop and a platform that outlive the single job."""

    def __init__(self, settings: Settings, extra_modules: tuple[str, ...] = ()) -> None:
        configure_logging(settings)
        load_handlers(extra_modules)
        self._settings = settings
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._platform: Platform | None = None
        self._stopping: asyncio.Event | None = None

    def run(self, job_id: UUID) -> Outcome:
        return self._runner.run(self._execute(job_id))

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _execute(self, job_id: UUID) -> Outcome:
        if self._platform is None:
            self._platform = await self._stack.enter_async_context(open_platform(self._settings))
            self._stopping = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._stopping.set)
        return await execute(self._platform, job_id, self._stopping)


class _Process:
    """What this process has set up: a long-lived runner where jobs are not forked, none where they are."""

    settings: Settings | None = None
    extra_modules: tuple[str, ...] = ()
    kept_runner: JobRunner | None = None


def prepare(settings: Settings, extra_modules: tuple[str, ...], *, keep_runner: bool) -> None:
    """Called once by a work process before it takes jobs."""
    _Process.settings = settings
    _Process.extra_modules = extra_modules
    if keep_runner:
        _Process.kept_runner = JobRunner(settings, extra_modules)
    else:
        # Imported before the fork: every job would pay for it otherwise.
        load_handlers(extra_modules)


def run_job(job_id: str) -> str:
    """The function RQ calls."""
    if _Process.kept_runner is not None:
        outcome = _Process.kept_runner.run(UUID(job_id))
    else:
        runner = JobRunner(_Process.settings or load_settings(), _Process.extra_modules)
        try:
            outcome = runner.run(UUID(job_id))
        finally:
            runner.close()
    if outcome is Outcome.FAILED:
        raise JobFailed(f"see `graasp job show {job_id}`")
    return outcome.value
