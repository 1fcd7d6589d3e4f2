"""The services and the core that a benchmark starts for itself, in a temporary folder."""

import http.client
import os
import secrets
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psycopg

from graasp.db.migrations import migrate
from graasp.embedded.postgres import embedded_postgres
from graasp.embedded.process import Program, free_port
from graasp.embedded.redis_server import embedded_redis
from graasp.http.session_cookie import Session, SessionCodec
from graasp.settings import load_settings

_SECRETS = ("JWT_SECRET", "PASSWORD_RESET_JWT_SECRET", "EMAIL_CHANGE_JWT_SECRET", "APPS_JWT_SECRET")
_GRAASP = str(Path(sysconfig.get_path("scripts")) / "graasp")


def account_id(number: int) -> UUID:
    """An account of the benchmark data set; 0 owns it, 1 to 500 are members."""
    return UUID(f"00000000-0000-4000-8000-{number:012x}")


def item_id(number: int) -> UUID:
    """An item of the benchmark data set, see `graasp/demo/bench.sql`."""
    return UUID(f"00000000-0000-4000-9000-{number:012x}")


@contextmanager
def services() -> Iterator[Path]:
    """A migrated PostgreSQL, as durable as in production, and a Redis; yields a folder to work in.

    The environment of this process, and so of its children, describes a server on them.
    """
    with tempfile.TemporaryDirectory(prefix="graasp-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # The database server may run under another user.
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres") as database, embedded_redis(folder / "redis") as redis:
            migrate(database)
            os.environ |= {
                "NODE_ENV": "production",
                "DB_CONNECTION": database,
                "REDIS_CONNECTION": redis,
                "MAILER_CONNECTION": f"smtp://127.0.0.1:{free_port()}",
                "MAILER_USE_SSL": "false",
                "FILE_STORAGE_ROOT_PATH": str(folder / "files"),
                "COOKIE_DOMAIN": "localhost",
                "HOST_LISTEN_ADDRESS": "127.0.0.1",
                "PORT": str(free_port()),
                "SECURE_SESSION_SECRET_KEY": secrets.token_hex(32),
            } | {name: secrets.token_hex(32) for name in _SECRETS}
            yield folder


def seed() -> None:
    """Make the benchmark data set, and leave the tables as autovacuum would in a while."""
    subprocess.run([_GRAASP, "seed", "bench"], check=True)
    with psycopg.connect(os.environ["DB_CONNECTION"], autocommit=True) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


@contextmanager
def core(log: Path) -> Iterator[Program]:
    """One core process, as in production: its log lines go to a file."""
    program = Program(name="core", command=[_GRAASP, "serve"], log=log, is_ready=_is_healthy)
    program.start()
    try:
        program.wait_until_ready()
        yield program
    finally:
        program.stop()


def core_url() -> str:
    return f"http://127.0.0.1:{load_settings().port}"


def session_cookie(account: UUID) -> str:
    """The value of a Cookie header that signs an account in."""
    return f"session={SessionCodec(load_settings()).value(Session.start(account))}"


def _is_healthy() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", load_settings().port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
