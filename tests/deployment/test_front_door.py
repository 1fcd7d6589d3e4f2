"""What answers on the port while the core is stopped, and how the two take turns on one socket."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import typer
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from graasp import server
from graasp.settings import Settings
from tests.command_line import run_graasp
from tests.cores import running_core
from tests.worker.workers import environment

_FRONT_DOOR = (sys.executable, "-m", "graasp.deployment.front_door")


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket that listens for as long as the test runs, whoever accepts."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def _url(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def _standing(listening: socket.socket, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    descriptor = listening.fileno()
    command = [*_FRONT_DOOR, "--fd", str(descriptor), *options]
    process = subprocess.Popen(command, pass_fds=(descriptor,))
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


async def test_it_answers_as_a_core_does_under_maintenance(listening: socket.socket) -> None:
    options = ("--until", "2040-03-02T00:30:00+01:00", "--cors-origin-regex", r"^http://client\.test$")
    with _standing(listening, *options):
        async with httpx.AsyncClient(base_url=_url(listening), timeout=20) as client:
            page = await client.get("/home", headers={"Accept": "text/html", "Accept-Language": "fr"})
            assert page.status_code == 503
            assert "Graasp est en maintenance" in page.text
            assert "2040-03-01T23:30:00+00:00" in page.text
            assert page.headers["content-security-policy"].startswith("default-src 'none'")
            # Load balancers see that nothing is behind it, and a secret opens nothing.
            for path in ("/health", "/api/members/current"):
                error = await client.get(path, headers={"Origin": "http://client.test"})
                assert error.status_code == 503
                assert error.json()["code"] == "GERR503"
                assert error.json()["data"] == {"reason": "maintenance", "endAt": "2040-03-01T23:30:00Z"}
                assert error.headers["access-control-allow-origin"] == "http://client.test"
            for answer in (page, error):
                assert int(answer.headers["retry-after"]) > 0
                assert answer.headers["cache-control"] == "no-store"
                assert answer.headers["connection"] == "close"
                assert answer.headers["x-content-type-options"] == "nosniff"
            stranger = await client.get("/members/current", headers={"Origin": "http://stranger.test"})
            assert "access-control-allow-origin" not in stranger.headers
            upload = await client.post("/api/items/upload", content=b"x" * 3_000_000)
            assert upload.status_code == 503
            assert (await client.head("/")).status_code == 503
        with pytest.raises(InvalidStatus) as refused:
            async with connect(_url(listening).replace("http", "ws") + "/api/ws"):
                pass
        assert refused.value.response.status_code == 503
        assert "retry-after" in refused.value.response.headers


def test_it_loads_neither_the_product_nor_its_clients() -> None:
    heavy = ("fastapi", "sqlalchemy", "redis", "asyncpg", "pydantic", "graasp.app", "graasp.settings")
    looked = f"import sys, graasp.deployment.front_door; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", looked], text=True).strip() == "[]"


class _Visitor(threading.Thread):
    """Comes again and again, each time with a connection of the own, and notes how it was answered."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.statuses: list[int] = []
        self.turned_away: list[str] = []
        self.goes_home = threading.Event()

    def run(self) -> None:
        while not self.goes_home.is_set():
            try:
                self.statuses.append(httpx.get(f"{self._url}/health", timeout=30).status_code)
            except httpx.HTTPError as error:
                self.turned_away.append(repr(error))

    def is_always_answered(self, status: int) -> None:
        """From some moment on."""
        deadline = time.monotonic() + 30
        while self.statuses[-5:] != [status] * 5:
            assert time.monotonic() < deadline, self.statuses[-5:]
            time.sleep(0.02)


def test_core_and_front_door_take_turns_and_nobody_is_turned_away(
    listening: socket.socket, settings: Settings, clean_services: None, tmp_path: Path
) -> None:
    visitor = _Visitor(_url(listening))
    with ExitStack() as core:
        with _standing(listening):
            visitor.start()
            visitor.is_always_answered(503)
            core.enter_context(running_core(settings, tmp_path / "core.log", listening=listening))
        visitor.is_always_answered(200)
        with _standing(listening):
            while visitor.statuses[-1] != 503:
                time.sleep(0.02)
            core.close()
            visitor.is_always_answered(503)
            visitor.goes_home.set()
            visitor.join()
    assert visitor.turned_away == []
    assert set(visitor.statuses) == {200, 503}


async def test_a_core_says_what_is_wrong_with_a_descriptor(settings: Settings, tmp_path: Path) -> None:
    for options, complaint in (
        (("--fd", "77"), "no socket at descriptor 77"),
        (("--fd", "1", "--with-worker"), "exclude each other"),
    ):
        ended = await run_graasp(tmp_path, "serve", *options, **environment(settings))
        assert ended.code == 2
        assert complaint in ended.errors


def test_a_socket_that_listens_to_nobody_is_refused() -> None:
    with socket.socket() as idle, pytest.raises(typer.BadParameter, match="nothing listens"):
        server._inherited(idle.detach())
