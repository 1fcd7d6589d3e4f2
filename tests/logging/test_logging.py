"""What stands in the log: every line whose it is, and nothing that lets anybody in."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
import structlog
from fastapi import FastAPI

from graasp.embedded.process import free_port
from graasp.http import error_answers
from graasp.http.middleware import request_context
from graasp.logging import configure_logging
from graasp.mail.messages import Mail, sign_in
from graasp.mail.service import send_mail
from graasp.platform import Platform
from graasp.settings import Settings
from tests.cores import running_core
from tests.factories import Factory
from tests.worker.workers import working


def read(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def log(make_settings: Callable[..., Settings]) -> Iterator[io.StringIO]:
    """The log of a production server, for loggers that were not used before."""
    stream = io.StringIO()
    configure_logging(make_settings(node_env="production", log_level="info"), stream)
    yield stream
    configure_logging(make_settings())


@pytest.fixture
def request_log(app: FastAPI, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    monkeypatch.setattr(request_context, "log", structlog.get_logger())
    return log


async def test_every_line_of_a_request_has_its_id(
    client: httpx.AsyncClient, request_log: io.StringIO
) -> None:
    await client.get("/api/maintenance/next", headers={"X-Request-Id": "request-one"})
    await client.head("/maintenance/next?secret=1", headers={"X-Request-Id": "request-two"})
    await client.get("/nowhere", headers={"X-Request-Id": "request-three"})
    lines = read(request_log.getvalue())
    assert [line["request_id"] for line in lines] == ["request-one", "request-two", "request-three"]
    assert [line["route"] for line in lines] == ["/api/maintenance/next", "/api/maintenance/next", None]
    assert [line["status"] for line in lines] == [200, 200, 404]
    assert [line["method"] for line in lines] == ["GET", "HEAD", "GET"]
    assert "secret" not in request_log.getvalue()


async def test_what_another_server_did_is_logged_without_a_traceback(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Callable[[UUID], dict[str, str]],
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(error_answers, "log", structlog.get_logger())
    member = await factory.member()
    answer = await client.post(
        "/api/items/etherpad/create", json={"name": "Pad"}, headers=cookie_for(member["id"])
    )
    assert answer.status_code == 500
    [refused] = [line for line in read(log.getvalue()) if line["event"] == "request refused"]
    assert refused["reason"] == "createGroupIfNotExistsFor: ETHERPAD_URL and ETHERPAD_API_KEY are not set"
    assert "exception" not in refused


async def test_an_unexpected_error_is_logged_with_its_request(
    app: FastAPI, client: httpx.AsyncClient, request_log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr(app.state.platform.database.reads, "all", fail)
    await client.get("/api/maintenance/next", headers={"X-Request-Id": "request-one"})
    error, completed = read(request_log.getvalue())
    assert (error["level"], error["request_id"]) == ("error", "request-one")
    assert "it broke" in json.dumps(error)
    assert completed["status"] == 500


async def test_a_core_logs_no_secret_of_its_visitors(
    make_settings: Callable[..., Settings], factory: Factory, tmp_path: Path
) -> None:
    member = await factory.member()
    settings = make_settings(node_env="production", log_level="debug", database_logs=True)
    token = jwt.encode({"sub": str(member["id"]), "exp": datetime.now(UTC) + timedelta(1)}, "x" * 32)
    credentials = {"email": member["email"], "password": "Pa55w0rd!", "captcha": "capt-cha"}
    with running_core(settings, tmp_path / "core.log") as core:
        headers = {"Cookie": "session=c00kie", "Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=core.url, headers=headers) as browser:
            await browser.get(f"/api/auth?t={token}")
            await browser.get(f"/api/downloads/{'s3cret' * 8}")
            await browser.post("/api/login-password", json=credentials)
    text = (tmp_path / "core.log").read_text()
    lines = [line for line in read(text) if line["event"] in ("request completed", "statement")]
    assert len(lines) > 3
    assert all(line["request_id"] for line in lines)
    for secret in (token, "c00kie", "s3cret", "Pa55w0rd!", "capt-cha"):
        assert secret not in text


async def test_a_worker_tells_the_job_and_the_request_that_wanted_it(
    make_settings: Callable[..., Settings], platform: Platform, tmp_path: Path
) -> None:
    nobody = f"smtp://user:Pa55w0rd@127.0.0.1:{free_port()}"
    mail = sign_in(recipient="a@example.org", lang="en", link="https://client.test/api/auth?t=s3cret")
    with structlog.contextvars.bound_contextvars(request_id="request-one"):
        async with platform.unit_of_work() as uow:
            await send_mail(uow, mail)
    settings = make_settings(node_env="production", log_level="debug", mailer_connection=nobody)
    with (
        (tmp_path / "worker.log").open("wb") as output,
        working(settings, "--burst", output=output) as worker,
    ):
        worker.wait(60)
    text = (tmp_path / "worker.log").read_text()
    failed, ended = (line for line in read(text) if "job_id" in line)
    assert (failed["level"], failed["job_id"]) == ("warning", ended["job_id"])
    assert {line["request_id"] for line in (failed, ended)} == {"request-one"}
    assert (ended["job"], ended["outcome"]) == ("send-mail", "retried")
    assert "s3cret" not in text
    assert "Pa55w0rd" not in text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET https://client.test/api/auth?t=aaaa.bbbb.cccc&url=x failed", "aaaa.bbbb.cccc"),
        ("token eyJhbGciOiJI.eyJzdWIiOiIx.abc-_123 refused", "eyJzdWIiOiIx"),
        ("connecting to redis://user:pa55word@redis:6379", "pa55word"),
        ("could not open postgresql+asyncpg://graasp:pa55word@db/graasp", "pa55word"),
        ('Cookie: session=c00kie%3Bnonce; other="1"', "c00kie"),
        ("https://files.test/x?X-Amz-Signature=abcdef0123", "abcdef0123"),
        ("/api/downloads/T0ken_of-a-mail", "T0ken_of-a-mail"),
    ],
)
def test_a_secret_in_the_text_of_an_error_is_struck_out(log: io.StringIO, text: str, secret: str) -> None:
    structlog.get_logger().error("structured", reason=text)
    logging.getLogger("some.library").error(text)
    try:
        raise RuntimeError(text)
    except RuntimeError:
        structlog.get_logger().exception("raised")
    assert len(read(log.getvalue())) == 3
    assert secret not in log.getvalue()


def test_an_unreadable_mail_is_not_quoted() -> None:
    with pytest.raises(ValueError) as refused:
        Mail.model_validate({"kind": "sign_in", "recipient": "a@example.org", "link": ["https://x/s3cret"]})
    assert "s3cret" not in str(refused.value)
