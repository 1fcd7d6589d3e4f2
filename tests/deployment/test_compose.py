"""An installation with Docker Compose goes through its states, is released, and is saved."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from graasp.deployment.driver import InFlight, StepFailed
from graasp.deployment.states import Service, State
from graasp.deployment.targets import TargetOptions, TargetUnusable
from graasp.embedded.postgres import packaged_programs
from tests.command_line import GRAASP, Ended, run_graasp
from tests.db.databases import create_installation, execute, new_database, scalar
from tests.deployment.compose_project import Project

SURROUNDINGS = {"gateway": 1, "maintenance": 1}
UP = {"core": 1, "worker": 1, "redis": 1, "database": 1, **SURROUNDINGS}

Told = list[str]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def started(project: Project) -> Project:
    """As after `docker compose up`."""
    subprocess.run(["docker", "compose", "up", "--detach"], cwd=project.folder, check=True)
    project.forget_calls()
    return project


@pytest.fixture
def database(postgres_url: str, project: Project) -> Iterator[str]:
    """The database of the project is a real one, reached by the real programs."""
    with new_database(postgres_url) as url:
        create_installation(url)
        host = url.partition("@")[2].partition("/")[0].partition(":")
        environment = {
            "PGHOST": host[0],
            "PGPORT": host[2],
            "PGPASSWORD": url.partition("@")[0].rpartition(":")[2],
        }
        programs = packaged_programs()
        assert programs is not None
        compose = (project.folder / "docker-compose.yml").read_text()
        (project.folder / "docker-compose.yml").write_text(
            compose.replace("POSTGRES_DB: graasp", f"POSTGRES_DB: {url.rpartition('/')[2]}")
        )
        project.plan(environment=environment, programs=str(programs))
        yield url


async def state(project: Project, *arguments: str) -> Ended:
    return await run_graasp(
        project.folder,
        "state",
        *arguments,
        "--target",
        "compose",
        **{**project.variables, "LOG_LEVEL": "error"},
    )


async def set_state(project: Project, wanted: str, *options: str) -> Ended:
    return await state(project, "set", wanted, "--yes", *options)


async def release(project: Project, version: str) -> Ended:
    command = ("release", version, "--target", "compose", "--yes")
    return await run_graasp(project.folder, *command, **project.variables)


def planned(project: Project) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((project.folder / ".stand-in" / "plan.json").read_text())
    return read


def record(project: Project) -> dict[str, object]:
    read: dict[str, object] = json.loads((project.folder / ".graasp-compose" / "record.json").read_text())
    return read


async def test_an_installation_goes_through_every_state_and_comes_back(
    started: Project, database: str
) -> None:
    assert started.running() == UP
    for wanted, running in (
        ("restricted", UP),
        ("db-only", {"database": 1, **SURROUNDINGS}),
        ("stopped", SURROUNDINGS),
        ("restricted", UP),
        ("running", UP),
    ):
        ended = await set_state(started, wanted)
        assert ended.code == 0, ended.errors + ended.output
        assert started.running() == running, wanted
        assert record(started)["state"] == wanted
    shown = await state(started, "show", "--json")
    assert json.loads(shown.output)["differences"] == []
    # Cores are told of each state while there are some.
    announced = [call[-1] for call in started.calls("announce")]
    assert announced[0] == "restricted"
    assert announced[-1] == "running"


async def test_redis_is_stopped_last_and_started_first_and_hears_the_state_before_any_core(
    started: Project, database: str
) -> None:
    await set_state(started, "restricted")
    started.forget_calls()
    await set_state(started, "db-only")
    assert [call[2:] for call in started.calls("stop")] == [["core", "worker"], ["redis"]]
    started.forget_calls()
    await set_state(started, "restricted")
    order = [
        "announce" if "announce" in call else call[-1]
        for call in started.calls()
        if "announce" in call or "up" in call
    ]
    assert order.index("redis") < order.index("announce") < order.index("core")


async def test_a_failed_migration_leaves_the_database_alone_and_is_tried_again(
    started: Project, database: str
) -> None:
    await set_state(started, "restricted")
    plan = planned(started)
    started.plan(**plan, migrate=1)
    ended = await set_state(started, "db-only")
    assert ended.code == 1
    assert "The migration task ended with exit code 1" in ended.output
    assert "a revision failed" in ended.output
    assert started.running() == {"database": 1, **SURROUNDINGS}
    assert record(started)["state"] == "db-only"
    assert record(started)["transition"] is not None
    started.plan(**plan)
    started.forget_calls()
    assert (await set_state(started, "db-only")).code == 0
    assert [call for call in started.calls("run", "migrate") if call[-1] == "migrate"]
    assert record(started)["transition"] is None


async def test_a_core_that_does_not_answer_keeps_the_door_closed(
    started: Project, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_state(started, "restricted")
    await set_state(started, "db-only")
    plan = planned(started)
    started.plan(**plan, up_fails=["core"])
    ended = await set_state(started, "running")
    assert ended.code == 1
    assert "core could not be started" in ended.output
    assert [call[-1] for call in started.calls("announce")].count("running") == 0
    started.plan(**plan)
    assert (await set_state(started, "running")).code == 0
    assert started.running() == UP


async def test_what_was_killed_in_the_middle_goes_on(started: Project, database: str) -> None:
    await set_state(started, "restricted")
    hold = started.hold_migration()
    process = await asyncio.create_subprocess_exec(
        GRAASP, "state", "set", "db-only", "--yes", "--target", "compose",
        cwd=started.folder, env={**os.environ, **started.variables}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    await until(lambda: any(call[-1] == "migrate" for call in started.calls("run", "migrate")))
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert record(started)["state"] == "db-only"
    # What it has started is still at work: two migrations never are.
    refused = await set_state(started, "db-only")
    assert refused.code == 4
    assert "A migration task is at work" in refused.errors
    hold.unlink()
    await until(lambda: "migrate" not in started.running())
    assert (await set_state(started, "db-only")).code == 0
    assert record(started)["transition"] is None
    assert (await set_state(started, "running")).code == 0


async def test_pending_migrations_are_not_opened_to_people(started: Project, database: str) -> None:
    await set_state(started, "restricted")
    plan = planned(started)
    started.plan(**plan, pending=True)
    refused = await set_state(started, "running")
    assert refused.code == 4
    assert "lacks migrations" in refused.errors
    assert (await set_state(started, "running", "--allow-pending")).code == 0


async def test_what_is_open_is_waited_for(started: Project) -> None:
    started.plan(in_flight={"requests": 2, "websockets": 1})
    assert started.driver.in_flight() == InFlight(2, 1)
    ended = await set_state(started, "restricted", "--drain", "0.1", "--must-drain")
    assert ended.code == 1
    assert "2 requests, 1 websockets still open" in ended.output


def test_services_are_those_of_the_active_profiles(project: Project) -> None:
    assert set(project.driver.replicas) == {Service.CORE, Service.WORKERS, Service.REDIS}
    project.choose("COMPOSE_PROFILES=etherpad,meilisearch,umami")
    del os.environ["COMPOSE_PROFILES"]
    assert set(project.driver.replicas) == {
        Service.CORE, Service.WORKERS, Service.REDIS, Service.ETHERPAD, Service.MEILISEARCH, Service.UMAMI
    }  # fmt: skip


def test_the_header_is_the_one_of_the_core(project: Project) -> None:
    assert project.driver.maintenance_header == "X-Graasp-Maintenance"
    project.choose("MAINTENANCE_HEADER_NAME=X-Mine")
    assert project.driver.maintenance_header == "X-Mine"


def test_a_container_that_was_made_for_one_command_is_none_of_the_service(started: Project) -> None:
    observed = started.driver.observe()
    assert observed.services[Service.CORE].running == 1
    assert observed.version == "local"
    assert not observed.migrating
    assert observed.migrations_pending is False


def test_a_deployed_version_is_what_starts_next_and_what_runs_stays(started: Project, told: Told) -> None:
    started.choose(
        "CLIENT_HOST=https://example.org", "GRAASP_VERSION=v1.0.0", "GRAASP_IMAGE=example.org/graasp"
    )
    driver = started.driver
    driver.deploy("v2.0.0", told.append)
    assert (started.folder / ".env").read_text().splitlines() == [
        "CLIENT_HOST=https://example.org", "GRAASP_IMAGE=example.org/graasp", "GRAASP_VERSION=v2.0.0"
    ]  # fmt: skip
    assert started.calls("pull", "core", "worker", "migrate")
    driver.scale({Service.CORE: 1}, told.append)
    assert started.images("core") == ["graasp:core-local"]
    driver.scale({Service.CORE: 0}, told.append)
    driver.scale({Service.CORE: 1}, told.append)
    assert started.images("core") == ["example.org/graasp:core-v2.0.0"]
    assert driver.observe().version == "v2.0.0"


def test_without_published_images_a_version_is_built(started: Project, told: Told) -> None:
    started.driver.deploy("v2.0.0", told.append)
    assert started.calls("build", "core", "worker", "migrate")
    assert not started.calls("pull")


def test_a_version_that_can_not_be_fetched_changes_nothing(started: Project, told: Told) -> None:
    started.choose("GRAASP_IMAGE=example.org/graasp")
    started.plan(images="manifest for example.org/graasp:core-v9 not found")
    with pytest.raises(StepFailed, match="core-v9 not found"):
        started.driver.deploy("v9", told.append)
    assert (started.folder / ".env").read_text() == "GRAASP_IMAGE=example.org/graasp\n"
    with pytest.raises(StepFailed, match="can't be the tag"):
        started.driver.deploy("v9\nJWT_SECRET=x", told.append)


def test_a_version_is_rolled_out_with_a_core_at_every_moment(started: Project, told: Told) -> None:
    driver = started.driver
    driver.deploy("v2.0.0", told.append)
    driver.roll_out(told.append)
    assert started.images("core") == ["graasp:core-v2.0.0"]
    assert started.images("worker") == ["graasp:workers-v2.0.0"]
    assert started.images("maintenance") == ["graasp:core-v2.0.0"]
    assert started.running() == UP
    calls = started.calls()
    two = calls.index(next(call for call in calls if "core=2" in call))
    assert two < calls.index(next(call for call in calls if call[0] == "stop"))
    assert calls.index(next(call for call in calls if "worker=1" in call)) < two
    # Again, nothing is left to do.
    started.forget_calls()
    driver.roll_out(told.append)
    assert not [call for call in started.calls() if call[0] in ("stop", "rm")]


def test_a_version_that_does_not_answer_is_taken_away_and_the_one_before_stays(
    started: Project, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graasp.deployment.compose._HEALTH_TIMEOUT_S", 0.5)
    driver = started.driver
    driver.deploy("v2.0.0", told.append)
    started.plan(unhealthy=["graasp:core-v2.0.0"])
    with pytest.raises(StepFailed, match=r"Not answering after .* core[\s\S]*the last words"):
        driver.roll_out(told.append)
    assert started.images("core") == ["graasp:core-local"]
    assert started.running()["core"] == 1


def test_the_smoke_test_asks_for_the_version_and_tells_what_failed(started: Project, told: Told) -> None:
    started.driver.smoke_test(told.append)
    assert started.calls("smoke-test")[-1][-2:] == ["--version", "local"]
    started.plan(unwell=["local"])
    with pytest.raises(StepFailed, match="no worker took it"):
        started.driver.smoke_test(told.append)


@pytest.mark.parametrize(("compatible", "interrupts"), [(0, False), (7, True)])
async def test_a_version_is_released(
    started: Project, database: str, compatible: int, interrupts: bool
) -> None:
    started.plan(**planned(started), compatible=compatible)
    ended = await release(started, "v2.0.0")
    assert ended.code == 0, ended.errors + ended.output
    assert started.images("core") == ["graasp:core-v2.0.0"]
    assert started.images("worker") == ["graasp:workers-v2.0.0"]
    assert started.running() == UP
    assert (record(started)["state"], record(started)["version"]) == ("running", "v2.0.0")
    assert bool(started.calls("stop", "core")) == interrupts
    assert started.calls("smoke-test")[-1][-1] == "v2.0.0"
    assert list((started.folder / ".graasp-compose" / "snapshots").iterdir())


@pytest.mark.parametrize("compatible", [0, 7])
async def test_a_version_that_is_unwell_is_taken_back(
    started: Project, database: str, compatible: int
) -> None:
    # What runs was built before: nothing that is in the folder now may take its name.
    subprocess.run(
        ["docker", "compose", "--profile", "migrate", "build", "core", "worker", "migrate"],
        cwd=started.folder, check=True,
    )  # fmt: skip
    started.plan(**planned(started), compatible=compatible, unwell=["v2.0.0"])
    ended = await release(started, "v2.0.0")
    assert ended.code == 1, ended.errors + ended.output
    assert "no worker took it" in ended.output
    assert started.images("core") == ["graasp:core-local"]
    assert started.running() == UP
    assert (record(started)["state"], record(started)["version"]) == ("running", "local")
    assert len(started.calls("build")) == 2


def test_a_snapshot_brings_the_database_back(started: Project, database: str, told: Told) -> None:
    driver = started.driver
    snapshot = driver.snapshot("before", told.append)
    assert (snapshot.name, snapshot.version) == ("before", "local")
    file = started.folder / ".graasp-compose" / "snapshots" / "before.dump"
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StepFailed, match="already"):
        driver.snapshot("before", told.append)
    execute(database, "delete from action")
    driver.restore("before", told.append)
    assert scalar(database, "select count(*) from action") == 500
    with pytest.raises(StepFailed, match="no snapshot after"):
        driver.restore("after", told.append)
    with pytest.raises(StepFailed, match="can't be the name"):
        driver.restore("../record", told.append)


def test_the_announced_state_is_what_redis_tells(started: Project, told: Told) -> None:
    driver = started.driver
    assert driver.observe().announced is None
    driver.announce(State.RESTRICTED, told.append)
    assert driver.observe().announced == State.RESTRICTED
    driver.scale({Service.CORE: 0, Service.REDIS: 0}, told.append)
    assert driver.observe().announced is None
    started.forget_calls()
    driver.announce(State.RUNNING, told.append)
    assert not started.calls("announce")


def test_a_folder_without_a_project_is_no_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from graasp.deployment.compose import ComposeDriver

    with pytest.raises(TargetUnusable, match=r"no docker-compose\.yml"):
        ComposeDriver.open(TargetOptions(project_directory=tmp_path))
    (tmp_path / "docker-compose.yml").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetUnusable, match="no docker"):
        ComposeDriver.open(TargetOptions(project_directory=tmp_path))


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "answer",
    ["unknown flag: --all", "docker: 'compose' is not a docker command.", "unknown shorthand flag: 'f'"],
)
async def test_a_docker_without_compose_is_told_with_what_to_do(tmp_path: Path, answer: str) -> None:
    (tmp_path / "docker-compose.yml").touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").write_text(f'#!/bin/sh\necho "{answer}" >&2\nexit 125\n')
    (programs / "docker").chmod(0o755)
    ended = await run_graasp(
        tmp_path, "state", "show", "--target", "compose", PATH=f"{programs}:{os.environ['PATH']}"
    )
    assert ended.code == 1
    assert "Docker Compose 2.24 or later is needed" in ended.errors
