"""The services every test runs against - PostgreSQL, Redis, SMTP, an S3 API - started once per session."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as email_policy
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import boto3
import httpx
import orjson
import pytest
import redis
import redis.asyncio
import structlog
import uvicorn
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI
from moto.server import ThreadedMotoServer
from sqlalchemy import select
from structlog.testing import capture_logs

from graasp.app import create_app
from graasp.db.migrations import migrate
from graasp.embedded.postgres import embedded_postgres
from graasp.embedded.process import free_port
from graasp.embedded.redis_server import embedded_redis
from graasp.http.session_cookie import COOKIE, SessionCodec
from graasp.http.session_cookie import Session as BrowserSession
from graasp.jobs.tables import job
from graasp.platform import Platform, open_platform
from graasp.realtime.publisher import UPDATES_CHANNEL
from graasp.settings import Settings
from tests.factories import Factory
from tests.statements import counted
from worker.execution import Outcome, execute
from worker.registry import load_handlers

RunJobs = Callable[[], Awaitable[list[Outcome]]]
Published = Callable[[], Awaitable[list[tuple[str, str, Any]]]]

# The tests that start whole installations: several processes that run the tests end together when these are first.
_LONGEST = ("embedded", "survival", "deployment", "repository", "worker")

SECRET_KEY = "1f" * 32
BUCKET = "file-items"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.parent.name not in _LONGEST)


@pytest.fixture(scope="session")
def service_folder() -> Iterator[Path]:
    # Below /tmp and readable for all: the database server may run under another user.
    folder = Path(tempfile.mkdtemp(prefix="graasp-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(service_folder: Path) -> Iterator[str]:
    """A PostgreSQL server without a schema."""
    with embedded_postgres(service_folder / "postgres", durable=False) as url:
        yield url


@pytest.fixture(scope="session")
def database_url(postgres_url: str) -> str:
    """A migrated database."""
    migrate(postgres_url)
    return postgres_url


@pytest.fixture(scope="session")
def redis_url(service_folder: Path) -> Iterator[str]:
    with embedded_redis(service_folder / "redis") as url:
        yield url


@dataclass
class MailSink:
    """An SMTP server that keeps what it is given."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        message = BytesParser(policy=email_policy).parsebytes(content)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailSink]:
    sink = MailSink()
    sink.port = free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    yield sink
    controller.stop()


@pytest.fixture
def mails(mail_server: MailSink) -> list[EmailMessage]:
    """The mails that arrived during this test."""
    mail_server.messages.clear()
    return mail_server.messages


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket=BUCKET)
    yield endpoint
    server.stop()


def settings_on(database_url: str, redis_url: str, mail_url: str, folder: Path, **overrides: Any) -> Settings:
    """Settings of a server on these services; anything can be overridden."""
    values: dict[str, Any] = {
        "node_env": "test",
        "client_host": "http://client.test",
        "library_client_host": "http://library.test",
        "hostname": "127.0.0.1",
        "cookie_domain": "127.0.0.1",
        "secure_session_secret_key": SECRET_KEY,
        "jwt_secret": "jwt-secret-of-thirty-two-characters",
        "password_reset_jwt_secret": "password-reset-secret-32-characters",
        "email_change_jwt_secret": "email-change-secret-of-32-characters",
        "apps_jwt_secret": "apps-secret-of-thirty-two-characters",
        "db_connection": database_url,
        "redis_connection": redis_url,
        "mailer_connection": mail_url,
        "mailer_use_ssl": False,
        "file_storage_root_path": folder,
        "log_level": "error",
        "rate_limits": False,
    }
    return Settings(_env_file=None, **values | overrides)  # type: ignore[call-arg]


@pytest.fixture
def make_settings(
    database_url: str, redis_url: str, mail_server: MailSink, tmp_path: Path
) -> Callable[..., Settings]:
    """Settings of a server on the session's services; anything can be overridden."""
    return partial(settings_on, database_url, redis_url, mail_server.url, tmp_path / "files")


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings()


@pytest.fixture
def s3_settings(make_settings: Callable[..., Settings], s3_endpoint: str) -> Settings:
    return make_settings(
        file_storage_type="s3",
        s3_file_item_region="us-east-1",
        s3_file_item_bucket=BUCKET,
        s3_file_item_access_key_id="key",
        s3_file_item_secret_access_key="secret",
        s3_file_item_host=s3_endpoint,
    )


# To truncate a table makes its files anew, and those of all that refer to it: a hundred times slower than to delete the
# few rows that most tests leave.
_EMPTY_ALL_TABLES = """
do $$
declare
    found record;
begin
    set local session_replication_role = replica;
    for found in
        select tablename, pg_table_size(quote_ident(tablename)::regclass) > 1000000 as is_large from pg_tables
        where schemaname = 'public' and tablename not in ('alembic_version', 'schema_migrations')
    loop
        execute format(case when found.is_large then 'truncate %I cascade' else 'delete from %I' end, found.tablename);
    end loop;
end $$
"""


@pytest.fixture
async def clean_services(database_url: str, redis_url: str) -> AsyncIterator[None]:
    """Every test starts with empty tables and an empty Redis, and leaves no state of an installation behind."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(_EMPTY_ALL_TABLES)
    finally:
        await connection.close()
    with redis.from_url(redis_url) as client:
        client.flushall()
        yield
        client.flushall()


@pytest.fixture
async def platform(settings: Settings, clean_services: None) -> AsyncIterator[Platform]:
    async with open_platform(settings) as opened:
        yield opened


@pytest.fixture
def factory(platform: Platform) -> Factory:
    """Makes accounts, items, memberships … directly in the database."""
    return Factory(platform.database)


@pytest.fixture
async def app(settings: Settings, clean_services: None) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole server, in process; it keeps no cookies, so a request without headers is signed out."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as opened:
        opened.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield opened


@pytest.fixture
def cookie_for(settings: Settings) -> Callable[[UUID], dict[str, str]]:
    """Headers that sign an account in: `await client.get(url, headers=cookie_for(account_id))`."""
    codec = SessionCodec(settings)
    return lambda account_id: {"Cookie": f"{COOKIE}={codec.value(BrowserSession.start(account_id))}"}


@pytest.fixture
def headers_as(
    factory: Factory, cookie_for: Callable[[UUID], dict[str, str]]
) -> Callable[[Any, str], Awaitable[dict[str, str]]]:
    """Headers of somebody towards an item: `nobody`, `guest`, `unvalidated` (an admin), `stranger`, or a permission."""

    async def make(item: Any, who: str) -> dict[str, str]:
        if who == "nobody":
            return {}
        if who == "guest":
            return cookie_for((await factory.guest(item["path"]))["id"])
        member = await factory.member(is_validated=who != "unvalidated")
        if who != "stranger":
            permission = "admin" if who == "unvalidated" else who
            await factory.membership(item["path"], member["id"], permission)
        return cookie_for(member["id"])

    return make


@pytest.fixture
def run_jobs(platform: Platform) -> RunJobs:
    """Run every waiting job, and those they enqueue, as a worker would; the outcomes in order."""
    load_handlers()

    async def run() -> list[Outcome]:
        outcomes: list[Outcome] = []
        while waiting := await platform.reads.all(
            select(job.c.id).where(job.c.state == "queued").order_by(job.c.created_at)
        ):
            ended = [await execute(platform, row["id"]) for row in waiting]
            outcomes += ended
            if Outcome.RETRIED in ended:
                break
        await platform.realtime.flush()
        return outcomes

    return run


@pytest.fixture
def count_statements(app: FastAPI) -> Callable[[], AbstractContextManager[list[str]]]:
    """`with count_statements() as statements:` collects the SQL of the requests made meanwhile."""
    return lambda: counted(app.state.platform.database)


@pytest.fixture
def audited(app: FastAPI) -> Iterator[list[MutableMapping[str, Any]]]:
    """The audit events that the server logs during this test."""

    def only_audit(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event.get("log") != "audit":
            raise structlog.DropEvent
        return event

    with capture_logs([structlog.contextvars.merge_contextvars, only_audit]) as events:
        yield events


@pytest.fixture
async def published(app: FastAPI, redis_url: str) -> AsyncIterator[Published]:
    """`await published()`: the websocket messages sent since the last call, as `(topic, channel, body)`."""
    realtime = app.state.platform.realtime
    async with redis.asyncio.from_url(redis_url) as connection, connection.pubsub() as updates:
        await updates.subscribe(UPDATES_CHANNEL)

        async def collect() -> list[tuple[str, str, Any]]:
            this = uuid4().hex
            realtime.publish("end", this, {})
            messages = []
            while True:
                received = await updates.get_message(ignore_subscribe_messages=True, timeout=5)
                if received is None:
                    # What a busy Redis does not take in time is dropped.
                    realtime.publish("end", this, {})
                    continue
                data = orjson.loads(received["data"])["data"]
                if (data["topic"], data["channel"]) == ("end", this):
                    return messages
                if data["topic"] != "end":
                    messages.append((data["topic"], data["channel"], data["body"]))

        yield collect


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The server on a real socket of the loopback interface; its base URL."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_config=None,
        ws_ping_interval=30,
        ws_ping_timeout=30,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def live_server(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as url:
        yield url
