"""In which state `graasp up` comes up."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from graasp.deployment.file_store import FileStore
from graasp.deployment.records import Record, Transition
from graasp.deployment.states import Service, State
from graasp.embedded.beginning import begin
from graasp.embedded.process import CannotStart

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def recorded(folder: Path, state: State, interrupted: State | None = None) -> FileStore:
    store = FileStore(folder)
    transition = interrupted and Transition(target=interrupted, begun_at=NOW, operator="ana")
    store.write(Record(state=state, since=NOW, transition=transition))
    return store


def test_the_first_time_it_runs(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "none")
    beginning = begin(store)
    assert (beginning.state, beginning.announced, beginning.explanation) == (State.RUNNING, State.RUNNING, ())
    assert beginning.services == {Service.CORE, Service.WORKERS, Service.REDIS}
    beginning.record()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("state", [State.RUNNING, State.RESTRICTED, State.DB_ONLY])
def test_the_recorded_state_holds_again(tmp_path: Path, state: State) -> None:
    store = recorded(tmp_path, state)
    beginning = begin(store)
    assert (beginning.state, beginning.announced, beginning.explanation) == (state, state, ())
    assert bool(beginning.services) is beginning.migrates is (state is not State.DB_ONLY)
    beginning.record()
    assert store.read() == Record(state=state, since=NOW)


def test_who_starts_what_was_stopped_wants_it_to_run(tmp_path: Path) -> None:
    store = recorded(tmp_path, State.STOPPED)
    beginning = begin(store)
    assert beginning.state is beginning.announced is State.RUNNING
    assert beginning.explanation == (
        "Graasp was stopped since 2026-01-02 03:04 UTC. It is started again, and is running then.",
    )
    assert store.read().state is State.STOPPED
    beginning.record()
    assert store.read().state is State.RUNNING


def test_a_change_that_was_interrupted_keeps_people_away(tmp_path: Path) -> None:
    store = recorded(tmp_path, State.RUNNING, interrupted=State.DB_ONLY)
    beginning = begin(store)
    assert (beginning.state, beginning.announced) == (State.RUNNING, State.RESTRICTED)
    assert "`graasp state set db-only` goes on" in beginning.explanation[0]
    beginning.record()
    assert store.read().transition is not None


@pytest.mark.parametrize(
    ("target", "state"), [(State.RUNNING, State.RUNNING), (State.RESTRICTED, State.RESTRICTED)]
)
def test_a_way_out_of_stopped_that_was_interrupted(tmp_path: Path, target: State, state: State) -> None:
    store = recorded(tmp_path, State.STOPPED, interrupted=target)
    beginning = begin(store)
    assert beginning.state is beginning.announced is state
    beginning.record()
    assert (store.read().state, store.read().transition is None) == (state, False)


def test_a_broken_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("{")
    with pytest.raises(CannotStart, match=r"record\.json"):
        begin(FileStore(tmp_path))


def test_while_somebody_changes_the_state_it_does_not_start(tmp_path: Path) -> None:
    store = recorded(tmp_path, State.STOPPED)
    beginning = begin(store)
    with store.lock("ana"), pytest.raises(CannotStart, match="ana"):
        beginning.record()
