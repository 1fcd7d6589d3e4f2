"""Spans by OpenTelemetry. Imported by `tracing` alone, when there is a collector."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg.cursor
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

from graasp.settings import Settings
from graasp.telemetry.secrets import without_secrets
from graasp.telemetry.tracing import JobEnded, RequestEnded

_FIRST_FAILURE = 500
# A collector that does not answer holds up the end of a process no longer than this.
_EXPORT_TIMEOUT_S = 3.0
_TRACE_CONTEXT = TraceContextTextMapPropagator()


class OpenTelemetrySpans:
    """Spans of requests and jobs, and below them those of PostgreSQL, Redis and outgoing requests."""

    def __init__(self, settings: Settings, service: str) -> None:
        resource = Resource.create(
            {
                "service.name": f"graasp-{service}",
                "service.version": settings.app_version,
                "deployment.environment.name": settings.node_env,
            }
        )
        exporter = OTLPSpanExporter(
            f"{settings.otel_exporter_otlp_endpoint}/v1/traces", timeout=_EXPORT_TIMEOUT_S
        )
        self._provider = TracerProvider(
            sampler=RequestsAndJobs(settings.otel_traces_sampler_arg), resource=resource
        )
        self._provider.add_span_processor(BatchSpanProcessor(WithoutPersonalData(exporter)))
        self._tracer = self._provider.get_tracer("graasp")
        _watch_libraries(self._provider)

    @contextmanager
    def request(
        self, method: str, request_id: str, traceparent: str | None
    ) -> Iterator[tuple[str, RequestEnded]]:
        attributes = {"http.request.method": method, "graasp.request_id": request_id}
        with self._span(SpanKind.SERVER, method, traceparent, attributes) as span:

            def ended(route: str | None, status: int) -> None:
                if route is not None:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                if status >= _FIRST_FAILURE:
                    span.set_status(Status(StatusCode.ERROR))

            yield _traceparent_of(span), ended

    @contextmanager
    def job(self, name: str, traceparent: str | None, ids: dict[str, Any]) -> Iterator[tuple[str, JobEnded]]:
        attributes = {"graasp.job": name} | {f"graasp.{key}": value for key, value in ids.items() if value}
        with self._span(SpanKind.CONSUMER, f"job {name}", traceparent, attributes) as span:

            def ended(outcome: str, is_well: bool) -> None:
                span.set_attribute("graasp.outcome", outcome)
                if not is_well:
                    span.set_status(Status(StatusCode.ERROR))

            yield _traceparent_of(span), ended

    def flush(self) -> None:
        self._provider.force_flush()

    @contextmanager
    def _span(
        self, kind: SpanKind, name: str, traceparent: str | None, attributes: dict[str, Any]
    ) -> Iterator[Span]:
        # A context of its own: what happens to be open here is not what caused it.
        parent = _TRACE_CONTEXT.extract({"traceparent": traceparent or ""}, context=Context())
        with self._tracer.start_as_current_span(name, parent, kind, attributes) as span:
            yield span


class RequestsAndJobs(Sampler):
    """Keeps a share of the requests, the jobs of those, and what happens within them; nothing else.

    Clients don't decide: of a request, the trace it belongs to is taken over, not whether it is kept.
    """

    def __init__(self, share: float) -> None:
        self._share = TraceIdRatioBased(share)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        *args: Any,
        **options: Any,
    ) -> SamplingResult:
        parent = get_current_span(parent_context).get_span_context()
        is_first = kind is SpanKind.SERVER or (kind is SpanKind.CONSUMER and not parent.is_valid)
        if is_first:
            return self._share.should_sample(
                parent_context, trace_id, name, kind, attributes, *args, **options
            )
        is_kept = parent.is_valid and parent.trace_flags.sampled
        return (
            SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
            if is_kept
            else SamplingResult(Decision.DROP)
        )

    def get_description(self) -> str:
        return f"RequestsAndJobs({self._share.get_description()})"


class WithoutPersonalData(SpanExporter):
    """The last guard before spans leave: of errors only their type stays, of addresses only the host."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_cleaned(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _cleaned(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=without_secrets(span.name),
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes={key: _cleaned_value(key, value) for key, value in (span.attributes or {}).items()},
        events=[_cleaned_event(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _cleaned_value(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if key in ("http.url", "url.full"):
        # Files and pages that people have named.
        address = urlsplit(value)
        return f"{address.scheme}://{address.hostname}"
    return without_secrets(value)


def _cleaned_event(event: Event) -> Event:
    # Messages and stack traces of errors quote what they were about.
    kept = {"exception.type", "exception.escaped"}
    attributes = {key: value for key, value in (event.attributes or {}).items() if key in kept}
    return Event(event.name, attributes, event.timestamp)


def _watch_libraries(provider: TracerProvider) -> None:
    # Nobody else learns of our traces: requests that go out carry no headers of them.
    propagate.set_global_textmap(CompositePropagator([]))
    AsyncPGInstrumentor().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]
    # A span per row of a cursor would be millions.
    unwrap(asyncpg.cursor.CursorIterator, "__anext__")
    RedisInstrumentor().instrument(tracer_provider=provider)
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    AioHttpClientInstrumentor().instrument(tracer_provider=provider)


def _traceparent_of(span: Span) -> str:
    carrier: dict[str, str] = {}
    _TRACE_CONTEXT.inject(carrier, set_span_in_context(span))
    return carrier["traceparent"]
