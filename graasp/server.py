"""The processes: the core, its operations port, and the hand-over to the worker."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
import uvicorn
import uvloop
from fastapi import FastAPI

from graasp.app import create_app
from graasp.dashboard import create_dashboard
from graasp.documentation import openapi_document
from graasp.settings import Settings, load_settings
from graasp.telemetry.metrics import metrics

_KEEP_ALIVE_S = 72
_HEARTBEAT_S = 30
_DRAIN_S = 25
_LARGEST_FRAME = 64 * 1024


def serve() -> None:
    """Serve the API (and, with OPERATIONS_PORT, the dashboard and the metrics on a port of their own)."""
    settings = load_settings()
    uvloop.run(_serve(settings))


def worker(context: typer.Context) -> None:
    """Work on jobs until told to stop; `python -m worker --help` tells more."""
    arguments = [sys.executable, "-m", "worker", *context.args]
    os.execv(sys.executable, arguments)  # noqa: S606 - our own interpreter, no shell


def write_openapi(
    output: Annotated[Path | None, typer.Option(help="File to write; standard output when left out.")] = None,
) -> None:
    """Print the OpenAPI document of this server."""
    document = orjson.dumps(openapi_document(create_app()), option=orjson.OPT_INDENT_2)
    if output is None:
        sys.stdout.buffer.write(document + b"\n")
    else:
        output.write_bytes(document + b"\n")


async def _serve(settings: Settings) -> None:
    app = create_app(settings)
    servers = [_server(app, settings.host_listen_address, settings.port)]
    if settings.operations_port is not None:
        operations = operations_app(app, settings)
        servers.append(_server(operations, settings.operations_listen_address, settings.operations_port))
    try:
        await asyncio.gather(*(server.serve() for server in servers))
    finally:
        for server in servers:
            server.should_exit = True
    if not all(server.started for server in servers):
        sys.exit(1)


def operations_app(app: FastAPI, settings: Settings) -> FastAPI:
    """What operators see and nobody else: the dashboard at `/ui`, the metrics at `/metrics`."""
    operations = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    operations.mount("/ui", create_dashboard(settings))
    operations.state = app.state
    operations.add_route("/metrics", metrics, include_in_schema=False)
    return operations


def _server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            # Proxies are counted by TRUSTED_PROXIES, where an address matters.
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_DRAIN_S,
            ws_ping_interval=_HEARTBEAT_S,
            ws_ping_timeout=_HEARTBEAT_S,
            ws_max_size=_LARGEST_FRAME,
            ws_per_message_deflate=False,
        )
    )
