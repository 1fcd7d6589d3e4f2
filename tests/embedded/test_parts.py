"""Parts of what `graasp up` runs, whose programs do not always work."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from graasp.embedded.parts import Core, PublicSocket
from graasp.embedded.process import CannotStart, free_port
from graasp.embedded.supervisor import Supervisor
from graasp.embedded.versions import Versions

_WORKS = f"""#!{sys.executable}
import socket, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Healthy(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

server = HTTPServer(("127.0.0.1", 0), Healthy, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[-1]))
server.serve_forever()
"""
_BREAKS = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Where the program of the deployed version is, to be filled in."""
    folder = tmp_path / "versions" / "0123456789ab" / ".venv" / "bin"
    folder.mkdir(parents=True)
    (tmp_path / "versions" / "deployed").write_text("v1 0123456789ab\n")
    return folder


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def core(tmp_path: Path, programs: Path, port: int) -> Iterator[Core]:
    supervisor = Supervisor(lambda name, line: None)
    public = PublicSocket("127.0.0.1", port)
    yield (core := Core(supervisor, {}, Versions(tmp_path / "versions"), public, before_start=lambda: None))
    core.end()
    public.close()


def _deploy(programs: Path, script: str) -> None:
    (programs / "graasp").write_text(script)
    (programs / "graasp").chmod(0o755)


def test_people_see_the_maintenance_screen_when_a_core_does_not_come_up_again(
    core: Core, programs: Path, port: int
) -> None:
    health = f"http://127.0.0.1:{port}/health"
    _deploy(programs, _WORKS)
    core.start()
    assert httpx.get(health).status_code == 200
    _deploy(programs, _BREAKS)
    with pytest.raises(CannotStart):
        core.restart()
    assert httpx.get(health).status_code == 503
    _deploy(programs, _WORKS)
    core.restart()
    assert httpx.get(health).status_code == 200
