"""`/ui`: what it shows, and whom it lets change what."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import func, update

from graasp.dashboard import create_dashboard
from graasp.jobs.reconciler import refresh_view
from graasp.jobs.tables import job
from graasp.platform import Platform
from graasp.settings import Settings
from tests.worker.sample_jobs import SHORT_NOTE, Note
from tests.worker.workers import enqueue, row_of

_SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
_PROGRESS = {"done": 2, "total": 3, "text": "pages"}


def _client(settings: Settings, **options: Any) -> httpx.AsyncClient:
    app = FastAPI()
    app.mount("/ui", create_dashboard(settings))
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://core.test", **options)


@pytest.fixture
async def dashboard(
    make_settings: Callable[..., Settings], platform: Platform
) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(make_settings(node_env="development")) as client:
        yield client


async def _job(platform: Platform, **values: object) -> UUID:
    job_id = await enqueue(platform, SHORT_NOTE, Note(file=Path("note")))
    await platform.jobs.flush()
    if values:
        # RQ has the job no more, as after a real end.
        platform.jobs.transport.queue("mail").remove(str(job_id))
        async with platform.database.transaction() as transaction:
            await transaction.execute(update(job).where(job.c.id == job_id).values(**values))
    await refresh_view(platform.database, platform.jobs, ["mail", "action-export"], completed=30, failed=100)
    return job_id


async def _failed(platform: Platform) -> UUID:
    return await _job(
        platform,
        state="failed",
        error="<script>alert(1)</script>",
        started_at=func.now(),
        finished_at=func.now(),
    )


async def test_queues_jobs_and_failures_are_shown(dashboard: httpx.AsyncClient, platform: Platform) -> None:
    failed = await _failed(platform)
    waiting = await _job(platform)
    queues = (await dashboard.get("/ui/0/data/queues.json")).json()["queues"]
    assert {q["name"]: (q["count"], q["failed_job_registry_count"]) for q in queues} == {
        "action-export": (0, 0),
        "mail": (1, 1),
    }
    listed = (await dashboard.get("/ui/0/data/jobs/mail/failed/8/asc/1.json")).json()["jobs"]
    assert [(j["id"], j["exc_info"]) for j in listed] == [(str(failed), "<script>alert(1)</script>")]
    shown = (await dashboard.get(f"/ui/0/data/job/{waiting}.json")).json()
    assert (shown["state"], shown["name"], shown["queue"]) == ("queued", "short-note", "mail")
    assert "payload" not in shown
    assert (await dashboard.get("/ui/0/data/workers.json")).json() == {"workers": []}


async def test_the_first_page_shows_the_rows_of_every_queue_newest_first(
    dashboard: httpx.AsyncClient, platform: Platform
) -> None:
    failed = await _failed(platform)
    running = await _job(platform, state="running", started_at=func.now(), progress=_PROGRESS | {"done": 1})
    platform.jobs.transport.connection.hset(
        f"rq:job:{running}", "meta", orjson.dumps({"progress": _PROGRESS})
    )
    waiting = await _job(platform)
    jobs = (await dashboard.get("/ui/0/data/latest.json")).json()["jobs"]
    assert [(j["id"], j["state"]) for j in jobs] == [
        (str(waiting), "queued"),
        (str(running), "running"),
        (str(failed), "failed"),
    ]
    # Fresher than its row, which only knows the latest heartbeat.
    assert (jobs[1]["progress"], jobs[1]["how_far"]) == (_PROGRESS, "2 of 3 pages")
    assert jobs[2]["error"] == "<script>alert(1)</script>"
    assert jobs[0]["took"] is None
    assert all(0 <= j["age"] < 60 for j in jobs)
    assert "payload" not in jobs[0]


async def test_every_page_has_a_narrow_policy_and_needs_nothing_from_elsewhere(
    dashboard: httpx.AsyncClient, platform: Platform
) -> None:
    job_id = await _job(platform)
    for path in ("/", "/0/view/workers", "/0/view/jobs/mail/queued/8/asc/1", f"/0/view/job/{job_id}"):
        page = await dashboard.get(f"/ui{path}")
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        nonce = policy.partition("'nonce-")[2].partition("'")[0]
        assert f'<script nonce="{nonce}">' in page.text
        assert "script-src 'self' 'nonce-" in policy
        assert 'src="http' not in page.text
        assert platform.settings.redis_connection not in page.text
    for asset in ("static/js/jquery-3.5.1.min.js", "style.css"):
        assert (await dashboard.get(f"/ui/{asset}")).status_code == 200


async def test_a_failed_job_is_queued_again_from_the_page(
    dashboard: httpx.AsyncClient, platform: Platform
) -> None:
    job_id = await _failed(platform)
    answer = await dashboard.post(f"/ui/job/{job_id}/requeue", headers=_SAME_ORIGIN)
    assert answer.status_code == 200
    row = await row_of(platform, job_id)
    assert (row["state"], row["failures"], row["error"]) == ("queued", 0, None)
    assert platform.jobs.transport.queue("mail").get_job_ids() == [str(job_id)]
    assert (await dashboard.post(f"/ui/job/{job_id}/requeue", headers=_SAME_ORIGIN)).status_code == 409


async def test_all_failed_jobs_of_a_queue_are_queued_again(
    dashboard: httpx.AsyncClient, platform: Platform
) -> None:
    ids = [await _failed(platform) for _ in range(3)]
    assert (await dashboard.get("/ui/requeue/mail")).status_code == 405
    assert (await dashboard.post("/ui/requeue/mail", headers=_SAME_ORIGIN)).json() == {
        "status": "OK",
        "count": 3,
    }
    assert {(await row_of(platform, job_id))["state"] for job_id in ids} == {"queued"}


async def test_deleting_a_job_or_emptying_a_queue_cancels_the_rows(
    dashboard: httpx.AsyncClient, platform: Platform
) -> None:
    ids = [await _job(platform) for _ in range(3)]
    assert (await dashboard.post(f"/ui/job/{ids[0]}/delete", headers=_SAME_ORIGIN)).status_code == 200
    assert (await dashboard.post("/ui/queue/mail/queued/empty", headers=_SAME_ORIGIN)).json()["count"] == 2
    assert {(await row_of(platform, job_id))["state"] for job_id in ids} == {"cancelled"}
    assert (await dashboard.post(f"/ui/job/{ids[0]}/delete", headers=_SAME_ORIGIN)).status_code == 409


@pytest.mark.parametrize(
    "path", ["/ui/queue/mail/failed/empty", "/ui/queue/mail/finished/empty", "/ui/queue/mail/compact"]
)
async def test_history_is_not_deleted_from_the_page(dashboard: httpx.AsyncClient, path: str) -> None:
    assert (await dashboard.post(path, headers=_SAME_ORIGIN)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
    ],
)
async def test_changes_from_other_sites_are_refused(
    dashboard: httpx.AsyncClient, platform: Platform, headers: dict[str, str]
) -> None:
    job_id = await _failed(platform)
    assert (await dashboard.post(f"/ui/job/{job_id}/requeue", headers=headers)).status_code == 403
    assert (await row_of(platform, job_id))["state"] == "failed"


async def test_unknown_jobs_and_hostile_ids_are_not_found(dashboard: httpx.AsyncClient) -> None:
    for job_id in ("00000000-0000-4000-8000-000000000000", "x", "..%2f..%2fetc"):
        for path in (f"/ui/0/view/job/{job_id}", f"/ui/0/data/job/{job_id}.json"):
            assert (await dashboard.get(path)).status_code == 404
        answer = await dashboard.post(f"/ui/job/{job_id}/requeue", headers=_SAME_ORIGIN)
        assert answer.status_code in (404, 405, 409)
    assert (await dashboard.get("/ui/7/data/queues.json")).status_code == 404


async def test_outside_development_it_needs_the_credentials(
    make_settings: Callable[..., Settings], platform: Platform
) -> None:
    settings = make_settings(node_env="production", dashboard_user="ops", dashboard_password="correct")
    async with _client(settings) as client:
        for given in (None, ("ops", "wrong"), ("", ""), ("ops", "")):
            answer = await client.get("/ui/", auth=given) if given else await client.get("/ui/")
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic")
        for header in ("Basic", "Basic !", "Bearer " + base64.b64encode(b"ops:correct").decode()):
            assert (await client.get("/ui/", headers={"Authorization": header})).status_code == 401
        assert (await client.get("/ui/", auth=("ops", "correct"))).status_code == 200
        assert (await client.get("/ui/0/data/queues.json")).status_code == 401
        assert (await client.get("/ui/0/data/latest.json")).status_code == 401
        assert (await client.get("/ui/static/css/main.css")).status_code == 401
    async with _client(make_settings(node_env="production")) as client:
        assert (await client.get("/ui/", auth=("", ""))).status_code == 401


async def test_without_redis_it_says_so(make_settings: Callable[..., Settings]) -> None:
    async with _client(
        make_settings(node_env="development", redis_connection="redis://127.0.0.1:1")
    ) as client:
        answers = await asyncio.gather(
            *(client.get(f"/ui{p}") for p in ("/0/data/queues.json", "/0/view/workers"))
        )
    assert [a.status_code for a in answers] == [503, 503]
