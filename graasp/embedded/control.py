"""How `graasp state`, in another terminal, asks a running `graasp up` to do something.

A Unix socket in the data folder, for this user alone. One line of JSON asks: `{"do": "scale", "counts": {…}}`. Lines of
JSON answer: any number of `{"line": …}` on what happens, then `{"result": …}` or `{"error": …}`.
"""

import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from graasp.deployment.driver import Report, StepFailed
from graasp.embedded.process import CannotStart

_SOCKET = "control"
_LONGEST_REQUEST = 64 * 1024
# What fits everywhere into the address of a Unix socket.
_LONGEST_PATH = 100
_POLL_S = 0.1

# Takes what was asked beside `do`, and where to tell what happens; what it returns is JSON. Raises StepFailed, or
# CannotStart.
Handler = Callable[[Mapping[str, Any], Report], Any]


class NotRunning(StepFailed):
    """Nothing listens: `graasp up` does not run on this folder."""


@contextmanager
def answering(folder: Path, handlers: Mapping[str, Handler]) -> Iterator[None]:
    """Answer, in threads of their own, while the block runs. One request may change something at a time."""
    path = folder / _SOCKET
    path.unlink(missing_ok=True)
    with _address(path) as address, _Server(address, _Conversation, bind_and_activate=False) as server:
        server.handlers = handlers
        # Nobody else can reach into the folder either.
        umask = os.umask(0o177)
        try:
            server.server_bind()
        finally:
            os.umask(umask)
        server.server_activate()
        threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True).start()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            server.shutdown()


def ask(folder: Path, what: str, report: Report, **arguments: Any) -> Any:
    """Ask the `graasp up` of a folder; its result. Raises NotRunning, and StepFailed with the reason it gives."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            with _address(folder / _SOCKET) as address:
                connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NotRunning(
                f"`graasp up` does not run on {folder}. Start it, with `make run` or `graasp up`: it comes up in the "
                "recorded state. Then run this again."
            ) from None
        connection.sendall(_encoded({"do": what, **arguments}))
        with connection.makefile("rb") as answers:
            for answer in map(json.loads, answers):
                match answer:
                    case {"line": line}:
                        report(line)
                    case {"result": result}:
                        return result
                    case {"error": reason}:
                        raise StepFailed(reason)
    raise StepFailed(
        "`graasp up` ended meanwhile. Start it again, then run this again: it goes on from here."
    )


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    handlers: Mapping[str, Handler]


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            request = json.loads(self.rfile.readline(_LONGEST_REQUEST))
            handler = self.server.handlers[request.pop("do")]
        except (ValueError, KeyError, AttributeError):
            self._tell({"error": "Not understood: is this terminal's version the one that runs?"})
            return
        try:
            result = handler(request, lambda line: self._tell({"line": line}))
        except (StepFailed, CannotStart) as error:
            self._tell({"error": str(error)})
        else:
            self._tell({"result": result})

    def _tell(self, answer: Mapping[str, Any]) -> None:
        # Who asked may be gone: what was begun comes to its end all the same.
        with suppress(OSError):
            self.wfile.write(_encoded(answer))


def _encoded(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """A name of the socket that is short enough, however deep the folder lies."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except NotADirectoryError:
        raise FileNotFoundError(path.parent) from None
    try:
        # Where there is no /proc, whoever uses this is told that the name is too long.
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
