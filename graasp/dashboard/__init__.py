"""The jobs' dashboard: rq-dashboard's pages, whose changes go through the job rows."""

import asyncio
import base64
import hmac
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import UUID

import redis
import rq_dashboard
import rq_dashboard.web
from a2wsgi import WSGIMiddleware
from flask import Flask, Response, abort, jsonify, request
from rq.serializers import JSONSerializer
from starlette.types import ASGIApp

from graasp.jobs.control import cancel_job, requeue_job
from graasp.settings import Settings

_CONTENT_SECURITY_POLICY = (
    "default-src 'none';script-src 'self' 'unsafe-inline';style-src 'self' 'unsafe-inline';img-src 'self' data:;"
    "font-src 'self' data:;connect-src 'self';base-uri 'none';form-action 'self';frame-ancestors 'self'"
)
_SAME_ORIGIN = ("same-origin", "none")


def create_dashboard(settings: Settings) -> ASGIApp:
    """An ASGI application to mount. Outside development every request needs the credentials of the settings."""
    flask = Flask(__name__)
    flask.config["RQ_DASHBOARD_REDIS_URL"] = (settings.redis_connection,)
    flask.config["RQ_DASHBOARD_POLL_INTERVAL"] = 2000
    flask.config["RQ_DASHBOARD_DISABLE_DELETE"] = True
    flask.config["PROPAGATE_EXCEPTIONS"] = False
    rq_dashboard.web.config.serializer = JSONSerializer
    flask.redis_conn = redis.Redis.from_url(settings.redis_connection, socket_timeout=5)  # type: ignore[attr-defined]
    flask.register_blueprint(rq_dashboard.blueprint)
    flask.before_request(_gate(settings))
    flask.after_request(_with_headers)
    _replace_changes(flask, settings)
    return WSGIMiddleware(flask)  # type: ignore[return-value, arg-type]


def _gate(settings: Settings) -> Callable[[], Response | None]:
    def check() -> Response | None:
        if not settings.is_development and not _has_credentials(settings):
            return Response("Unauthorized", 401, {"WWW-Authenticate": 'Basic realm="Graasp jobs"'})
        if request.method not in ("GET", "HEAD") and not _same_origin():
            abort(403, "Changes are made from the dashboard's own pages only.")
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


def _with_headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def _replace_changes(flask: Flask, settings: Settings) -> None:
    """A job is its row: the pages' buttons change rows, never Redis alone."""

    def requeue(job_id: str) -> Response:
        if not asyncio.run(requeue_job(settings, _uuid(job_id))):
            abort(409, "This job can't be queued again.")
        return jsonify({"status": "OK"})

    def cancel(job_id: str, registry: str | None = None) -> Response:
        if not asyncio.run(cancel_job(settings, _uuid(job_id))):
            abort(409, "This job has ended already.")
        return jsonify({"status": "OK"})

    def not_offered(*_: str, **__: str) -> Response:
        abort(403, "Not offered: jobs are cancelled and queued again one by one.")

    views = flask.view_functions
    views["rq_dashboard.requeue_job_view"] = requeue
    views["rq_dashboard.delete_job_view"] = cancel
    for name in ("requeue_all", "empty_queue", "compact_queue"):
        views[f"rq_dashboard.{name}"] = not_offered


def _uuid(job_id: str) -> UUID:
    try:
        return UUID(job_id)
    except ValueError:
        abort(404, "There is no such job.")
