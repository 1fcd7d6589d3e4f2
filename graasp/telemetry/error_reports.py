"""Errors that are logged, reported to Sentry; and, if wanted, one transaction per request.

Off unless SENTRY_DSN is set; only then is its client imported.
"""

import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from graasp.settings import Settings
from graasp.telemetry.secrets import without_secrets
from graasp.telemetry.tracing import RequestEnded

if TYPE_CHECKING:
    from sentry_sdk.types import Event

_REPORTED = ("error", "critical")
_TAGS = ("request_id", "job_id", "job", "attempt", "trace_id", "method", "code", "step")
# Their own troubles would be reported by themselves.
_NOT_REPORTED = ("sentry_sdk", "opentelemetry", "urllib3")
_FLUSH_TIMEOUT_S = 2.0
# What errors quote of the rows and the input they were about.
_QUOTED = re.compile(
    r"(?P<mail>[\w.+%-]+@[\w-]+(?:\.[\w-]+)+) | (?P<name>\bDETAIL:|\binput_value=) .*? (?=,\ input_type|$)",
    re.VERBOSE | re.DOTALL,
)


def start_error_reports(settings: Settings) -> None:
    """Called once by a process. Raises nothing for a server that is away: reports are lost then."""
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        environment=settings.sentry_env or settings.node_env,
        release=settings.app_version,
        traces_sample_rate=settings.sentry_traces_sample_rate if settings.sends_transactions else None,
        # What is reported is what is logged, and nothing beside it.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[AtexitIntegration(callback=lambda *_: None), DedupeIntegration()],
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        before_send=lambda event, _: _cleaned(event),
        before_send_transaction=lambda event, _: _cleaned(event),
        shutdown_timeout=_FLUSH_TIMEOUT_S,
    )


def report_errors(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A step of the log: what is logged as an error is reported, with the ids of its request or job."""
    if line.get("level") in _REPORTED and not str(line.get("logger", "")).startswith(_NOT_REPORTED):
        _report(line)
    return line


@contextmanager
def request_transaction(method: str, request_id: str, _: str | None) -> Iterator[RequestEnded]:
    """One request, with its duration and its status."""
    import sentry_sdk

    with (
        sentry_sdk.isolation_scope() as scope,
        sentry_sdk.start_transaction(op="http.server", name=method, source="route") as span,
    ):
        scope.set_tag("request_id", request_id)

        def ended(route: str | None, status: int) -> None:
            name = f"{method} {route or 'unmatched'}"
            sentry_sdk.get_current_scope().set_transaction_name(name, source="route")
            span.set_http_status(status)

        yield ended


def flush_error_reports(settings: Settings) -> None:
    """For a process that ends without saying so to anybody."""
    if settings.sentry_dsn is not None:
        import sentry_sdk

        sentry_sdk.flush(_FLUSH_TIMEOUT_S)


def _report(line: MutableMapping[str, Any]) -> None:
    import sentry_sdk

    with sentry_sdk.new_scope() as scope:
        for tag in _TAGS:
            if line.get(tag) is not None:
                scope.set_tag(tag, str(line[tag]))
        scope.set_level("fatal" if line["level"] == "critical" else "error")
        error = line.get("exc_info")
        if error:
            scope.set_tag("log", str(line["event"]))
            sentry_sdk.capture_exception(error if error is not True else None)
        else:
            sentry_sdk.capture_message(str(line["event"]))


def _cleaned(event: "Event") -> "Event":
    for personal in ("user", "request", "extra", "breadcrumbs"):
        event.pop(personal, None)  # type: ignore[misc]
    cleaned: Event = _without_quotes(event)
    return cleaned


def _without_quotes(value: Any) -> Any:
    if isinstance(value, str):
        return _QUOTED.sub(_stars, without_secrets(value))
    if isinstance(value, dict):
        return {key: _without_quotes(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_quotes(inner) for inner in value]
    return value


def _stars(found: re.Match[str]) -> str:
    return f"{found['name'] or ''}***"
