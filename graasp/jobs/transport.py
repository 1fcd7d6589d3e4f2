"""RQ as the transport of jobs. Synchronous, as RQ is: call it in a thread, never on the event loop."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import redis
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.registry import (
    BaseRegistry,
    CanceledJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ScheduledJobRegistry,
)
from rq.results import Result
from rq.serializers import JSONSerializer

from graasp.db.database import Row

# Named by text: the core knows the worker only by the names of its jobs.
ENTRY_POINT = "worker.entry.run_job"

# RQ's own time limit is out of use (the attempt keeps its own); it only has to be longer than any job's.
_LONGEST_JOB_S = 24 * 3600
_SHOWN_S = 7 * 24 * 3600
_MARKER = "graasp:jobs:marker"
_SUCCESS = "success"

_REGISTRIES: Mapping[JobStatus, type[BaseRegistry]] = {
    JobStatus.FAILED: FailedJobRegistry,
    JobStatus.FINISHED: FinishedJobRegistry,
    JobStatus.CANCELED: CanceledJobRegistry,
    JobStatus.SCHEDULED: ScheduledJobRegistry,
}


class RqTransport:
    """Hands job rows to RQ, tells which ones it has lost, and shows in RQ what became of them."""

    def __init__(self, connection: redis.Redis) -> None:
        self.connection = connection
        self._queues: dict[str, Queue] = {}

    def hand_over(self, rows: Iterable[Row]) -> None:
        """Put the ids of rows into their queues; one that is there already stays where it is."""
        for row in rows:
            queue, job_id = self.queue(row["queue"]), str(row["id"])
            try:
                _enqueue(queue, job_id, row["name"])
            except DuplicateJobError:
                # RQ has it still - waiting, or as what an earlier attempt has left.
                if queue.get_job_position(job_id) is None:
                    self._forget(job_id)
                    _enqueue(queue, job_id, row["name"])

    def missing(self, by_queue: Mapping[str, Sequence[UUID]]) -> list[UUID]:
        """Those that no longer wait in their queue."""
        lost: list[UUID] = []
        for name, ids in by_queue.items():
            waiting = set(self.queue(name).get_job_ids())
            lost.extend(job_id for job_id in ids if str(job_id) not in waiting)
        return lost

    def was_emptied(self) -> bool:
        """Whether Redis has lost its data since this was asked last."""
        return bool(self.connection.set(_MARKER, datetime.now(UTC).isoformat(), nx=True))

    def show(self, queue_name: str, status: JobStatus, rows: Sequence[Row]) -> None:
        """Make one of RQ's registries tell what the rows tell, and nothing else."""
        queue = self.queue(queue_name)
        self.connection.sadd(Queue.redis_queues_keys, queue.key)
        registry = _REGISTRIES[status](queue.name, connection=self.connection, serializer=JSONSerializer)
        shown = set(registry.get_job_ids(cleanup=False))
        wanted = {str(row["id"]): row for row in rows}
        for job_id in shown - wanted.keys():
            self.connection.zrem(registry.key, job_id)
            if self.connection.hget(Job.key_for(job_id), "status") == status.value.encode():
                self._forget(job_id)
        for job_id in wanted.keys() - shown:
            self._add(queue, registry, status, wanted[job_id])

    def queue(self, name: str) -> Queue:
        if name not in self._queues:
            self._queues[name] = Queue(name, connection=self.connection, serializer=JSONSerializer)
        return self._queues[name]

    def _add(self, queue: Queue, registry: BaseRegistry, status: JobStatus, row: Row) -> None:
        job = Job.create(
            ENTRY_POINT,
            args=[str(row["id"])],
            id=str(row["id"]),
            connection=self.connection,
            serializer=JSONSerializer,
            origin=queue.name,
            description=_description(row),
            status=status,
            result_ttl=_SHOWN_S,
            failure_ttl=_SHOWN_S,
            meta={"attempt": row["attempt"], "progress": row["progress"]},
        )
        job.created_at, job.enqueued_at = row["created_at"], row["run_at"]
        job.started_at, job.ended_at = row["started_at"], row["finished_at"]
        with self.connection.pipeline() as pipeline:
            job.save(pipeline=pipeline)
            pipeline.expire(job.key, _SHOWN_S)
            if status is JobStatus.FAILED:
                Result.create_failure(job, _SHOWN_S, row["error"] or "", pipeline=pipeline)
            elif status is JobStatus.FINISHED:
                Result.create(job, Result.Type.SUCCESSFUL, _SHOWN_S, return_value=_SUCCESS, pipeline=pipeline)
            moment = row["run_at"] if status is JobStatus.SCHEDULED else row["finished_at"]
            pipeline.zadd(registry.key, {job.id: moment.timestamp() + _SHOWN_S})
            pipeline.execute()

    def _forget(self, job_id: str) -> None:
        try:
            Job.fetch(job_id, connection=self.connection, serializer=JSONSerializer).delete()
        except NoSuchJobError:
            # What is left of it can't be read, and would be in the way of its successor.
            self.connection.delete(Job.key_for(job_id))


def _enqueue(queue: Queue, job_id: str, description: str) -> None:
    queue.enqueue_call(
        ENTRY_POINT,
        args=(job_id,),
        job_id=job_id,
        description=description,
        timeout=_LONGEST_JOB_S,
        result_ttl=_SHOWN_S,
        failure_ttl=_SHOWN_S,
        unique=True,
    )


def _description(row: Row) -> str:
    progress = row["progress"] or {}
    if row["state"] == "queued":
        why = f", after {row['error']}" if row["error"] else ""
        return f"{row['name']}: again at {row['run_at']:%Y-%m-%d %H:%M:%S} UTC{why}"
    return describe(row["name"], progress)


def describe(name: str, progress: Mapping[str, object] | None) -> str:
    """How far a job is, for people: `export-actions: 1,200 of 5,000 rows`."""
    if not progress:
        return name
    done, total, text = progress["done"], progress.get("total"), progress.get("text") or ""
    amount = f"{done:,} of {total:,}" if total else f"{done:,}"
    return f"{name}: {amount} {text}".rstrip()
