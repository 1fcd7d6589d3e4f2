"""RQ's worker classes, adjusted in one place."""

import os
import signal
from types import FrameType
from typing import Any

from rq import SimpleWorker, Worker
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty

# With RQ's defaults an idle worker notices a lost Redis connection only after minutes.
_WORKER_TTL_S = 60


class NoDeathPenalty(BaseDeathPenalty):
    """Time limits are kept by the attempt itself: RQ's is an exception that a broad `except` would swallow."""

    def setup_death_penalty(self) -> None:
        """Nothing to set up."""

    def cancel_death_penalty(self) -> None:
        """Nothing to cancel."""


class ShortJobWorker(SimpleWorker):
    """Runs short jobs one after the other in its own process, with kept connections."""

    death_penalty_class = NoDeathPenalty

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, worker_ttl=_WORKER_TTL_S, serializer=JSONSerializer, **options)


class ForkingWorker(Worker):
    """Runs every job in a process of its own, whose memory goes back when it ends."""

    death_penalty_class = NoDeathPenalty

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, worker_ttl=_WORKER_TTL_S, serializer=JSONSerializer, **options)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Take no more jobs, and let the running one end within its grace or be handed back."""
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGUSR1)
        super().request_stop(signum, frame)

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """A second signal changes nothing: the running job is on its way to be handed back."""
