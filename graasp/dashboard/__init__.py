"""The jobs' dashboard: rq-dashboard's pages, whose changes go through the job rows."""

import asyncio
import base64
import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import redis
import rq
import rq_dashboard
import rq_dashboard.web
from a2wsgi import WSGIMiddleware
from flask import Flask, Response, abort, g, jsonify, request
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from graasp.db.database import Database, DatabaseUnavailable, open_database
from graasp.jobs.control import cancel_job, cancel_waiting, requeue_failed, requeue_job
from graasp.jobs.queue import JobQueue, open_job_queue
from graasp.settings import Settings

T = TypeVar("T")

_POLL_MS = 1500
# The pages compile their templates in the browser, hence 'unsafe-eval'; nothing inline runs without the nonce.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none';script-src 'self' 'nonce-{nonce}' 'unsafe-eval';style-src 'self';"
    "style-src-attr 'unsafe-inline';img-src 'self' data:;connect-src 'self';base-uri 'none';form-action 'none';"
    "frame-ancestors 'none'"
)
_SAME_ORIGIN = ("same-origin", "none")


class _Job(Job):
    """RQ's default serializer is pickle, which runs what it reads."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"serializer": JSONSerializer})


class _Worker(rq.Worker):
    job_class = _Job


def mount_dashboard(app: Starlette, settings: Settings) -> None:
    """Put the dashboard at `/ui`, with and without a slash at the end."""

    async def to_the_first_page(_: Request) -> RedirectResponse:
        return RedirectResponse("/ui/")

    app.add_route("/ui", to_the_first_page, include_in_schema=False)
    app.mount("/ui", create_dashboard(settings))


def create_dashboard(settings: Settings) -> ASGIApp:
    """An ASGI application to mount. Outside development every request needs the credentials of the settings."""
    # Without static files of its own: theirs are at the same place.
    flask = Flask(__name__, static_folder=None)
    flask.config.from_mapping(
        RQ_DASHBOARD_REDIS_URL=(settings.redis_connection,),
        RQ_DASHBOARD_POLL_INTERVAL=_POLL_MS,
    )
    rq_dashboard.web.config.serializer = JSONSerializer
    rq_dashboard.web.Job, rq_dashboard.web.Worker = _Job, _Worker
    flask.redis_conn = redis.Redis.from_url(  # type: ignore[attr-defined]
        settings.redis_connection, socket_timeout=5, socket_connect_timeout=2
    )
    flask.register_blueprint(rq_dashboard.blueprint)
    # It would open new connections for every request.
    flask.before_request_funcs["rq_dashboard"] = []
    flask.before_request(_gate(settings))
    flask.after_request(_with_headers)
    flask.context_processor(lambda: {"nonce": _nonce()})
    flask.register_error_handler(NoSuchJobError, lambda _: ("There is no such job any more.", 404))
    flask.register_error_handler(RedisError, lambda _: ("Redis can't be reached now.", 503))
    flask.register_error_handler(DatabaseUnavailable, lambda _: ("PostgreSQL can't be reached now.", 503))
    _replace_changes(flask, _Changes(settings))
    return WSGIMiddleware(flask)  # type: ignore[return-value, arg-type]


def _gate(settings: Settings) -> Callable[[], Response | None]:
    def check() -> Response | None:
        if not settings.is_development and not _has_credentials(settings):
            return Response("Unauthorized", 401, {"WWW-Authenticate": 'Basic realm="Graasp jobs"'})
        if request.method not in ("GET", "HEAD") and not _same_origin():
            abort(403, "Changes are made from the dashboard's own pages only.")
        if request.view_args and request.view_args.get("instance_number"):
            abort(404)
        return None

    return check


def _has_credentials(settings: Settings) -> bool:
    if not settings.dashboard_user or settings.dashboard_password is None:
        return False
    expected = f"{settings.dashboard_user}:{settings.dashboard_password.get_secret_value()}".encode()
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except ValueError:
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(given, expected)


def _same_origin() -> bool:
    """Browsers tell where a request comes from; what tells nothing is not let in either."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in _SAME_ORIGIN
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc == request.host


def _nonce() -> str:
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def _with_headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY.format(nonce=_nonce())
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint != "rq_dashboard.static":
        response.headers["Cache-Control"] = "no-store"
    return response


class _Changes:
    """A job is its row: the pages' buttons change rows, never Redis alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def requeue(self, job_id: str) -> Response:
        if not self._run(lambda database, jobs: requeue_job(database, jobs, _uuid(job_id))):
            abort(409, "This job can't be queued again.")
        return jsonify(status="OK")

    def requeue_all(self, queue_name: str) -> Response:
        if request.method != "POST":
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

    def _run(self, work: Callable[[Database, JobQueue], Awaitable[T]]) -> T:
        async def run() -> T:
            async with (
                open_database(self._settings.db_connection, pool_size=2) as database,
                open_job_queue(self._settings, database) as jobs,
            ):
                return await work(database, jobs)

        return asyncio.run(run())


def _replace_changes(flask: Flask, changes: _Changes) -> None:
    flask.view_functions |= {
        "rq_dashboard.requeue_job_view": changes.requeue,
        "rq_dashboard.delete_job_view": changes.cancel,
        "rq_dashboard.requeue_all": changes.requeue_all,
        "rq_dashboard.empty_queue": changes.empty,
        "rq_dashboard.compact_queue": changes.compact,
    }


def _uuid(job_id: str) -> UUID:
    try:
        return UUID(job_id)
    except ValueError:
        abort(404, "There is no such job.")
