"""The supervisor of the development stack's programs."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from graasp.embedded import supervisor as supervision
from graasp.embedded.process import CannotStart, Program
from graasp.embedded.supervisor import StopRequested, Supervisor, stopping_on_signals


def python(name: str, code: str, **options: object) -> Program:
    return Program(name=name, command=[sys.executable, "-c", code], **options)  # type: ignore[arg-type]


class Reports:
    """What a supervisor told, with a wish to be fulfilled by it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.changed = threading.Condition()
        self.stop_when: Callable[[], bool] = lambda: False

    def __call__(self, name: str, line: str) -> None:
        with self.changed:
            self.lines.append((name, line))
            self.changed.notify_all()
        # Only the main thread runs the supervisor, and only there may it be stopped.
        if threading.current_thread() is threading.main_thread() and self.stop_when():
            raise StopRequested

    def wait_for(self, name: str, line: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: (name, line) in self.lines, timeout=20), self.lines

    def count(self, text: str) -> int:
        return sum(text in line for _, line in self.lines)


@pytest.fixture
def reports() -> Reports:
    return Reports()


def test_forwards_what_a_program_prints(reports: Reports) -> None:
    supervisor = Supervisor(reports)
    supervisor.start(python("talker", "import sys; print('out', flush=True); print('err', file=sys.stderr)"))
    reports.wait_for("talker", "out")
    reports.wait_for("talker", "err")
    supervisor.stop()


def test_starts_a_crashed_program_again_and_waits_longer_each_time(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_FIRST_DELAY_S", 0.01)
    supervisor = Supervisor(reports)
    reports.stop_when = lambda: reports.count("starting it again") == 3
    supervisor.start(python("crasher", "raise SystemExit(3)"))
    with pytest.raises(StopRequested):
        supervisor.run()
    told = [line for name, line in reports.lines if name == "crasher" and "again" in line]
    assert told == [
        f"ended with exit code 3; starting it again in {delay} s" for delay in ("0.01", "0.02", "0.04")
    ]


def test_tells_by_which_signal_a_program_ended(reports: Reports) -> None:
    supervisor = Supervisor(reports)
    reports.stop_when = lambda: reports.count("starting it again") == 1
    supervisor.start(python("victim", "import os; os.kill(os.getpid(), 9)"))
    with pytest.raises(StopRequested):
        supervisor.run()
    assert reports.count("ended by SIGKILL") == 1


def test_stops_the_last_one_started_first(reports: Reports) -> None:
    wait = """if True:
        import signal, sys
        signal.signal(15, lambda *_: sys.exit(print("bye", flush=True)))
        print("up", flush=True)
        signal.pause()
    """
    supervisor = Supervisor(reports)
    for name in ("database", "core", "worker"):
        supervisor.start(python(name, wait))
        reports.wait_for(name, "up")
    supervisor.stop()
    for name in ("database", "core", "worker"):
        reports.wait_for(name, "bye")
    assert [name for name, line in reports.lines if line == "stopping"] == ["worker", "core", "database"]


def test_insists_when_a_program_does_not_stop(reports: Reports) -> None:
    stubborn = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    supervisor = Supervisor(reports)
    program = python("stubborn", stubborn, stop_timeout_s=0.2)
    supervisor.start(program)
    reports.wait_for("stubborn", "up")
    supervisor.stop()
    assert program.process is not None
    assert program.process.returncode == -signal.SIGKILL


def test_a_crashed_program_leaves_no_process_behind(reports: Reports, tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        f"open({str(child)!r}, 'w').write(str(child.pid))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    supervisor = Supervisor(reports)
    reports.stop_when = lambda: reports.count("starting it again") == 1
    supervisor.start(python("parent", code))
    with pytest.raises(StopRequested):
        supervisor.run()
    assert ends(int(child.read_text()))


def test_a_program_that_ends_before_it_is_ready_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    program = python("brief", "print('no configuration')", log=tmp_path / "log", is_ready=lambda: False)
    program.start()
    with pytest.raises(CannotStart, match=r"brief did not start.*\nno configuration"):
        program.wait_until_ready()


def test_a_command_that_does_not_exist_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(CannotStart, match="ghost did not start"):
        Program(name="ghost", command=[str(tmp_path / "nothing")]).start()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_asks_to_stop_and_the_second_insists(number: signal.Signals) -> None:
    insisted: list[bool] = []
    with stopping_on_signals(insist=lambda: insisted.append(True)):
        with pytest.raises(StopRequested):
            os.kill(os.getpid(), number)
        assert insisted == []
        os.kill(os.getpid(), number)
        assert insisted == [True]


def ends(pid: int) -> bool:
    try:
        psutil.Process(pid).wait(timeout=20)
    except psutil.TimeoutExpired:
        return False
    except psutil.NoSuchProcess:
        pass
    return True


def test_does_in_its_own_thread_what_others_ask(reports: Reports) -> None:
    supervisor = Supervisor(reports)
    done: list[object] = []

    def fail() -> None:
        raise CannotStart("no")

    def stop() -> None:
        raise StopRequested

    def ask() -> None:
        try:
            done.append(supervisor.call(threading.current_thread))
            supervisor.call(fail)
        except CannotStart as error:
            done.append(str(error))
        finally:
            with pytest.raises(CannotStart):
                supervisor.call(stop)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    with pytest.raises(StopRequested):
        supervisor.run()
    assert done == [threading.main_thread(), "no"]


def test_what_is_ended_is_not_started_again(reports: Reports) -> None:
    supervisor = Supervisor(reports)
    wanted = python("wanted", "import time; time.sleep(60)")
    unwanted = python("unwanted", "import time; time.sleep(60)")
    for program in (wanted, unwanted):
        supervisor.start(program)

    def end_one() -> None:
        supervisor.call(lambda: supervisor.end(unwanted))
        # It is seen to have ended before this is done.
        supervisor.call(lambda: None)
        assert wanted.process is not None
        wanted.process.kill()

    threading.Thread(target=end_one, daemon=True).start()
    reports.stop_when = lambda: reports.count("starting it again") == 1
    with pytest.raises(StopRequested):
        supervisor.run()
    assert reports.lines[0] == ("unwanted", "stopping")
    assert [name for name, line in reports.lines if "starting it again" in line] == ["wanted"]
    assert not unwanted.is_running
    supervisor.stop()
