"""The worker's own port: metrics of what its processes did, and whether it is well."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from graasp.embedded.process import free_port
from graasp.platform import Platform, open_platform
from graasp.settings import Settings
from tests.worker.sample_jobs import HEAVY_NOTE, SHORT_NOTE, Note
from tests.worker.workers import enqueue, environment, forked_process, lines, until, until_state, working


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def watched(
    make_fast_settings: Callable[..., Settings], clean_services: None, port: int
) -> AsyncIterator[Platform]:
    settings = make_fast_settings(worker_metrics_port=port, operations_listen_address="127.0.0.1")
    async with open_platform(settings) as platform:
        yield platform


def _check(settings: Settings) -> int:
    return subprocess.run(
        [sys.executable, "-m", "worker", "check"], env=environment(settings), timeout=30, check=False
    ).returncode


async def test_what_work_processes_and_those_they_fork_did_is_told_by_the_pool(
    watched: Platform, port: int, tmp_path: Path
) -> None:
    assert _check(watched.settings) == 1
    with working(watched.settings) as worker:
        first = await enqueue(watched, HEAVY_NOTE, Note(file=tmp_path / "heavy", hang_until=1))
        await until(lambda: len(lines(tmp_path / "heavy.started")) == 1)
        forked_process(worker).kill()
        second = await enqueue(watched, SHORT_NOTE, Note(file=tmp_path / "short", fail_in=(1,)))
        for job_id in (first, second):
            await until_state(watched, job_id, "succeeded")
        assert _check(watched.settings) == 0
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/health")).text == "OK"
            wanted = {
                ("graasp_job_seconds_count", "heavy-note", "succeeded"): 1.0,
                ("graasp_job_seconds_count", "short-note", "retried"): 1.0,
                ("graasp_job_seconds_count", "short-note", "succeeded"): 1.0,
                ("graasp_job_wait_seconds_count", "short-note"): 2.0,
                ("graasp_job_processes_died_total", "heavy-note"): 1.0,
            }

            async def is_told() -> bool:
                seen = _samples((await client.get("/metrics")).text)
                return wanted.items() <= seen.items()

            await until(is_told)


def _samples(content: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(content)
        for sample in family.samples
    }
