"""What the one-off task `databases` does, run on a real server."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

psycopg = pytest.importorskip("psycopg")
pytest.importorskip("asyncpg", reason="the server of the other tests is not here: `make test` has it")

SCRIPT = Path(__file__).resolve().parents[2] / "infra" / "make_databases.sh"
PSQL = shutil.which("psql")

pytestmark = pytest.mark.skipif(PSQL is None, reason="psql is not on this machine")


@pytest.fixture
def owner(postgres_url: str) -> Iterator[str]:
    """Who owns the product's database, and, as on RDS, is no superuser."""
    with psycopg.connect(postgres_url, autocommit=True) as superuser:
        superuser.execute("create role owner login createrole createdb password 'x'")
        superuser.execute("create database product owner owner")
        try:
            yield (
                urlsplit(postgres_url)
                ._replace(netloc=_netloc(postgres_url, "owner:x"), path="/product")
                .geturl()
            )
        finally:
            for database in ("product", "etherpad", "umami"):
                superuser.execute(f"drop database if exists {database} with (force)")
            for role in ("etherpad", "umami", "owner"):
                superuser.execute(f"drop role if exists {role}")


def _netloc(url: str, user: str) -> str:
    parts = urlsplit(url)
    return f"{user}@{parts.hostname}:{parts.port}"


def _make(owner: str, password: str) -> None:
    # As the container runs it.
    command = ["sh", "-euc", SCRIPT.read_text()]
    variables = {
        "DB_CONNECTION": owner,
        "DB_PASS": password,
        "UMAMI_DB_PASSWORD": password,
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_companion_gets_a_database_of_its_own_and_may_be_run_again(owner: str) -> None:
    _make(owner, "it's first")
    etherpad = {"host": urlsplit(owner).hostname, "port": urlsplit(owner).port, "dbname": "etherpad"}
    with psycopg.connect(**etherpad, user="etherpad", password="it's first") as connection:
        connection.execute("create table kept (id int)")
    _make(owner, "second")
    with psycopg.connect(**etherpad, user="etherpad", password="second") as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(**etherpad, user="umami", password="second")


def test_a_failure_is_told_to_whoever_waits(owner: str) -> None:
    done = subprocess.run(
        ["sh", "-euc", SCRIPT.read_text()],
        env={
            "DB_CONNECTION": f"{owner}-gone",
            "DB_PASS": "x",
            "UMAMI_DB_PASSWORD": "x",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
