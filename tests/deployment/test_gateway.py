"""What is in front of the core on one host: requests pass as they are, and without a core people are answered."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from graasp.embedded.process import free_port

ROOT = Path(__file__).resolve().parents[2]
CADDYFILE = ROOT / "docker" / "gateway" / "Caddyfile"
PAGE = {"Accept": "text/html", "Accept-Language": "fr"}
_PATIENCE_S = 20.0


@pytest.fixture
def caddy() -> str:
    found = shutil.which("caddy")
    if found is None:
        pytest.skip(
            "no caddy on this machine (apt-get install caddy): the gateway is only looked at, not run"
        )
    return found


class Core:
    """Stands for the core: tells what reached it. `goes_on` lets a slow answer end."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        routes = [
            Route("/api/stream", self._stream),
            WebSocketRoute("/ws", self._websocket),
            Route("/{path:path}", self._tell, methods=["GET", "POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def _tell(self, request: Request) -> JSONResponse:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
        seen = {"path": request.url.path, "query": request.url.query, "size": size}
        return JSONResponse(seen | {"headers": dict(request.headers)})

    async def _stream(self, _: Request) -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            yield b"first\n"
            await self.goes_on.wait()
            yield b"last\n"

        return StreamingResponse(lines(), media_type="application/octet-stream")

    async def _websocket(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()


@pytest.fixture
def core() -> Core:
    return Core()


@asynccontextmanager
async def listening(core: Core, port: int) -> AsyncIterator[None]:
    server = uvicorn.Server(
        uvicorn.Config(core.app, host="127.0.0.1", port=port, log_config=None, lifespan="off")
    )
    task = asyncio.create_task(server.serve())
    await until(lambda: _is(server.started))
    try:
        yield
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def ports() -> dict[str, int]:
    return {name: free_port() for name in ("core", "maintenance", "site", "operations")}


@pytest.fixture
async def gateway(caddy: str, ports: dict[str, int], tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway as its container runs it, and the maintenance screen beside."""
    variables = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "SITE_ADDRESS": f":{ports['site']}",
        "OPERATIONS_PORT": str(ports["operations"]),
        "CORE_HOST": "127.0.0.1",
        "CORE_PORT": str(ports["core"]),
        "CORE_OPERATIONS_PORT": str(ports["core"]),
        "MAINTENANCE_HOST": "127.0.0.1",
        "MAINTENANCE_PORT": str(ports["maintenance"]),
    }
    screen = [sys.executable, "-m", "graasp.deployment.front_door", f"--port={ports['maintenance']}"]
    with (tmp_path / "log").open("w") as log:
        processes = [
            subprocess.Popen(command, env=variables, stdout=log, stderr=log)
            for command in (
                [caddy, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
                [*screen, "--cors-origin-regex=^https://client.test$"],
            )
        ]
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['site']}") as client:
                await until(lambda: _answers(client, 503))
                yield client
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(20)


async def test_requests_reach_the_core_as_they_are(
    gateway: httpx.AsyncClient, core: Core, ports: dict[str, int]
) -> None:
    async with listening(core, ports["core"]):
        await until(lambda: _answers(gateway, 200))
        told = (await gateway.get("/items/a%20b?q=1&q=2", headers={"X-Forwarded-For": "203.0.113.9"})).json()
        assert (told["path"], told["query"]) == ("/items/a b", "q=1&q=2")
        # The address of the client is the gateway's to tell: one proxy is trusted.
        assert told["headers"]["x-forwarded-for"] == "127.0.0.1"
        assert told["headers"]["host"] == f"127.0.0.1:{ports['site']}"


async def test_large_bodies_pass_and_answers_are_not_held_back(
    gateway: httpx.AsyncClient, core: Core, ports: dict[str, int]
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 1024 * 1024

    async with listening(core, ports["core"]):
        await until(lambda: _answers(gateway, 200))
        assert (await gateway.post("/api/items/upload", content=body(), timeout=60)).json()[
            "size"
        ] == 64 * 1024**2
        async with gateway.stream("GET", "/api/stream") as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == "first"
            core.goes_on.set()
            assert await anext(lines) == "last"


async def test_websockets_pass(gateway: httpx.AsyncClient, core: Core, ports: dict[str, int]) -> None:
    async with listening(core, ports["core"]):
        await until(lambda: _answers(gateway, 200))
        async with connect(f"ws://127.0.0.1:{ports['site']}/ws") as websocket:
            await websocket.send("hello")
            assert await websocket.recv() == "hello"


async def test_the_health_check_is_not_for_people(
    gateway: httpx.AsyncClient, core: Core, ports: dict[str, int]
) -> None:
    async with listening(core, ports["core"]):
        await until(lambda: _answers(gateway, 200))
        assert (await gateway.get("/health")).json()["path"] == "/api/health"


async def test_without_a_core_people_see_the_maintenance_screen_and_clients_the_error(
    gateway: httpx.AsyncClient, core: Core, ports: dict[str, int]
) -> None:
    page = await gateway.get("/builder", headers=PAGE)
    assert page.status_code == 503
    assert int(page.headers["retry-after"]) > 0
    assert page.headers["content-type"].startswith("text/html")
    assert 'lang="fr"' in page.text
    for path in ("/api/items", "/items/own"):
        answer = await gateway.get(path, headers={"Origin": "https://client.test"})
        assert (answer.status_code, answer.json()["code"]) == (503, "GERR503")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["access-control-allow-origin"] == "https://client.test"
    # With a body, too, and when browsers ask whether they may.
    for size in (1, 100_000):
        answer = await gateway.post("/api/items", content=b"x" * size)
        assert (answer.status_code, answer.json()["code"]) == (503, "GERR503")
    asking = {"Origin": "https://client.test", "Access-Control-Request-Method": "POST"}
    preflight = await gateway.options("/api/items", headers=asking)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://client.test"
    async with listening(core, ports["core"]):
        await until(lambda: _answers(gateway, 200))
    assert (await gateway.get("/api/items")).status_code == 503


async def test_operators_reach_the_operations_port(
    gateway: httpx.AsyncClient, core: Core, ports: dict[str, int]
) -> None:
    async with listening(core, ports["core"]):
        told = await gateway.get(f"http://127.0.0.1:{ports['operations']}/ui")
        assert told.json()["path"] == "/ui"


def test_the_configuration_is_valid_and_formatted(caddy: str) -> None:
    adapted = subprocess.run(
        [caddy, "adapt", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
        capture_output=True,
        check=False,
    )
    assert adapted.returncode == 0, adapted.stderr
    assert b"not formatted" not in adapted.stderr
    json.loads(adapted.stdout)


def test_every_variable_of_the_configuration_has_a_default() -> None:
    placeholders = re.findall(r"\{\$(\w+)(:?)", CADDYFILE.read_text())
    assert placeholders
    assert all(default for _, default in placeholders)


async def _is(value: object) -> bool:
    return bool(value)


async def _answers(client: httpx.AsyncClient, status: int) -> bool:
    try:
        return (await client.get("/api/anything")).status_code == status
    except httpx.TransportError:
        return False


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
