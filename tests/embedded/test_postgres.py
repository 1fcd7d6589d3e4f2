"""The embedded PostgreSQL."""

import os
import stat
from pathlib import Path

import psycopg
import pytest

from graasp.embedded import postgres
from graasp.embedded.postgres import embedded_postgres
from graasp.embedded.process import CannotStart
from tests.embedded.conftest import StartBeside

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")

RUN_AND_WAIT = """
import sys
import threading
from pathlib import Path
from graasp.embedded.postgres import embedded_postgres
with embedded_postgres(Path(sys.argv[1]), durable=False) as url:
    print(url, flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "postgres"


def keep_a_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table kept (value text)")
        connection.execute("insert into kept values ('still here')")


def kept_rows(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("select value from kept").fetchall()


def permissions_above(folder: Path) -> dict[Path, int]:
    return {parent: stat.S_IMODE(parent.stat().st_mode) for parent in folder.parents}


def test_offers_the_extensions_of_the_schema(data: Path) -> None:
    with embedded_postgres(data, durable=False) as url, psycopg.connect(url) as connection:
        for extension in ("ltree", "citext", "pg_trgm", "unaccent"):
            connection.execute(f"create extension {extension}")


def test_a_restart_keeps_the_data(data: Path) -> None:
    with embedded_postgres(data, durable=False) as url:
        keep_a_row(url)
    with embedded_postgres(data, durable=False) as url:
        assert kept_rows(url) == [("still here",)]


def test_stops_with_the_block_and_can_come_back_on_its_port(data: Path) -> None:
    with embedded_postgres(data, durable=False) as url:
        port = psycopg.conninfo.conninfo_to_dict(url)["port"]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    with embedded_postgres(data, durable=False, port=int(str(port))) as again:
        assert again == url


def test_refuses_a_connection_without_the_password(data: Path) -> None:
    with embedded_postgres(data, durable=False) as url, pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, password="guess")


def test_data_is_closed_to_other_users_and_no_folder_above_changes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    data = home / "project" / "postgres"
    before = permissions_above(home)
    with embedded_postgres(data, durable=False) as url:
        keep_a_row(url)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert permissions_above(home) == before
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "password").stat().st_mode) == 0o600


@needs_root
def test_root_without_user_namespaces_runs_it_as_nobody_even_in_a_private_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    data = home / "postgres"
    with embedded_postgres(data, durable=False) as url:
        keep_a_row(url)
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "_namespaced", lambda uid: postgres._unprivileged())
        with embedded_postgres(data, durable=False) as url:
            assert kept_rows(url) == [("still here",)]
            assert (data / "cluster").stat().st_uid == 65534
    with embedded_postgres(data, durable=False) as url:
        assert kept_rows(url) == [("still here",)]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@needs_root
def test_without_any_way_to_become_an_ordinary_user_it_says_what_to_do(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_can_read", lambda account, file: False)
    with pytest.raises(CannotStart, match=r"as root.*Run this as an ordinary user"), embedded_postgres(data):
        pass


def test_an_initialisation_that_was_interrupted_is_begun_anew(data: Path) -> None:
    unfinished = data / "cluster.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with embedded_postgres(data, durable=False) as url:
        keep_a_row(url)
    assert not unfinished.exists()


def test_a_database_with_missing_files_is_left_alone_with_advice(data: Path) -> None:
    with embedded_postgres(data, durable=False):
        pass
    (data / "cluster" / "global" / "pg_control").unlink()
    with (
        pytest.raises(CannotStart, match=r"not a whole database.*move the folder away"),
        embedded_postgres(data),
    ):
        pass


def test_an_empty_folder_or_half_a_start_is_begun_anew(data: Path) -> None:
    (data / "cluster").mkdir(parents=True)
    (data / "cluster.unfinished" / "base").mkdir(parents=True)
    with embedded_postgres(data, durable=False) as url:
        keep_a_row(url)
        assert kept_rows(url) == [("still here",)]
    assert not (data / "cluster.unfinished").exists()


def test_data_of_another_version_is_left_alone_with_advice(data: Path) -> None:
    with embedded_postgres(data, durable=False):
        pass
    (data / "cluster" / "PG_VERSION").write_text("15\n")
    with pytest.raises(CannotStart, match=r"of PostgreSQL 15.*Dump the data"), embedded_postgres(data):
        pass


def test_a_lost_password_file_is_told(data: Path) -> None:
    with embedded_postgres(data, durable=False):
        pass
    (data / "password").unlink()
    with pytest.raises(CannotStart, match="Put it back"), embedded_postgres(data):
        pass


def test_the_mark_of_a_dead_server_is_no_obstacle_even_when_its_number_is_taken(data: Path) -> None:
    with embedded_postgres(data, durable=False) as url:
        keep_a_row(url)
    (data / "cluster" / "postmaster.pid").write_text(f"{os.getpid()}\n{data / 'cluster'}\n")
    with embedded_postgres(data, durable=False) as url:
        assert kept_rows(url) == [("still here",)]


def test_the_server_ends_when_its_parent_is_killed_and_the_data_is_whole(
    data: Path, start_beside: StartBeside
) -> None:
    parent = start_beside(RUN_AND_WAIT, str(data))
    assert parent.stdout is not None
    keep_a_row(parent.stdout.readline().strip())
    parent.kill()
    parent.wait()
    with embedded_postgres(data, durable=False) as url:
        assert kept_rows(url) == [("still here",)]


def test_two_servers_never_share_a_folder(
    data: Path, start_beside: StartBeside, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = start_beside(RUN_AND_WAIT, str(data))
    assert parent.stdout is not None
    parent.stdout.readline()
    monkeypatch.setattr(postgres, "_PATIENCE_S", 0.1)
    with pytest.raises(CannotStart, match=r"Another PostgreSQL runs.*Stop it"), embedded_postgres(data):
        pass


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")


@pytest.mark.usefixtures("windows")
def test_an_unsupported_platform_is_told_to_bring_its_own(data: Path) -> None:
    with pytest.raises(CannotStart, match="Set DB_CONNECTION"), embedded_postgres(data):
        pass
