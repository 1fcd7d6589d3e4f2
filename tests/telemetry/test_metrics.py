"""What Prometheus scrapes."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, text, update

from graasp.db.database import DatabaseUnavailable
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from graasp.telemetry.metrics import metrics, metrics_text
from tests.worker.sample_jobs import SHORT_NOTE, Note
from tests.worker.workers import enqueue


def _samples(content: bytes) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }


async def test_depth_and_age_of_every_queue_are_those_of_the_rows_now(platform: Platform) -> None:
    ids = [await enqueue(platform, SHORT_NOTE, Note(file=Path("note"))) for _ in range(5)]
    minutes = text("interval '10 minutes'")
    for job_id, values in (
        (ids[0], {"run_at": func.now() - minutes}),
        (ids[1], {"run_at": func.now() + minutes}),
        (ids[2], {"state": "running"}),
        (ids[3], {"state": "failed"}),
        (ids[4], {"state": "succeeded"}),
    ):
        async with platform.database.transaction() as transaction:
            await transaction.execute(update(job).where(job.c.id == job_id).values(**values))
    seen = _samples(await metrics_text(platform.database))
    assert {
        state: seen["graasp_jobs", "mail", state] for state in ("waiting", "delayed", "running", "failed")
    } == {
        "waiting": 1,
        "delayed": 1,
        "running": 1,
        "failed": 1,
    }
    assert seen["graasp_job_oldest_waiting_seconds", "mail"] == pytest.approx(600, abs=60)
    assert seen["graasp_database_up",] == 1


async def test_metrics_are_served_when_the_database_is_away(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object, **__: object) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(platform.database.reads, "all", unreachable)
    app = FastAPI()
    app.state.platform = platform
    app.add_route("/metrics", metrics)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://core.test"
    ) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert _samples(answer.content)["graasp_database_up",] == 0


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/health", "/health", "200"),
        ("/api/status", "/api/status", "200"),
        (f"/api/items/{UUID(int=0)}", "/api/items/{id}", "404"),
        # Answered without the prefix too: it is the same route.
        (f"/items/{UUID(int=0)}", "/api/items/{id}", "404"),
        # The index leaves what spans segments to the search.
        ("/api/items/h5p-assets/frame.js", "/api/items/h5p-assets/{path:path}", "200"),
        ("/nothing/here", "unmatched", "404"),
    ],
)
async def test_requests_are_measured_by_route(
    app: FastAPI, client: httpx.AsyncClient, path: str, route: str, status: str
) -> None:
    before = _samples(await metrics_text(app.state.platform.database))
    await client.get(path)
    after = _samples(await metrics_text(app.state.platform.database))
    counted = {
        key: value - before.get(key, 0)
        for key, value in after.items()
        if key[0] == "graasp_request_seconds_count"
    }
    assert sum(counted.values()) == 1
    [key] = [key for key, value in counted.items() if value]
    assert key[1:] == ("GET", route, status)


def test_settings_name_the_ports(make_settings: Callable[..., Settings]) -> None:
    assert make_settings(worker_metrics_port=9100).worker_metrics_port == 9100
