"""Prometheus metrics of core and worker."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
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
_JOBS = Histogram(
    "graasp_job_seconds",
    "Duration of job attempts",
    ["name", "outcome"],
    buckets=(0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800),
)
_MESSAGES_LOST = Counter("graasp_realtime_lost_total", "Websocket messages that could not be published")


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    _REQUESTS.labels(method, route, status).observe(seconds)


def observe_job(name: str, outcome: str, seconds: float) -> None:
    """`outcome` is succeeded, retried, failed, cancelled or handed_back."""
    _JOBS.labels(name, outcome).observe(seconds)


def count_lost_message() -> None:
    _MESSAGES_LOST.inc()


async def metrics_text(database: Database) -> bytes:
    """This process' counters and histograms, and the queues' state as the job rows have it now."""
    registry = CollectorRegistry()
    jobs = Gauge("graasp_jobs", "Jobs by queue and state", ["queue", "state"], registry=registry)
    oldest = Gauge("graasp_oldest_job_seconds", "Age of the oldest due job", ["queue", "state"], registry=registry)
    reachable = Gauge("graasp_database_up", "Whether the database answers", registry=registry)
    try:
        for row in await database.reads.all(queries.DEPTHS):
            jobs.labels(row["queue"], row["state"]).set(row["jobs"])
            oldest.labels(row["queue"], row["state"]).set(max(0.0, float(row["oldest_s"])))
        reachable.set(1)
    except DatabaseUnavailable:
        reachable.set(0)
    return generate_latest() + generate_latest(registry)


async def metrics(request: Request) -> Response:
    """The endpoint that Prometheus scrapes."""
    return Response(await metrics_text(request.app.state.platform.database), media_type=CONTENT_TYPE_LATEST)
