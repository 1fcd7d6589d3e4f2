"""The jobs' dashboard: rq-dashboard's pages, whose changes go through the job rows."""

import base64
import hmac
import secrets
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import redis
import rq
import rq_dashboard
import rq_dashboard.web
from a2wsgi import WSGIMiddleware
from flask import Flask, Response, abort, g, request
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from graasp.dashboard.rows import install_rows
from graasp.db.database import DatabaseUnavailable
from graasp.settings import Settings

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
    connection = redis.Redis.from_url(settings.redis_connection, socket_timeout=5, socket_connect_timeout=2)
    flask.redis_conn = connection  # type: ignore[attr-defined]
    flask.register_blueprint(rq_dashboard.blueprint)
    # It would open new connections for every request.
    flask.before_request_funcs["rq_dashboard"] = []
    flask.before_request(_gate(settings))
    flask.after_request(_with_headers)
    flask.context_processor(lambda: {"nonce": _nonce()})
    flask.register_error_handler(NoSuchJobError, lambda _: ("There is no such job any more.", 404))
    flask.register_error_handler(RedisError, lambda _: ("Redis can't be reached now.", 503))
    flask.register_error_handler(DatabaseUnavailable, lambda _: ("PostgreSQL can't be reached now.", 503))
    install_rows(flask, settings, connection)
    flask.add_url_rule("/style.css", "style", lambda: Response(_style(), mimetype="text/css"))
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


@cache
def _style() -> str:
    return (files("graasp.dashboard") / "style.css").read_text("utf-8")
