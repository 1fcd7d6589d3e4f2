"""The record and the lock on AWS, over HTTP against moto."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest

from graasp.deployment.aws.parameter_store import Held, ParameterStore
from graasp.deployment.driver import StepFailed
from graasp.deployment.records import Locked, Record
from graasp.deployment.states import State

Opens = Callable[..., ParameterStore]


@pytest.fixture
def client(s3_endpoint: str) -> Any:
    return boto3.client(
        "ssm",
        endpoint_url=s3_endpoint,
        region_name="eu-central-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


@pytest.fixture
def open_store(client: Any) -> Opens:
    """Another operator's view of the same installation, at each call."""
    folder = f"/graasp/{uuid4()}"

    def open_(renewed_s: float = 60) -> ParameterStore:
        return ParameterStore(client, f"{folder}/state", f"{folder}/lock", renewed_s=renewed_s)

    return open_


def leave_a_lock(store: ParameterStore, expired_for: timedelta) -> Held:
    """As a process leaves it that was killed."""
    now = datetime.now(UTC)
    held = Held(id="left", operator="bob", since=now - timedelta(hours=1), expires=now - expired_for)
    store._put(store._lock, held)
    return held


def winners(open_store: Opens) -> list[str]:
    """Which of eight operators who ask at once get the lock, while whoever gets it keeps it."""
    got: list[str] = []
    together = threading.Barrier(8)
    done = threading.Event()

    def ask(operator: str) -> None:
        together.wait()
        with suppress(Locked), open_store().lock(operator):
            got.append(operator)
            done.wait()

    threads = [threading.Thread(target=ask, args=(f"operator {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    while sum(thread.is_alive() for thread in threads) > 1:
        threads[-1].join(0.01)
    done.set()
    for thread in threads:
        thread.join()
    return got


def test_an_installation_without_a_record_runs(open_store: Opens) -> None:
    assert open_store().read() == Record()


def test_what_one_writes_the_others_read(open_store: Opens) -> None:
    record = Record(state=State.STOPPED, since=datetime.now(UTC), version="v1.2.3")
    open_store().write(record)
    assert open_store().read() == record


def test_a_parameter_that_is_no_record_is_told_of(open_store: Opens, client: Any) -> None:
    store = open_store()
    client.put_parameter(Name=store._state, Type="String", Value="{}x")
    with pytest.raises(StepFailed, match="is not the record of a state"):
        store.read()


def test_only_one_holds_the_lock(open_store: Opens) -> None:
    with open_store().lock("ana@laptop"):
        with (
            pytest.raises(Locked, match="ana@laptop has been changing the state since"),
            open_store().lock("bob"),
        ):
            pass
        # What bob has tried leaves ana's lock alone.
        with pytest.raises(Locked, match="ana@laptop"), open_store().lock("cem"):
            pass
    with open_store().lock("bob"):
        pass


def test_of_many_who_ask_at_once_one_gets_it(open_store: Opens) -> None:
    assert len(winners(open_store)) == 1


def test_a_failure_inside_gives_the_lock_back(open_store: Opens) -> None:
    with pytest.raises(ZeroDivisionError), open_store().lock("ana"):
        raise ZeroDivisionError
    with open_store().lock("bob"):
        pass


def test_a_lock_that_has_expired_is_taken_over(open_store: Opens) -> None:
    leave_a_lock(open_store(), timedelta(minutes=2))
    with (
        open_store().lock("ana"),
        pytest.raises(Locked, match="ana has been changing"),
        open_store().lock("cem"),
    ):
        pass
    with open_store().lock("cem"):
        pass


def test_one_that_has_just_expired_is_not_since_clocks_differ(open_store: Opens) -> None:
    leave_a_lock(open_store(), timedelta(seconds=10))
    with pytest.raises(Locked, match="bob has been changing the state"), open_store().lock("ana"):
        pass


def test_of_many_who_take_an_expired_lock_over_one_gets_it(open_store: Opens) -> None:
    leave_a_lock(open_store(), timedelta(minutes=2))
    assert len(winners(open_store)) == 1


def test_whoever_looked_before_a_takeover_does_not_take_it_over_again(
    open_store: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = leave_a_lock(open_store(), timedelta(minutes=2))
    late = open_store()
    with open_store().lock("ana"):
        looks = iter([left, late._held()])
        monkeypatch.setattr(late, "_held", lambda: next(looks))
        with pytest.raises(Locked, match="Somebody else has just taken the lock over"), late.lock("bob"):
            pass
        with pytest.raises(Locked, match="ana has been changing"), open_store().lock("cem"):
            pass


def test_a_lock_is_renewed_while_its_holder_lives(open_store: Opens) -> None:
    store = open_store(renewed_s=0.01)
    with store.lock("ana"):
        first = store._held()
        assert first is not None
        while (now := store._held()) == first:
            pass
        assert now is not None
        assert now.id == first.id
        assert now.expires > first.expires


def test_whoever_has_lost_the_lock_writes_nothing_more(open_store: Opens) -> None:
    # Long enough for the other one to get the lock in between.
    store = open_store(renewed_s=2)
    with store.lock("ana"):
        store.write(Record(version="v1"))
        removed = open_store().unlock()
        assert removed is not None
        assert removed.startswith("ana has been changing the state since")
        with open_store().lock("bob"):
            assert store._lost.wait(10)
            with pytest.raises(StepFailed, match="was lost"):
                store.write(Record(version="v2"))
    assert open_store().read().version == "v1"


def test_the_end_of_a_lost_lock_leaves_the_one_of_another(open_store: Opens) -> None:
    with open_store().lock("ana"):
        open_store().unlock()
        bobs = open_store().lock("bob")
        bobs.__enter__()
    with pytest.raises(Locked, match="bob has been changing"), open_store().lock("cem"):
        pass
    bobs.__exit__(None, None, None)


def test_unlocking_what_nobody_holds_tells_so(open_store: Opens) -> None:
    assert open_store().unlock() is None


def test_unlocking_removes_what_a_dead_takeover_left(open_store: Opens) -> None:
    store = open_store()
    left = leave_a_lock(store, timedelta(minutes=2))
    store._put(store._takeover, left)
    with pytest.raises(Locked, match="somebody else is taking that lock over"), open_store().lock("ana"):
        pass
    store.unlock()
    with open_store().lock("ana"):
        pass
