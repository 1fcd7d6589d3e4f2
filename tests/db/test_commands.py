"""`graasp migrate` as an operator runs it: a process, its output, its exit code."""

import os
import socket
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from graasp.db import migrations
from tests.db.databases import execute, scalar

# The command on its own, without the other commands of the program.
Task = Callable[..., subprocess.CompletedProcess[str]]
GRAASP = str(Path(sysconfig.get_path("scripts")) / "graasp")
SUCCESS = "[✓] migrations applied successfully!"


@pytest.fixture
def task(tmp_path: Path, small_empty_url: str) -> Task:
    """Runs the migration task with nothing but the connection in its environment, as in its container."""

    def run(*arguments: str, url: str = small_empty_url) -> subprocess.CompletedProcess[str]:
        environment = {"DB_CONNECTION": url, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        return subprocess.run(
            [GRAASP, "migrate", *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_task_migrates_and_ends_with_the_line_that_pipelines_look_for(task: Task) -> None:
    assert task("--check").returncode == 3

    first = task()
    assert first.returncode == 0, first.stderr
    assert "applied 0001" in first.stdout
    assert first.stdout.splitlines()[-1] == SUCCESS

    second = task()
    assert second.returncode == 0
    assert second.stdout.splitlines()[-2:] == ["nothing was pending", SUCCESS]

    check = task("--check")
    assert (check.returncode, check.stdout) == (0, "nothing is pending\n")


def test_a_dry_run_prints_sql_and_changes_nothing(task: Task, small_empty_url: str) -> None:
    dry = task("--dry-run")
    assert dry.returncode == 0
    assert "CREATE TABLE account (" in dry.stdout
    assert "INSERT INTO alembic_version" in dry.stdout
    assert scalar(small_empty_url, "select count(*) from pg_tables where schemaname = 'public'") == 0


def test_it_can_stop_after_a_revision(task: Task, small_empty_url: str) -> None:
    assert task("--to", "0001").returncode == 0
    assert scalar(small_empty_url, "select version_num from alembic_version") == "0001"
    assert task("--check", "--to", "0001").returncode == 0
    assert task("--check").returncode == 3


def test_a_foreign_database_has_its_own_exit_code(task: Task, small_empty_url: str) -> None:
    execute(small_empty_url, "create table wordpress_posts (id int)")
    for arguments in ((), ("--check",), ("--dry-run",)):
        refused = task(*arguments)
        assert refused.returncode == 4
        assert "table account is missing" in refused.stderr
        assert SUCCESS not in refused.stdout


def test_a_lock_that_is_not_given_up_has_its_own_exit_code(task: Task, small_empty_url: str) -> None:
    with psycopg.connect(small_empty_url) as other:
        other.execute("select pg_advisory_lock(%s)", (migrations._ADVISORY_LOCK,))
        locked = task("--lock-timeout", "0")
    assert locked.returncode == 5
    assert "Another migration task is at work" in locked.stderr


def test_a_failure_exits_with_1_and_says_why(task: Task, unused_port: int) -> None:
    failed = task(url=f"postgres://ada:hunter2@127.0.0.1:{unused_port}/graasp")
    assert failed.returncode == 1
    assert "The migration failed: " in failed.stderr
    assert "hunter2" not in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("arguments", [("--nonsense",), ("--to", "9999"), ("--check", "--dry-run")])
def test_wrong_usage_exits_with_2(task: Task, arguments: tuple[str, ...]) -> None:
    assert task(*arguments).returncode == 2


def test_a_connection_that_is_none_exits_with_2(task: Task) -> None:
    wrong = task(url="ada:hunter2@127.0.0.1/graasp")
    assert wrong.returncode == 2
    assert 'The variable "DB_CONNECTION" is not valid' in wrong.stderr
    assert "hunter2" not in wrong.stderr


def test_the_help_tells_every_exit_code(task: Task) -> None:
    text = " ".join(task("--help").stdout.split())
    for code in range(6):
        assert f"{code} " in text.partition("Exit codes:")[2]
