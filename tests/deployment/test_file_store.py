"""The record and the lock of an installation on one machine."""

import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from graasp.deployment.file_store import FileStore, RecordUnreadable
from graasp.deployment.planner import Action
from graasp.deployment.records import Locked, Record, Snapshot, Transition
from graasp.deployment.states import State

HOLD = """
import sys
from pathlib import Path
from graasp.deployment.file_store import FileStore
with FileStore(Path(sys.argv[1])).lock("ana@example"):
    print("held", flush=True)
    sys.stdin.read()
"""
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "deployment")


def test_an_installation_without_a_record_runs(store: FileStore, tmp_path: Path) -> None:
    assert store.read() == Record(state=State.RUNNING)
    assert not (tmp_path / "deployment").exists()


def test_what_is_written_is_read(store: FileStore, tmp_path: Path) -> None:
    record = Record(
        state=State.DB_ONLY,
        since=NOW,
        version="1.2.3",
        transition=Transition(
            target=State.DB_ONLY, begun_at=NOW, operator="ana", done=(Action.DRAIN, Action.SNAPSHOT)
        ),
        last_snapshot=Snapshot(name="graasp-1", taken_at=NOW),
    )
    store.write(record)
    assert store.read() == record
    store.write(Record())
    assert store.read() == Record()
    assert stat.S_IMODE((tmp_path / "deployment").stat().st_mode) == 0o700


def test_what_was_cut_off_while_it_was_written_does_not_count(store: FileStore, tmp_path: Path) -> None:
    store.write(Record(state=State.STOPPED))
    (tmp_path / "deployment" / "record.unfinished").write_text('{"state": "runn')
    assert store.read() == Record(state=State.STOPPED)


def test_a_broken_record_is_told_with_its_file(store: FileStore, tmp_path: Path) -> None:
    (tmp_path / "deployment").mkdir()
    (tmp_path / "deployment" / "record.json").write_text('{"state": "asleep"}')
    with pytest.raises(RecordUnreadable, match=r"record\.json is not the record of a state"):
        store.read()


def test_the_lock_tells_who_holds_it_and_goes_with_its_process(store: FileStore, tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "deployment")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Locked, match=rf"ana@example .* since 20.*process {holder.pid}"), store.lock("ben"):
        pass
    holder.kill()
    holder.communicate()
    with store.lock("ben"):
        pass
    with store.lock("ben"):
        pass
