"""The commands of the images and of the compose files, run outside containers."""

import asyncio
import json
import os
import re
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
import yaml
from sqlalchemy import select

from graasp.embedded.process import free_port
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from tests.worker.sample_jobs import SHORT_NOTE, Note
from tests.worker.workers import enqueue, environment, until

ROOT = Path(__file__).resolve().parents[2]
_OURS = {name.upper() for name in Settings.model_fields}


def _stage(target: str) -> str:
    stages = re.split(r"^FROM ", (ROOT / "docker" / "Dockerfile").read_text(), flags=re.MULTILINE)
    return next(stage for stage in stages if stage.partition("\n")[0].endswith(f" AS {target}"))


def _command(target: str, instruction: str) -> list[str]:
    """What an instruction of the Dockerfile's stage runs."""
    found = re.search(rf"^\s*{instruction} (\[.*\])$", _stage(target), re.MULTILINE)
    assert found, instruction
    return list(json.loads(found[1]))


def _health_check(target: str) -> list[str]:
    assert "HEALTHCHECK" in _stage(target)
    found = re.search(r"HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", _stage(target), re.MULTILINE)
    assert found
    return list(json.loads(found[1]))


def _main_command(target: str) -> list[str]:
    found = re.search(r"^CMD (\[.*\])$", _stage(target), re.MULTILINE)
    assert found
    return list(json.loads(found[1]))


def _variables(given: dict[str, str]) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if name not in _OURS}
    return others | {"PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"} | given


@asynccontextmanager
async def _running(
    command: list[str], variables: dict[str, str], folder: Path
) -> AsyncIterator[psutil.Process]:
    process = await asyncio.create_subprocess_exec(*command, env=_variables(variables), cwd=folder)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def _is_well(check: list[str], variables: dict[str, str]) -> bool:
    process = await asyncio.create_subprocess_exec(
        *check, env=_variables(variables), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    return await process.wait() == 0


@pytest.fixture
def variables(make_settings: Callable[..., Settings], platform: Platform) -> dict[str, str]:
    return environment(
        make_settings(
            node_env="production",
            port=free_port(),
            operations_port=free_port(),
            worker_metrics_port=free_port(),
            dashboard_user="operator",
            dashboard_password="secret",
        )
    )


async def test_migrate_needs_the_address_of_the_database_alone(postgres_url: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("create database of_a_container")
    try:
        url = f"{postgres_url.rpartition('/')[0]}/of_a_container"
        command = _command("migrate", "ENTRYPOINT")
        task = await asyncio.create_subprocess_exec(
            *command, env=_variables({"DB_CONNECTION": url}), cwd=tmp_path, stdout=subprocess.DEVNULL
        )
        assert await task.wait() == 0
        migrated = await asyncpg.connect(url)
        assert await migrated.fetchval("select count(*) from item") == 0
        await migrated.close()
    finally:
        await connection.execute("drop database of_a_container with (force)")
        await connection.close()


@pytest.mark.parametrize("target", ["core", "worker"])
async def test_core_and_worker_start_are_well_and_stop(
    target: str, variables: dict[str, str], tmp_path: Path
) -> None:
    check = _health_check(target)
    assert not await _is_well(check, variables)
    async with _running(_main_command(target), variables, tmp_path):
        await until(lambda: _is_well(check, variables))
        if target == "core":
            operations = f"http://127.0.0.1:{variables['OPERATIONS_PORT']}"
            async with httpx.AsyncClient(base_url=operations, follow_redirects=True) as client:
                assert (await client.get("/ui")).status_code == 401
                assert (await client.get("/ui", auth=("operator", "secret"))).status_code == 200
                assert (await client.get("/metrics")).status_code == 200
            public = f"http://127.0.0.1:{variables['PORT']}"
            assert httpx.get(f"{public}/ui/").status_code == 404
    assert not await _is_well(check, variables)


async def test_the_development_override_runs_the_worker_inside_the_core(
    variables: dict[str, str], platform: Platform, tmp_path: Path
) -> None:
    override = yaml.safe_load((ROOT / "docker-compose.override.example.yml").read_text())["services"]["core"]
    async with _running(override["command"], variables | override["environment"], tmp_path) as both:
        base = f"http://127.0.0.1:{variables['PORT']}"
        await until(lambda: _is_well(_health_check("core"), variables))
        assert httpx.get(f"{base}/ui/").status_code == 200
        # No handler here knows it: that it fails shows that a worker took it.
        job_id = await enqueue(platform, SHORT_NOTE, Note(file=tmp_path / "note"))
        state = select(job.c.state).where(job.c.id == job_id)

        async def has_failed() -> bool:
            return bool(await platform.reads.scalar(state) == "failed")

        await until(has_failed)
        processes = both.children(recursive=True)
        assert {"serve", "worker"} <= {word for one in processes for word in one.cmdline()}
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []


def test_the_images_run_as_nobody_special_and_hold_no_build_tools() -> None:
    assert re.search(r"^USER \d+$", _stage("base"), re.MULTILINE)
    assert re.findall(r"^USER (\d+)$", _stage("core"), re.MULTILINE)[-1] == "10001"
    assert "pip uninstall --yes uv setuptools pip" in _stage("packages")
    for image in re.findall(r"^FROM (\S+)", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE):
        assert image in ("base",) or re.fullmatch(r"python:3\.11\.\d+-slim-\w+", image)
