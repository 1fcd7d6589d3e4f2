"""`graasp up`, as a developer runs it."""

import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from rich.console import Console
from typer import Typer
from typer.testing import CliRunner

from graasp.embedded import commands
from graasp.embedded.process import CannotStart, free_port
from graasp.embedded.stack import DevelopmentStack
from graasp.settings import InvalidSettings

GRAASP = str(Path(sysconfig.get_path("scripts")) / "graasp")
# Another start of it would take these variables for services of the developer's own.
SERVICES = ("DB_CONNECTION", "REDIS_CONNECTION", "MAILER_CONNECTION", "NODE_ENV")


@dataclass
class Started:
    """A `graasp up` that runs."""

    process: subprocess.Popen[str]
    base: str
    output: Path

    def wait_for(self, text: str) -> str:
        deadline = time.monotonic() + 60
        while text not in (told := self.output.read_text()):
            assert self.process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.05)
        return told

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


Up = Callable[..., Started]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """`up(port, *options, **variables)` starts it in a folder of the test; all starts share the data."""
    started: list[Started] = []

    def start(port: int, *options: str, **variables: str) -> Started:
        output = tmp_path / f"output-{len(started)}"
        environment = {name: value for name, value in os.environ.items() if name not in SERVICES}
        with output.open("w") as file:
            process = subprocess.Popen(
                [GRAASP, "up", "--data", str(tmp_path / "data"), "--no-seed", *options],
                env=environment | {"PORT": str(port)} | variables,
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
            )
        started.append(Started(process, f"http://127.0.0.1:{port}", output))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(60)


def test_runs_everything_survives_kill_9_and_keeps_the_data(up: Up) -> None:
    port = free_port()
    first = up(port)
    told = first.wait_for("Stop with Ctrl-C")
    assert f"http://localhost:{port}/ui" in told
    assert httpx.get(f"{first.base}/health").text == "OK"

    second = up(free_port())
    assert second.process.wait(30) == 1
    assert "Stop it, and start again." in second.output.read_text()

    descendants = first.descendants()
    first.process.kill()
    first.process.wait()
    _, alive = psutil.wait_procs(descendants, timeout=60)
    assert alive == []

    third = up(port)
    third.wait_for("Stop with Ctrl-C")
    assert "migrations applied" not in third.output.read_text()
    core = next(one for one in third.descendants() if "serve" in one.cmdline())
    core.kill()
    third.wait_for("ended by SIGKILL; starting it again")
    descendants = third.descendants()
    third.process.send_signal(signal.SIGINT)
    assert third.process.wait(60) == 0
    _, alive = psutil.wait_procs(descendants, timeout=10)
    assert alive == []
    stopped = [line.split()[0] for line in third.output.read_text().splitlines() if line.endswith("stopping")]
    assert [name for name in stopped if name != "core"] == ["worker", "mailbox", "Redis", "PostgreSQL"]


def test_a_taken_port_is_told_before_anything_starts(
    tmp_path: Path, live_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graasp.embedded.stack._PORT_PATIENCE_S", 0.2)
    port = httpx.URL(live_server).port
    assert port is not None
    with pytest.raises(CannotStart, match=rf"Port {port} is taken.*PORT={port + 1} make run"):
        a_stack(tmp_path, PORT=str(port)).run()
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "99999"),
        ("REDIS_CONNECTION", "localhost"),
        ("DB_CONNECTION", "localhost"),
        ("LOG_LEVEL", "loud"),
        ("WORKER_PROCESSES", "many"),
        ("FILE_STORAGE_TYPE", "disk"),
    ],
)
def test_a_wrong_variable_is_told_by_name_before_anything_starts(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(InvalidSettings, match=f'The variable "{name}" is not valid'):
        a_stack(tmp_path, **{name: value}).run()
    assert not (tmp_path / "postgres").exists()


def test_what_a_killed_start_has_left_is_not_taken_for_what_is_given(
    tmp_path: Path, live_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("graasp.embedded.stack._PORT_PATIENCE_S", 0.2)
    (tmp_path / ".graasp").mkdir()
    (tmp_path / ".graasp" / "environment").write_text("LOG_LEVEL='loud'\n")
    with pytest.raises(CannotStart, match="is taken"):
        a_stack(tmp_path / ".graasp", PORT=str(httpx.URL(live_server).port)).run()


def test_given_services_are_used_and_none_of_our_own_is_started(
    up: Up, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    given = up(
        free_port(),
        DB_CONNECTION=database_url,
        REDIS_CONNECTION=redis_url,
        MAILER_CONNECTION="smtp://127.0.0.1:9",
    )
    told = given.wait_for("Stop with Ctrl-C")
    assert "MAILER_CONNECTION" in told
    assert not (tmp_path / "data" / "postgres").exists()
    assert not (tmp_path / "data" / "redis").exists()
    assert not (tmp_path / "data" / "mails").exists()
    written = (tmp_path / "data" / "environment").read_text()
    assert "JWT_SECRET" in written
    # Another terminal does not know them; nor need it know what else a shell has.
    assert f"DB_CONNECTION='{database_url}'" in written
    assert f"PORT='{given.base.rpartition(':')[2]}'" in written
    assert "PATH=" not in written.replace("_PATH=", "")


def test_a_database_that_does_not_answer_is_told(tmp_path: Path, redis_url: str) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    stack = a_stack(
        tmp_path,
        DB_CONNECTION=nowhere,
        REDIS_CONNECTION=redis_url,
        MAILER_CONNECTION="smtp://127.0.0.1:9",
        PORT=str(free_port()),
    )
    with pytest.raises(CannotStart, match="The database at DB_CONNECTION does not answer as it should"):
        stack.run()


def test_it_is_for_development_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_ENV", "production")
    app = Typer()
    app.command()(commands.up)
    result = CliRunner().invoke(app, ["--data", str(tmp_path / "data")])
    assert result.exit_code == 1
    assert "`graasp up` is for development" in result.output
    assert not (tmp_path / "data").exists()


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SERVICES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORT", str(free_port()))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "postgres").write_text("no folder")
    app = Typer()
    app.command()(commands.up)
    result = CliRunner().invoke(app, ["--data", str(tmp_path / "data")])
    assert result.exit_code == 1
    assert f"{tmp_path}/data/postgres: File exists. Put that right, and start again." in result.output
    assert not isinstance(result.exception, OSError)


def a_stack(folder: Path, **given: str) -> DevelopmentStack:
    return DevelopmentStack(folder, given, seed=False, console=Console(quiet=True))
