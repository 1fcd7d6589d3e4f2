"""What a collector is told: a real core, a real worker, spans over OTLP/HTTP."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from graasp.platform import Platform
from graasp.settings import Settings
from graasp.telemetry.spans import RequestsAndJobs
from tests.cores import running_core
from tests.factories import Factory
from tests.telemetry.receivers import Receiver, SentSpan, receiving
from tests.worker.workers import until, working

SERVER, CLIENT, CONSUMER = 2, 3, 5
TRACE_CONTEXT = TraceContextTextMapPropagator()
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    # How often processes send what they have, in milliseconds.
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    with receiving() as receiver:
        yield receiver


def _of_kind(spans: list[SentSpan], kind: int) -> dict[str, SentSpan]:
    return {span.name: span for span in spans if span.kind == kind}


async def test_a_request_and_the_jobs_that_follow_from_it_are_one_trace(
    collector: Receiver,
    make_settings: Callable[..., Settings],
    platform: Platform,
    factory: Factory,
    cookie_for: Callable[[UUID], dict[str, str]],
    tmp_path: Path,
) -> None:
    settings = make_settings(otel_exporter_otlp_endpoint=collector.url, app_version="v1.2.3")
    member = await factory.member(email="maria@example.org", name="Maria")
    item = await factory.item()
    await factory.membership(item["path"], member["id"], "admin")
    headers = cookie_for(member["id"]) | {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
    url = f"/api/items/{item['id']}/actions/export?format=csv&t=a-token"

    def have_come() -> bool:
        return {"job export-actions", "job send-mail"} <= _of_kind(collector.spans(), CONSUMER).keys()

    with working(settings), running_core(settings, tmp_path / "core.log") as core:
        assert httpx.post(f"{core.url}{url}", headers=headers).status_code == 204
        await until(have_come)
        await until(lambda: bool(_of_kind(collector.spans(), SERVER)))

    spans = collector.spans()
    # Probes are not told: the core has answered some.
    [request] = _of_kind(spans, SERVER).values()
    assert request.name == "POST /api/items/{id}/actions/export"
    assert (request.service, request.trace, request.failed) == ("graasp-core", TRACE, False)
    assert request.attributes["http.response.status_code"] == 204
    jobs = _of_kind(spans, CONSUMER)
    export, mail = jobs["job export-actions"], jobs["job send-mail"]
    assert (export.service, export.trace, export.parent) == ("graasp-worker", TRACE, request.id)
    assert (mail.trace, mail.parent) == (TRACE, export.id)
    assert export.attributes["graasp.outcome"] == "succeeded"
    assert export.attributes["graasp.request_id"] == request.attributes["graasp.request_id"]

    below = {span.parent for span in spans if span.kind == CLIENT and "db.statement" in span.attributes}
    assert {request.id, export.id, mail.id} <= below
    # What nobody asked for, such as the worker's polling, is no trace.
    ids = {span.id for span in spans}
    assert all(span.parent in ids for span in spans if span.kind == CLIENT)
    told = repr(spans)
    for private in ("maria", "a-token", "127.0.0.1:3000"):
        assert private not in told.lower()


async def test_requests_that_go_out_tell_their_host_alone_and_are_told_nothing(
    collector: Receiver,
    make_settings: Callable[..., Settings],
    platform: Platform,
    factory: Factory,
    cookie_for: Callable[[UUID], dict[str, str]],
    tmp_path: Path,
) -> None:
    settings = make_settings(
        otel_exporter_otlp_endpoint=collector.url,
        geolocation_api_host=f"{collector.url}/geocode",
        geolocation_api_key="a-key",
    )
    member = await factory.member()
    with running_core(settings, tmp_path / "core.log") as core:
        asked = f"{core.url}/api/items/geolocation/search?query=Lausanne"
        httpx.get(asked, headers=cookie_for(member["id"]))
        await until(lambda: "GET" in _of_kind(collector.spans(), CLIENT))

    [sent] = [one for one in collector.received if one.path.startswith("/geocode/")]
    assert "a-key" in sent.path
    assert not {"traceparent", "tracestate", "baggage"} & sent.headers.keys()
    out = _of_kind(collector.spans(), CLIENT)["GET"]
    assert out.attributes["http.url"] == "http://127.0.0.1"
    told = repr(collector.spans())
    assert "a-key" not in told
    assert "Lausanne" not in told


async def test_of_an_error_only_its_type_is_told(
    collector: Receiver, make_settings: Callable[..., Settings], platform: Platform, tmp_path: Path
) -> None:
    settings = make_settings(otel_exporter_otlp_endpoint=collector.url)
    connection = await platform.database.primary.acquire()
    try:
        await connection.execute("alter table maintenance rename to maintenance_away")
        with running_core(settings, tmp_path / "core.log") as core:
            assert httpx.get(f"{core.url}/api/maintenance/next").status_code == 500
            await until(lambda: bool(_of_kind(collector.spans(), SERVER)))
    finally:
        await connection.execute("alter table maintenance_away rename to maintenance")
        await platform.database.primary.release(connection)

    spans = collector.spans()
    assert _of_kind(spans, SERVER)["GET /api/maintenance/next"].failed
    [failed] = [span for span in spans if span.kind == CLIENT and span.failed]
    assert [event.keys() for event in failed.attributes["events"]] == [
        {"exception.type", "exception.escaped"}
    ]
    assert failed.attributes["message"] == ""


def test_a_collector_that_is_away_holds_up_nobody(
    make_settings: Callable[..., Settings], platform: Platform, tmp_path: Path
) -> None:
    settings = make_settings(otel_exporter_otlp_endpoint="http://127.0.0.1:1")
    with running_core(settings, tmp_path / "core.log") as core:
        assert httpx.get(f"{core.url}/api/version").status_code == 200


@pytest.mark.parametrize("what", ["graasp.app", "worker.pool, worker.registry"])
def test_without_a_collector_and_without_sentry_neither_is_imported(
    what: str, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    script = (
        f"import sys, {what}; from graasp.logging import configure_logging; from graasp.settings import Settings\n"
        "from graasp.telemetry.tracing import start_tracing\n"
        "settings = Settings(_env_file=None, cookie_domain='x', secure_session_secret_key='0' * 64, jwt_secret='x',"
        " password_reset_jwt_secret='x', email_change_jwt_secret='x', apps_jwt_secret='x',"
        " db_connection='postgres://x', redis_connection='redis://x', mailer_connection='smtp://x',"
        " file_storage_root_path='/x')\n"
        "configure_logging(settings); start_tracing(settings, 'core')\n"
        "unwanted = ('sentry_sdk', 'opentelemetry.exporter', 'opentelemetry.instrumentation', "
        "'opentelemetry.sdk.trace', 'google.protobuf')\n"
        "print([name for name in sys.modules if name.startswith(unwanted)])"
    )
    found = subprocess.check_output([sys.executable, "-c", script], cwd=tmp_path, text=True)
    assert found.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("share", "kind", "parent_is_kept", "is_kept"),
    [
        (1.0, SpanKind.SERVER, None, True),
        (0.0, SpanKind.SERVER, None, False),
        # A client can't have its request kept, nor left out.
        (0.0, SpanKind.SERVER, True, False),
        (1.0, SpanKind.SERVER, False, True),
        (1.0, SpanKind.CONSUMER, None, True),
        (0.0, SpanKind.CONSUMER, True, True),
        (1.0, SpanKind.CONSUMER, False, False),
        (1.0, SpanKind.CLIENT, None, False),
        (1.0, SpanKind.CLIENT, True, True),
        (1.0, SpanKind.CLIENT, False, False),
    ],
)
def test_a_share_of_the_requests_is_kept_and_what_follows_from_them(
    share: float, kind: SpanKind, parent_is_kept: bool | None, is_kept: bool
) -> None:
    carrier = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-0{int(bool(parent_is_kept))}"}
    context = Context() if parent_is_kept is None else TRACE_CONTEXT.extract(carrier, context=Context())
    decision = RequestsAndJobs(share).should_sample(context, int(TRACE, 16), "a span", kind).decision
    assert (decision is Decision.RECORD_AND_SAMPLE) == is_kept
