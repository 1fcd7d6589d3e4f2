"""How long the cloud is waited for, and how often it is asked."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from graasp.deployment.driver import StepFailed

Found = TypeVar("Found")


@dataclass(frozen=True)
class Patience:
    """In seconds. A migration takes what it takes; everything else is known to take minutes."""

    poll_s: float = 10.0
    services_s: float = 30 * 60
    task_s: float = 15 * 60
    migration_s: float = 5 * 3600
    # A snapshot of a large database; a database that was stopped in its backup.
    database_s: float = 90 * 60
    distributions_s: float = 20 * 60
    logs_s: float = 30.0

    def until(self, look: Callable[[], Found | None], limit_s: float, overdue: Callable[[], str]) -> Found:
        """What `look` finds, once it finds something. Raises StepFailed with what `overdue` says after the limit."""
        deadline = time.monotonic() + limit_s
        while (found := look()) is None:
            if time.monotonic() >= deadline:
                raise StepFailed(f"{overdue()} after {limit_s:g} s. Run this again to wait on.")
            time.sleep(self.poll_s)
        return found
