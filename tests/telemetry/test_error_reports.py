"""What Sentry is told: errors that are logged, and requests; of real processes, and of nobody's data."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
import sentry_sdk
import structlog

from graasp.logging import configure_logging
from graasp.platform import Platform
from graasp.settings import Settings
from tests.cores import running_core
from tests.telemetry.receivers import Receiver, receiving
from tests.worker.sample_jobs import SINGLE_NOTE, Note
from tests.worker.workers import enqueue, environment, until, until_state, working


@pytest.fixture
def sentry() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def reporting(make_settings: Callable[..., Settings], sentry: Receiver) -> Callable[..., Settings]:
    dsn = sentry.url.replace("http://", "http://key@") + "/1"

    def make(**overrides: Any) -> Settings:
        given = {"sentry_dsn": dsn, "sentry_env": "prod", "app_version": "v1.2.3"}
        return make_settings(**given | overrides)

    return make


@pytest.fixture
def here(reporting: Callable[..., Settings]) -> Iterator[None]:
    """This process reports too."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers
    configure_logging(reporting())
    yield
    sentry_sdk.init()
    structlog.configure(**before)
    logging.getLogger().handlers = handlers


async def test_an_unexpected_error_of_the_core_is_reported_with_the_id_of_its_request(
    sentry: Receiver, reporting: Callable[..., Settings], platform: Platform, tmp_path: Path
) -> None:
    connection = await platform.database.primary.acquire()
    try:
        await connection.execute("alter table maintenance rename to maintenance_away")
        with running_core(reporting(), tmp_path / "core.log") as core:
            answer = httpx.get(f"{core.url}/api/maintenance/next?email=maria@example.org")
            assert answer.status_code == 500
            await until(lambda: bool(sentry.envelopes("event") and sentry.envelopes("transaction")))
    finally:
        await connection.execute("alter table maintenance_away rename to maintenance")
        await platform.database.primary.release(connection)

    [event] = sentry.envelopes("event")
    assert (event["environment"], event["release"], event["level"]) == ("prod", "v1.2.3", "error")
    assert event["exception"]["values"][-1]["type"] == "UndefinedTableError"
    assert event["tags"]["request_id"] == answer.headers["x-request-id"]
    assert event["tags"]["log"] == "unexpected error"
    # Neither a probe nor a scrape is a transaction.
    [transaction] = sentry.envelopes("transaction")
    assert transaction["transaction"] == "GET /api/maintenance/next"
    assert transaction["tags"]["request_id"] == answer.headers["x-request-id"]
    assert transaction["contexts"]["trace"]["status"] == "internal_error"
    for told in (event, transaction):
        assert not {"user", "request", "extra", "breadcrumbs"} & told.keys()
        assert "maria" not in repr(told)


async def test_a_job_that_failed_for_good_is_reported_from_the_process_that_ends_with_it(
    sentry: Receiver, reporting: Callable[..., Settings], platform: Platform, tmp_path: Path
) -> None:
    with working(reporting()):
        job_id = await enqueue(platform, SINGLE_NOTE, Note(file=tmp_path / "note", fail_in=(1,)))
        await until_state(platform, job_id, "failed")
        await until(lambda: bool(sentry.envelopes("event")))
    [event] = sentry.envelopes("event")
    assert event["exception"]["values"][-1]["value"] == "an accident"
    assert event["tags"]["log"] == "job failed for good"
    assert event["tags"]["job_id"] == str(job_id)
    assert event["tags"]["job"] == "single-note"


async def test_a_core_that_can_not_listen_says_so_before_it_ends(
    sentry: Receiver, reporting: Callable[..., Settings], platform: Platform
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = reporting(port=taken.getsockname()[1], host_listen_address="127.0.0.1")
        command = [sys.executable, "-c", "from graasp.cli import main; main()", "serve"]
        process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment(settings)})
        assert await process.wait() == 1
    [event] = sentry.envelopes("event")
    assert "Address already in use" in event["message"]


async def test_requests_are_not_told_where_that_is_switched_off(
    sentry: Receiver, reporting: Callable[..., Settings], platform: Platform, tmp_path: Path
) -> None:
    with running_core(reporting(sentry_enable_performance=False), tmp_path / "core.log") as core:
        assert httpx.get(f"{core.url}/api/version").status_code == 200
    assert sentry.received == []


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("no such mail: maria@example.org", "no such mail: ***"),
        (
            'duplicate key value violates "UQ_email"\nDETAIL:  Key (name)=(Maria) already exists.',
            'duplicate key value violates "UQ_email"\nDETAIL:***',
        ),
        ("input_value='Maria', input_type=str]", "input_value=***, input_type=str]"),
        ("can't reach redis://user:hunter2@host", "can't reach redis://***@host"),
        ("GET /api/login?t=abc failed", "GET /api/login?t=*** failed"),
    ],
)
async def test_what_errors_quote_is_not_told(sentry: Receiver, here: None, message: str, told: str) -> None:
    log = structlog.get_logger()
    # Not as it is written here: reports quote the lines of the program.
    address = str(IPv4Address(0xCB007107))
    try:
        raise ValueError(message)
    except ValueError:
        log.exception("it failed", address=address, request_id="abcdefgh")
    sentry_sdk.flush(5)
    [event] = sentry.envelopes("event")
    assert event["exception"]["values"][0]["value"] == told
    assert event["tags"] == {"log": "it failed", "request_id": "abcdefgh"}
    assert address not in repr(event)
    # Nor what variables held.
    assert all("vars" not in frame for frame in event["exception"]["values"][0]["stacktrace"]["frames"])


async def test_errors_of_libraries_are_reported_and_warnings_of_nobody(sentry: Receiver, here: None) -> None:
    logging.getLogger("uvicorn.error").error("[Errno 98] address already in use")
    logging.getLogger("uvicorn.error").warning("a warning")
    logging.getLogger("opentelemetry.exporter").error("the collector is away")
    structlog.get_logger().warning("another warning")
    sentry_sdk.flush(5)
    [event] = sentry.envelopes("event")
    assert event["message"] == "[Errno 98] address already in use"
