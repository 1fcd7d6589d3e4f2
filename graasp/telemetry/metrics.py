"""Prometheus metrics of core and worker."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.requests import Request
from starlette.responses import Response

from graasp.db.database import Database, DatabaseUnavailable
from graasp.jobs import queries

_REQUESTS = Histogram(
    "graasp_request_seconds",
    "Duration of HTTP requests",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_ATTEMPTS = Histogram(
    "graasp_job_seconds",
    "Duration of job attempts by their outcome: succeeded, retried, failed, cancelled, handed_back",
    ["name", "outcome"],
    buckets=(0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800),
)
_WAITS = Histogram(
    "graasp_job_wait_seconds",
    "Time between the moment a job was due and its start",
    ["name"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600),
)
_DEATHS = Counter("graasp_job_processes_died_total", "Processes that died under a job", ["name"])
_MESSAGES_LOST = Counter("graasp_realtime_lost_total", "Websocket messages that could not be published")


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    _REQUESTS.labels(method, route, status).observe(seconds)


def observe_job(name: str, outcome: str, seconds: float, waited_s: float) -> None:
    """`outcome` is succeeded, retried, failed, cancelled or handed_back."""
    _ATTEMPTS.labels(name, outcome).observe(seconds)
    _WAITS.labels(name).observe(waited_s)


def count_dead_process(name: str) -> None:
    _DEATHS.labels(name).inc()


def count_lost_messages(number: int) -> None:
    _MESSAGES_LOST.inc(number)


async def metrics_text(database: Database) -> bytes:
    """This process' counters and histograms, and the queues' state as the job rows have it now."""
    registry = CollectorRegistry()
    jobs = Gauge(
        "graasp_jobs",
        "Jobs by queue and state: waiting, delayed (for another attempt), running, failed (and still kept)",
        ["queue", "state"],
        registry=registry,
    )
    oldest = Gauge(
        "graasp_job_oldest_waiting_seconds", "Age of the oldest due job", ["queue"], registry=registry
    )
    reachable = Gauge("graasp_database_up", "Whether the database answers", registry=registry)
    try:
        rows = await database.reads.all(queries.DEPTHS)
    except (DatabaseUnavailable, OSError):
        reachable.set(0)
    else:
        reachable.set(1)
        for row in rows:
            # A queue that has one state shows all of them, zeros too.
            for state in ("waiting", "delayed", "running", "failed"):
                jobs.labels(row["queue"], state)
            oldest.labels(row["queue"])
        for row in rows:
            jobs.labels(row["queue"], row["state"]).set(row["jobs"])
            if row["state"] == "waiting":
                oldest.labels(row["queue"]).set(max(0.0, float(row["oldest_s"])))
    return generate_latest() + generate_latest(registry)


async def metrics(request: Request) -> Response:
    """The endpoint that Prometheus scrapes."""
    return Response(await metrics_text(request.app.state.platform.database), media_type=CONTENT_TYPE_LATEST)
