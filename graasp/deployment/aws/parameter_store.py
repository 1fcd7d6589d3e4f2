"""The record and the lock of an installation on AWS: two parameters of the Systems Manager."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, ValidationError

from graasp.deployment.aws.clients import code_of, explained
from graasp.deployment.driver import StepFailed
from graasp.deployment.records import Locked, Record

_EXPIRES = timedelta(minutes=10)
_RENEWED_S = 120.0
# Clocks of two operators differ; who holds the lock gives it up a little before others take it.
_CLOCKS_DIFFER = timedelta(minutes=1)


class Held(BaseModel):
    """What the lock's parameter says. `id` tells two holds of the same operator apart."""

    model_config = ConfigDict(frozen=True)

    id: str
    operator: str
    since: datetime
    expires: datetime

    def __str__(self) -> str:
        return f"{self.operator} has been changing the state since {self.since:%Y-%m-%d %H:%M:%S} UTC"


class ParameterStore:
    """A Store in the Parameter Store.

    The lock is a parameter that only one can create. Its holder renews it while the process lives; once it has not
    been renewed for its time, another may take it over, and `graasp state unlock` removes it at any time.
    """

    def __init__(self, client: Any, state: str, lock: str, *, renewed_s: float = _RENEWED_S) -> None:
        self._client = client
        self._state = state
        self._lock = lock
        # Only who creates this one may replace a lock that has expired.
        self._takeover = f"{lock}-takeover"
        self._renewed_s = renewed_s
        self._lost = threading.Event()

    def read(self) -> Record:
        """Raises StepFailed when it can't be read, or is not a record."""
        with explained():
            value = self._read(self._state)
        try:
            return Record() if value is None else Record.model_validate_json(value)
        except ValidationError as error:
            raise StepFailed(
                f"The parameter {self._state} is not the record of a state. Put it right, or delete it: the "
                "installation then counts as running."
            ) from error

    def write(self, record: Record) -> None:
        """Raises StepFailed, also when the lock was lost meanwhile: somebody else may write now."""
        if self._lost.is_set():
            raise StepFailed(
                f"The lock {self._lock} was lost. Look who changes the state: `graasp state show`."
            )
        with explained():
            self._client.put_parameter(
                Name=self._state,
                Type="String",
                Description="The state of this Graasp installation; written by `graasp state`.",
                Value=record.model_dump_json(),
                Overwrite=True,
            )

    @contextmanager
    def lock(self, operator: str) -> Iterator[None]:
        mine = _hold(operator)
        with explained():
            self._acquire(mine)
        self._lost.clear()
        ended = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(mine, ended), daemon=True, name="lock")
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            renewing.join()
            with suppress(StepFailed), explained():
                self._release(mine)

    def unlock(self) -> str | None:
        """Remove the lock, whoever holds it; what it said, None when there was none. Raises StepFailed."""
        with explained():
            held = self._held()
            self._delete(self._lock)
            self._delete(self._takeover)
        return None if held is None else str(held)

    def _acquire(self, mine: Held) -> None:
        if self._create(self._lock, mine):
            return
        held = self._held()
        if held is None:
            # It was released between the two calls, or it says nothing that can be trusted.
            raise Locked(
                f"The lock {self._lock} has just changed hands. Run this again, or `graasp state unlock`."
            )
        if not _may_be_taken(held):
            raise Locked(
                f"{held}. Wait for the end of it, and run this again; if that run is dead, its lock expires at "
                f"{held.expires + _CLOCKS_DIFFER:%H:%M:%S} UTC, and `graasp state unlock` removes it at once."
            )
        self._take_over(held, mine)

    def _take_over(self, expired: Held, mine: Held) -> None:
        if not self._create(self._takeover, mine):
            raise Locked(
                f"{expired}; somebody else is taking that lock over. If not so: `graasp state unlock`."
            )
        try:
            # Whoever took it over before this began has written another id.
            if self._held() != expired:
                raise Locked("Somebody else has just taken the lock over. Wait for the end of it.")
            self._put(self._lock, mine)
        finally:
            self._delete(self._takeover)

    def _renew(self, mine: Held, ended: threading.Event) -> None:
        """Until `ended`. A call that fails is made again the next time: the lock outlives several."""
        while not ended.wait(self._renewed_s):
            with suppress(ClientError, BotoCoreError):
                if not self._is_held(mine):
                    self._lost.set()
                    return
                self._put(self._lock, mine.model_copy(update={"expires": _now() + _EXPIRES}))

    def _release(self, mine: Held) -> None:
        if self._is_held(mine):
            self._delete(self._lock)

    def _is_held(self, mine: Held) -> bool:
        held = self._held()
        # One that has expired counts as lost: it may be taken over at this very moment.
        return held is not None and held.id == mine.id and held.expires > _now()

    def _held(self) -> Held | None:
        value = self._read(self._lock)
        try:
            return None if value is None else Held.model_validate_json(value)
        except ValidationError:
            return None

    def _read(self, name: str) -> str | None:
        try:
            return str(self._client.get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError as error:
            if code_of(error) == "ParameterNotFound":
                return None
            raise

    def _create(self, name: str, mine: Held) -> bool:
        """Whether it was not there before."""
        try:
            self._put(name, mine, new=True)
        except ClientError as error:
            if code_of(error) == "ParameterAlreadyExists":
                return False
            raise
        return True

    def _put(self, name: str, mine: Held, *, new: bool = False) -> None:
        self._client.put_parameter(Name=name, Type="String", Value=mine.model_dump_json(), Overwrite=not new)

    def _delete(self, name: str) -> None:
        try:
            self._client.delete_parameter(Name=name)
        except ClientError as error:
            if code_of(error) != "ParameterNotFound":
                raise


def _hold(operator: str) -> Held:
    now = _now()
    return Held(id=str(uuid4()), operator=operator, since=now, expires=now + _EXPIRES)


def _may_be_taken(held: Held) -> bool:
    return _now() > held.expires + _CLOCKS_DIFFER


def _now() -> datetime:
    return datetime.now(UTC)
