"""The core's process: the API, the operations port, and the document that describes it."""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer
import uvicorn
import uvloop
from fastapi import FastAPI

from graasp.app import create_app
from graasp.dashboard import mount_dashboard
from graasp.db.database import open_database
from graasp.documentation import openapi_document
from graasp.embedded.side_by_side import run_core_and_worker
from graasp.http.patience import PatientServer
from graasp.settings import Settings, load_settings
from graasp.telemetry.metrics import metrics

_KEEP_ALIVE_S = 72
_HEARTBEAT_S = 30
_DRAIN_S = 25
# Of a websocket: a large paste into a page. Notifications have a smaller limit of their own.
_LARGEST_FRAME = 4 * 1024 * 1024
# How long a client may leave unread what it was sent before its connection is dropped.
_UNREAD_S = 60
# A list of a thousand items is some ten thousand objects, none of them garbage before the answer is sent.
_ALLOCATIONS_PER_COLLECTION = 10_000
# Enough for an application that is described, never served: nothing is connected to.
_NOWHERE = {
    "cookie_domain": "nowhere.invalid",
    "db_connection": "postgresql://nowhere.invalid",
    "redis_connection": "redis://nowhere.invalid",
    "mailer_connection": "smtp://nowhere.invalid",
    "secure_session_secret_key": "0" * 64,
    "jwt_secret": "0",
    "password_reset_jwt_secret": "0",
    "email_change_jwt_secret": "0",
    "apps_jwt_secret": "0",
    "file_storage_type": "local",
    "file_storage_root_path": Path("/nowhere"),
    "operations_port": None,
}


def serve(
    with_worker: Annotated[
        bool, typer.Option("--with-worker", help="Run a worker beside it, for development in one container.")
    ] = False,
    fd: Annotated[
        int | None,
        typer.Option(min=0, help="Listen on this inherited socket instead of HOST_LISTEN_ADDRESS:PORT."),
    ] = None,
) -> None:
    """Serve the API (and, with OPERATIONS_PORT, the dashboard and the metrics on a port of their own).

    Exit codes: 0 stopped as asked; 1 the database can't be reached or the port is taken; 2 wrong usage or
    configuration.
    """
    settings = load_settings()
    if with_worker:
        if fd is not None:
            raise typer.BadParameter("--fd and --with-worker exclude each other")
        run_core_and_worker()
        return
    uvloop.run(_serve(settings, None if fd is None else _inherited(fd)))


def write_openapi(
    output: Annotated[Path | None, typer.Option(help="File to write; standard output when left out.")] = None,
) -> None:
    """Print the OpenAPI document of this server; no variable needs to be set."""
    document = orjson.dumps(
        openapi_document(create_app(load_settings(**_NOWHERE))), option=orjson.OPT_INDENT_2
    )
    if output is None:
        sys.stdout.buffer.write(document + b"\n")
    else:
        output.write_bytes(document + b"\n")


async def _serve(settings: Settings, inherited: socket.socket | None = None) -> None:
    # Told here, in one line: a server that fails while it starts tells it in fifty.
    async with open_database(settings.db_connection, pool_size=1):
        pass
    app = create_app(settings)
    core = _server(app, settings.host_listen_address, settings.port)
    servers = [core]
    if settings.operations_port is not None:
        operations = operations_app(app, settings)
        servers.append(_server(operations, settings.operations_listen_address, settings.operations_port))
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    _stop_on_signals(servers)
    _spare_the_garbage_collector()
    try:
        await asyncio.gather(
            *(
                server.serve([_listen(server.config, inherited if server is core else None)])
                for server in servers
            )
        )
    finally:
        for server in servers:
            server.should_exit = True
    if not all(server.started for server in servers):
        sys.exit(1)


def _stop_on_signals(servers: Sequence[uvicorn.Server]) -> None:
    """The first signal lets all of them finish what they do, a second one does not."""

    def stop() -> None:
        for server in servers:
            server.force_exit, server.should_exit = server.should_exit, True

    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop)


class _Server(PatientServer):
    """One of several in this process, which ends well when it was asked to."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for all servers: each on its own would take them from the others, and end as if killed."""
        yield


def _spare_the_garbage_collector() -> None:
    """What a started server consists of stays: nobody looks through it again while requests wait."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_PER_COLLECTION)


def operations_app(app: FastAPI, settings: Settings) -> FastAPI:
    """What operators see and nobody else: the dashboard at `/ui`, the metrics at `/metrics`."""
    operations = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    mount_dashboard(operations, settings)
    operations.state = app.state
    operations.add_route("/metrics", metrics, include_in_schema=False)
    return operations


def _inherited(fd: int) -> socket.socket:
    """The socket whose descriptor another process has left to this one."""
    try:
        given = socket.socket(fileno=fd)
        if given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return given
    except OSError as error:
        raise typer.BadParameter(f"there is no socket at descriptor {fd}") from error
    raise typer.BadParameter(f"nothing listens at descriptor {fd}")


def _listen(config: uvicorn.Config, inherited: socket.socket | None = None) -> socket.socket:
    """Bind, unless a listening socket was inherited. A port that is taken is logged and ends the process."""
    try:
        listening = inherited or config.bind_socket()
    except SystemExit:
        # With a code of uvicorn's own.
        sys.exit(1)
    if sys.platform == "linux":
        # Connections inherit it. The server's own heartbeats can't end one whose client reads nothing any more.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_S * 1000)
    return listening


def _server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    return _Server(
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
