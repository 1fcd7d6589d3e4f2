"""What a job is: a name, a queue, a payload, bounds in time, and what to do when it fails."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from pydantic import BaseModel

P = TypeVar("P", bound=BaseModel)


class PermanentError(Exception):
    """Trying again would not help; the job fails at once with this reason."""


class JobCancelled(Exception):
    """Somebody cancelled the job; raised in the handler, and told to whoever waits for the job."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how soon a failed attempt is repeated; the delay grows by `factor` up to `longest`."""

    max_attempts: int = 5
    first_delay: timedelta = timedelta(seconds=5)
    factor: float = 3
    longest: timedelta = timedelta(minutes=10)

    def delay(self, failures: int) -> timedelta:
        """The pause after the n-th failure (n counts from 1)."""
        # Bounded before it is multiplied: a large power would overflow.
        seconds = self.first_delay.total_seconds() * self.factor ** min(failures - 1, 32)
        return timedelta(seconds=min(seconds, self.longest.total_seconds()))


@dataclass(frozen=True)
class JobSpec(Generic[P]):
    """One kind of job.

    `timeout` is when a running attempt is stopped and counted as failed. `deduplicate` gives a key: while a job of
    this name with the same key waits or runs, another one joins it. `wipe_payload` is for payloads that carry
    secrets: they are blanked when the job has succeeded or was cancelled, and a day after it has failed (until
    then it can be queued again).
    """

    name: str
    queue: str
    payload: type[P]
    timeout: timedelta
    retry: RetryPolicy = RetryPolicy()
    deduplicate: Callable[[P], str] | None = None
    wipe_payload: bool = False
