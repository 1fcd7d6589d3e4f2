"""Traces of requests and jobs, sent to a collector over OTLP/HTTP.

Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set; only then is OpenTelemetry imported.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import structlog

from graasp.settings import Settings

# Told at the end: the route and the status of a request.
RequestEnded = Callable[[str | None, int], None]
# Told at the end: the outcome of an attempt, and whether the job is well.
JobEnded = Callable[[str, bool], None]

_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)


class Spans(Protocol):
    """What makes spans and sends them."""

    def request(
        self, method: str, request_id: str, traceparent: str | None
    ) -> AbstractContextManager[tuple[str, RequestEnded]]: ...

    def job(
        self, name: str, traceparent: str | None, ids: dict[str, Any]
    ) -> AbstractContextManager[tuple[str, JobEnded]]: ...

    def flush(self) -> None: ...


class _Process:
    """What this process has started; nothing: no traces."""

    spans: Spans | None = None


def start_tracing(settings: Settings, service: str) -> None:
    """Called once by a process, before it connects to anything. `service`: core or worker."""
    if settings.otel_exporter_otlp_endpoint is None or _Process.spans is not None:
        return
    from graasp.telemetry.spans import OpenTelemetrySpans

    _Process.spans = OpenTelemetrySpans(settings, service)


def current_trace() -> str | None:
    """The span that this runs in, as W3C's `traceparent`: what a job's row carries to its attempts."""
    return _traceparent.get()


def current_trace_id() -> str | None:
    """What a log line carries to be found from the trace, and the trace from it."""
    traceparent = _traceparent.get()
    return traceparent.split("-")[1] if traceparent else None


@contextmanager
def request_span(method: str, request_id: str, traceparent: str | None) -> Iterator[RequestEnded]:
    """The span of a request; `traceparent` is what the client sent."""
    if _Process.spans is None:
        yield lambda *_: None
        return
    with _Process.spans.request(method, request_id, traceparent) as (own, ended), _within(own):
        yield ended


@contextmanager
def job_span(name: str, traceparent: str | None, **ids: Any) -> Iterator[JobEnded]:
    """The span of an attempt at a job, in the trace of what enqueued it."""
    if _Process.spans is None:
        yield lambda *_: None
        return
    with (
        _Process.spans.job(name, traceparent, ids) as (own, ended),
        _within(own),
        structlog.contextvars.bound_contextvars(trace_id=current_trace_id()),
    ):
        yield ended


def flush_traces() -> None:
    """For a process that ends without saying so to anybody: send what waits, within a bound."""
    if _Process.spans is not None:
        _Process.spans.flush()


@contextmanager
def _within(traceparent: str) -> Iterator[None]:
    token = _traceparent.set(traceparent)
    try:
        yield
    finally:
        _traceparent.reset(token)
