"""Databases of the tests of this folder: new ones, on every PostgreSQL version that this machine offers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.db.databases import create_installation, new_database, system_postgres

SYSTEM_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("1[5-8]/bin/postgres"))


@pytest.fixture(scope="session")
def system_postgres_url(service_folder: Path) -> Iterator[str]:
    """The oldest supported PostgreSQL that is installed beside the embedded one."""
    if not SYSTEM_POSTGRES:
        pytest.skip("no PostgreSQL 15 to 18 in /usr/lib/postgresql")
    with system_postgres(SYSTEM_POSTGRES[0].parent, service_folder / "system-postgres") as url:
        yield url


@pytest.fixture(params=["embedded", "system"])
def server_url(request: pytest.FixtureRequest) -> str:
    name = {"embedded": "postgres_url", "system": "system_postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """An empty database, once on each version."""
    with new_database(server_url) as url:
        yield url


@pytest.fixture
def installation_url(empty_url: str) -> str:
    """The database of an existing installation, in use, once on each version."""
    create_installation(empty_url)
    return empty_url


@pytest.fixture
def small_empty_url(postgres_url: str) -> Iterator[str]:
    """An empty database on one version, for what does not depend on it."""
    with new_database(postgres_url) as url:
        yield url


@pytest.fixture
def small_installation_url(small_empty_url: str) -> str:
    create_installation(small_empty_url)
    return small_empty_url
