"""RQ's worker classes, adjusted in one place."""

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any
from uuid import uuid4

import redis
import structlog
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, Worker
from rq.exceptions import DequeueTimeout, StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty
from rq.worker import BaseWorker
from rq.worker.base import WorkerStatus

from worker.process import StopRequest, die_within, follow_parent

log = structlog.get_logger(__name__)

# With RQ's defaults an idle worker notices a lost connection, and others a lost worker, only after minutes.
_WORKER_TTL_S = 20
_POLL_S = 1
_MONITORING_INTERVAL_S = 5
_SHORT_JOB_TTL_S = 180
_RECONNECT_PAUSE_S = 1.0

OnDeath = Callable[[str, str, int], None]


class NoDeathPenalty(BaseDeathPenalty):
    """Time limits are kept by the attempt itself: RQ's is an exception that a broad `except` would swallow."""

    def setup_death_penalty(self) -> None:
        """Nothing to set up."""

    def cancel_death_penalty(self) -> None:
        """Nothing to cancel."""


class _PoliteWorker(BaseWorker):
    """Stops between jobs only: RQ's own way raises an exception wherever the signal happens to fall."""

    def __init__(
        self, queues: Sequence[str], connection: redis.Redis, stop: StopRequest, **options: Any
    ) -> None:
        super().__init__(
            list(queues),
            name=f"{socket.gethostname()}.{os.getpid()}-{uuid4().hex[:6]}",
            connection=connection,
            worker_ttl=_WORKER_TTL_S,
            job_monitoring_interval=_MONITORING_INTERVAL_S,
            serializer=JSONSerializer,
            **options,
        )
        self.stop = stop

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Take no more jobs; the running one has its grace, and is then handed back."""
        self.stop.make(signum, frame)
        self._stop_requested = True

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """A second signal changes nothing: the running job is on its way out."""

    def dequeue_job_and_maintain_ttl(self, *_: Any, **__: Any) -> tuple[Job, Queue]:
        """Wait for a job; looks up often enough to see that it should stop."""
        self.set_state(WorkerStatus.IDLE)
        while not self.stop.is_made:
            try:
                self.heartbeat()
                if self.should_run_maintenance_tasks:
                    self.run_maintenance_tasks()  # type: ignore[no-untyped-call]
                taken = self.queue_class.dequeue_any(
                    self._ordered_queues,
                    _POLL_S,
                    connection=self.connection,
                    job_class=self.job_class,
                    serializer=self.serializer,
                    death_penalty_class=self.death_penalty_class,
                )
            except DequeueTimeout:
                continue
            except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
                log.warning("Redis can't be reached, trying again", reason=str(error))
                time.sleep(_RECONNECT_PAUSE_S)
            else:
                if taken is not None:
                    self.reorder_queues(taken[1])
                    taken[0].redis_server_version = self.get_redis_server_version()  # type: ignore[no-untyped-call]
                    return taken
        raise StopRequested

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """The attempt has logged it."""


class ShortJobWorker(_PoliteWorker, SimpleWorker):
    """Runs short jobs one after the other in its own process, with kept connections."""

    death_penalty_class = NoDeathPenalty

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002 - RQ's signature
        return _SHORT_JOB_TTL_S


class ForkingWorker(_PoliteWorker, Worker):
    """Runs every job in a process of its own, whose memory goes back when it ends.

    `on_death` is told the id and the name of a job whose process died, and the process' id.
    """

    def __init__(
        self, queues: Sequence[str], connection: redis.Redis, stop: StopRequest, on_death: OnDeath
    ) -> None:
        super().__init__(queues, connection, stop)
        self._on_death = on_death

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        super().request_stop(signum, frame)
        self._ask_child_to_stop()

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        if self.stop.is_made:
            # The signal may have come just before the child's id was known.
            self._ask_child_to_stop()
        try:
            super().maintain_heartbeats(job, execution)
        except RedisError as error:
            log.warning("Redis can't be reached, the job goes on", job_id=job.id, reason=str(error))

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        # Below, only the child's own limits count; the parent needs RQ's alarm to watch over it.
        self.death_penalty_class = NoDeathPenalty
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self.stop.make)
        die_within(None)
        follow_parent(self.pid or 0)

    def handle_work_horse_killed(self, job: Job, retpid: int, *_: Any) -> None:
        self._on_death(job.id, job.description or "", retpid)

    def _ask_child_to_stop(self) -> None:
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)
