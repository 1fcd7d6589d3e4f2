"""How another terminal talks to `graasp up`."""

import socket
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from graasp.deployment.driver import Report, StepFailed
from graasp.embedded.control import NotRunning, answering, ask
from graasp.embedded.process import CannotStart


def add(asked: Mapping[str, Any], report: Report) -> Any:
    report("adding")
    report("still adding")
    return asked["first"] + asked["second"]


def fail(asked: Mapping[str, Any], report: Report) -> Any:
    raise StepFailed("It did not work: do this.")


def fail_to_start(asked: Mapping[str, Any], report: Report) -> Any:
    raise CannotStart("It did not start: do that.")


HANDLERS = {"add": add, "fail": fail, "fail-to-start": fail_to_start}


def silent(line: str) -> None:
    """Nobody reads it."""


def test_tells_what_happens_and_then_the_result(tmp_path: Path) -> None:
    lines: list[str] = []
    with answering(tmp_path, HANDLERS):
        assert ask(tmp_path, "add", lines.append, first=1, second=2) == 3
        assert ask(tmp_path, "add", lines.append, first="ü\n", second="!") == "ü\n!"
    assert lines == ["adding", "still adding"] * 2


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("fail", r"It did not work: do this\."),
        ("fail-to-start", r"It did not start: do that\."),
        ("dance", "Not understood"),
    ],
)
def test_tells_why_something_was_not_done(tmp_path: Path, what: str, reason: str) -> None:
    with answering(tmp_path, HANDLERS), pytest.raises(StepFailed, match=reason):
        ask(tmp_path, what, silent)


def test_is_for_this_user_alone_and_leaves_nothing(tmp_path: Path) -> None:
    with answering(tmp_path, HANDLERS):
        assert stat.S_IMODE((tmp_path / "control").stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []


def test_without_a_graasp_up_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="Start it, with `make run`"):
        ask(tmp_path, "add", silent)
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / "control"))
    with pytest.raises(NotRunning):
        ask(tmp_path, "add", silent)
    with answering(tmp_path, HANDLERS):
        assert ask(tmp_path, "add", silent, first=1, second=1) == 2


def test_a_folder_may_lie_deep(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 40)
    folder.mkdir()
    with answering(folder, HANDLERS):
        assert ask(folder, "add", silent, first=1, second=1) == 2
    with pytest.raises(NotRunning):
        ask(folder, "add", silent)


def test_nonsense_is_no_obstacle_for_others(tmp_path: Path) -> None:
    with answering(tmp_path, HANDLERS):
        for nonsense in (b"", b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b'"add"\n', b"\xff\n"):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(tmp_path / "control"))
                connection.sendall(nonsense)
        assert ask(tmp_path, "add", silent, first=1, second=1) == 2


def test_what_was_begun_comes_to_its_end_when_who_asked_is_gone(tmp_path: Path) -> None:
    is_gone, done = threading.Event(), threading.Event()

    def work(asked: Mapping[str, Any], report: Report) -> Any:
        assert is_gone.wait(10)
        for _ in range(3):
            report("x" * 100_000)
        done.set()

    with answering(tmp_path, {"work": work}):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(tmp_path / "control"))
            connection.sendall(b'{"do": "work"}\n')
        is_gone.set()
        assert done.wait(10)
