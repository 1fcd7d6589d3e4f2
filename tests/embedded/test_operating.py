"""What `graasp up` does for the driver, with databases that are not its own."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from graasp.deployment.driver import InFlight, StepFailed
from graasp.deployment.states import Service, State
from graasp.deployment.targets import TargetOptions
from graasp.embedded.control import answering
from graasp.embedded.driver import EmbeddedDriver
from graasp.embedded.installation import Installation
from graasp.embedded.operating import Operating
from graasp.embedded.parts import PublicSocket
from graasp.embedded.process import free_port
from graasp.embedded.supervisor import Supervisor
from graasp.embedded.versions import own_version


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create database operated")
        yield f"{postgres_url.rpartition('/')[0]}/operated"
        connection.execute("drop database operated with (force)")


@pytest.fixture
def announced() -> list[State]:
    """As which states requests were treated, in order."""
    return []


@pytest.fixture
def driver(
    tmp_path: Path, empty_database: str, redis_url: str, announced: list[State], clean_services: None
) -> Iterator[EmbeddedDriver]:
    """Of a `graasp up` that has started nothing yet."""
    given = {"DB_CONNECTION": empty_database, "REDIS_CONNECTION": redis_url}
    environment = {**given, "MAINTENANCE_HEADER_NAME": "X-Pass"}
    supervisor = Supervisor(lambda name, line: Console(quiet=True).print(line))
    public = PublicSocket("127.0.0.1", free_port())
    installation = Installation(tmp_path, given, environment, supervisor, public)
    operating = Operating(installation, supervisor, tmp_path, moved=lambda: None, announced=announced.append)
    with answering(tmp_path, operating.handlers()):
        yield EmbeddedDriver.open(TargetOptions(data=tmp_path))
    public.close()


def test_tells_what_is_there(driver: EmbeddedDriver) -> None:
    assert driver.replicas == {Service.CORE: 1, Service.WORKERS: 1}
    assert driver.maintenance_header == "X-Pass"
    found = driver.observe()
    assert set(found.services.values()) == {(0, 0)}
    assert (found.database, found.version, found.announced) == (True, own_version(), State.RUNNING)
    assert (found.migrating, found.migrations_pending) == (False, True)
    assert driver.in_flight() is None


def test_migrates_once_and_tells_by_the_exit_code(driver: EmbeddedDriver, empty_database: str) -> None:
    lines: list[str] = []
    migrated = driver.migrate(lines.append)
    assert migrated.exit_code == 0
    assert "migrations applied successfully" in migrated.log
    assert lines == migrated.log.splitlines()
    assert driver.observe().migrations_pending is False
    assert driver.migrates_compatibly(lines.append) in (True, False)
    with psycopg.connect(empty_database) as connection:
        connection.execute("update alembic_version set version_num = 'none'")
    assert driver.migrate(lines.append).exit_code == 4
    assert driver.observe().migrations_pending is None


def test_saves_the_database_and_puts_it_back(
    driver: EmbeddedDriver, empty_database: str, tmp_path: Path
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("create table kept (value text)")
        connection.execute("insert into kept values ('before')")
    saved = driver.snapshot("graasp-1", lambda line: None)
    assert (saved.name, saved.version) == ("graasp-1", own_version())
    assert (tmp_path / "snapshots").stat().st_mode & 0o777 == 0o700
    assert [file.name for file in (tmp_path / "snapshots").iterdir()] == ["graasp-1.dump"]
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("update kept set value = 'after'")
    driver.restore("graasp-1", lambda line: None)
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("select value from kept").fetchall() == [("before",)]


def test_a_snapshot_that_is_not_there_is_told_with_those_that_are(driver: EmbeddedDriver) -> None:
    driver.snapshot("graasp-1", lambda line: None)
    with pytest.raises(StepFailed, match=r"no snapshot graasp-2\. Those there are: graasp-1\."):
        driver.restore("graasp-2", lambda line: None)
    with pytest.raises(StepFailed, match="is not the name of a snapshot"):
        driver.restore("../graasp-1", lambda line: None)


def test_a_database_of_ones_own_is_left_running(driver: EmbeddedDriver) -> None:
    lines: list[str] = []
    driver.stop_database(lines.append)
    driver.start_database(lines.append)
    assert "is left running" in lines[0]
    assert "is used as it is" in lines[1]
    assert driver.observe().database


def test_who_passes_is_announced_once(driver: EmbeddedDriver, announced: list[State]) -> None:
    for state in (State.RESTRICTED, State.RESTRICTED, State.RUNNING):
        driver.announce(state, lambda line: None)
        assert driver.observe().announced is state
    assert announced == [State.RESTRICTED, State.RUNNING]


def test_a_version_that_can_not_be_had_leaves_the_one_that_is_there(driver: EmbeddedDriver) -> None:
    driver.deploy(own_version(), lambda line: None)
    with pytest.raises(StepFailed, match=r"has no version v0\.0\.0-none"):
        driver.deploy("v0.0.0-none", lambda line: None)
    assert driver.observe().version == own_version()


def test_what_is_at_zero_stays_there(driver: EmbeddedDriver) -> None:
    driver.scale({Service.CORE: 0, Service.WORKERS: 0}, lambda line: None)
    driver.await_health({}, lambda line: None)
    assert driver.in_flight() in (None, InFlight(0, 0))
