"""A job is its row: pages that show rows, and buttons that change them, never Redis alone."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
import redis
from flask import Flask, Response, abort, jsonify, render_template, url_for
from flask import request as current_request
from rq.job import Job

from graasp.db.database import Database, Row, open_database
from graasp.jobs.control import cancel_job, cancel_waiting, requeue_failed, requeue_job
from graasp.jobs.queries import LATEST, ONE
from graasp.jobs.queue import JobQueue, open_job_queue
from graasp.jobs.transport import describe
from graasp.settings import Settings

T = TypeVar("T")

_LATEST = 15
# The payload is for the worker alone.
_SHOWN = ("name", "state", "queue", "attempt", "max_attempts", "error")
_DETAILS = ("account_id", "item_id", "request_id", "worker")
_MOMENTS = ("created_at", "run_at", "started_at", "heartbeat_at", "finished_at")


def install_rows(flask: Flask, settings: Settings, connection: redis.Redis) -> None:
    """Put the pages and changes of rows in the place of rq-dashboard's own."""
    rows = _Rows(settings, connection)
    flask.add_url_rule("/0/data/latest.json", "latest_jobs", rows.latest)
    flask.view_functions |= {
        "rq_dashboard.job_view": rows.page,
        "rq_dashboard.job_info": rows.one,
        "rq_dashboard.requeue_job_view": rows.requeue,
        "rq_dashboard.delete_job_view": rows.cancel,
        "rq_dashboard.requeue_all": rows.requeue_all,
        "rq_dashboard.empty_queue": rows.empty,
        "rq_dashboard.compact_queue": rows.compact,
    }


class _Rows:
    def __init__(self, settings: Settings, connection: redis.Redis) -> None:
        self._settings = settings
        self._redis = connection

    def latest(self) -> Response:
        """The newest jobs of all queues, as JSON."""
        filters = {"wanted_state": None, "wanted_queue": None}
        found = self._run(lambda database, _: database.reads.all(LATEST, **filters, how_many=_LATEST))
        return jsonify(jobs=list(self._shown(found)))

    def page(self, instance_number: int, job_id: str) -> str:
        """The page of one job, which asks for `one` again and again."""
        self._find(job_id)
        prefix = url_for("rq_dashboard.queues_overview")
        return render_template(
            "rq_dashboard/job.html", id=job_id, current_instance=instance_number, rq_url_prefix=prefix
        )

    def one(self, instance_number: int, job_id: str) -> Response:  # noqa: ARG002 - the route's parameter
        """One job, as JSON."""
        row = self._find(job_id)
        [shown] = self._shown([row])
        details = {name: str(row[name]) for name in _DETAILS if row[name] is not None}
        moments = {name: row[name].isoformat() for name in _MOMENTS if row[name] is not None}
        return jsonify(shown | {"details": details, "moments": moments, "result": row["result"]})

    def requeue(self, job_id: str) -> Response:
        if not self._run(lambda database, jobs: requeue_job(database, jobs, _uuid(job_id))):
            abort(409, "This job can't be queued again.")
        return jsonify(status="OK")

    def requeue_all(self, queue_name: str) -> Response:
        if current_request.method != "POST":
            abort(405)
        count = self._run(lambda database, jobs: requeue_failed(database, jobs, queue_name))
        return jsonify(status="OK", count=count)

    def cancel(self, job_id: str) -> Response:
        if not self._run(lambda database, _: cancel_job(database, _uuid(job_id))):
            abort(409, "This job has ended already.")
        return jsonify(status="OK")

    def empty(self, queue_name: str, registry_name: str) -> Response:
        if registry_name != "queued":
            abort(403, "Not offered: what has ended is forgotten in its time.")
        count = self._run(lambda database, _: cancel_waiting(database, queue_name))
        return jsonify(status="OK", count=count)

    def compact(self, queue_name: str) -> Response:  # noqa: ARG002 - the route's parameter
        abort(403, "Not needed: the queue is kept in order all the time.")

    def _find(self, job_id: str) -> Row:
        row = self._run(lambda database, _: database.reads.first(ONE, job_id=_uuid(job_id)))
        if row is None:
            abort(404, "There is no such job any more.")
        return row

    def _shown(self, rows: Iterable[Row]) -> Iterable[dict[str, Any]]:
        rows = list(rows)
        fresh = self._progress_of([str(row["id"]) for row in rows if row["state"] == "running"])
        for row in rows:
            yield _shown(row, fresh.get(str(row["id"]), row["progress"]), datetime.now(UTC))

    def _progress_of(self, running: list[str]) -> dict[str, Any]:
        """How far they are: Redis hears of it every second, the rows with each heartbeat."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for job_id in running:
                pipeline.hget(Job.key_for(job_id), "meta")
            told = dict(zip(running, pipeline.execute(), strict=True))
        metas = {job_id: orjson.loads(meta) for job_id, meta in told.items() if meta}
        return {job_id: meta["progress"] for job_id, meta in metas.items() if meta.get("progress")}

    def _run(self, work: Callable[[Database, JobQueue], Awaitable[T]]) -> T:
        async def run() -> T:
            async with (
                open_database(self._settings.db_connection, pool_size=2) as database,
                open_job_queue(self._settings, database) as jobs,
            ):
                return await work(database, jobs)

        return asyncio.run(run())


def _shown(row: Row, progress: Any, now: datetime) -> dict[str, Any]:
    began, ended = row["started_at"], now if row["state"] == "running" else row["finished_at"]
    return {name: row[name] for name in _SHOWN} | {
        "id": str(row["id"]),
        "progress": progress,
        "how_far": describe(row["name"], progress).partition(": ")[2],
        "age": (now - row["created_at"]).total_seconds(),
        "took": (ended - began).total_seconds() if began and ended else None,
    }


def _uuid(job_id: str) -> UUID:
    try:
        return UUID(job_id)
    except ValueError:
        abort(404, "There is no such job.")
