"""A network that fails: a proxy in front of a service, which can stall, break off and refuse."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import inf


class Proxy:
    """Passes TCP connections on to a port of this machine until told otherwise."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._passes = _open_gate()
        self._gates = [self._passes]
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._allowance: float = inf
        # Bound without listening: while connections are refused, nobody else gets the port.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]

    async def open(self) -> None:
        """Accept connections."""
        self._allowance = inf
        if self._server is None or not self._server.is_serving():
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, reuse_address=True)

    def close(self) -> None:
        """Refuse connections, and break off those that there are."""
        if self._server is not None:
            self._server.close()
        self.break_off()

    def give_up(self) -> None:
        """Refuse connections for good."""
        self.resume()
        self.close()
        self._reserved.close()

    def strand(self) -> None:
        """Let the connections that there are die without a word; new ones are passed on."""
        self._passes.clear()
        self._passes = _open_gate()
        self._gates.append(self._passes)

    def fail_after(self, received: int) -> None:
        """Refuse connections, and break off those that there are, as soon as so many bytes have come in."""
        self._allowance = received

    def stall(self) -> None:
        """Pass nothing on, in either direction, but accept everything."""
        self._passes.clear()

    def resume(self) -> None:
        for gate in self._gates:
            gate.set()

    def break_off(self) -> None:
        """End every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        passes = self._passes
        try:
            with suppress(OSError):
                await passes.wait()
                there, back = await asyncio.open_connection("127.0.0.1", self._target)
                self._writers.add(back)
                try:
                    await asyncio.gather(
                        _pump(self._counted(reader), back, passes), _pump(_pieces(there), writer, passes)
                    )
                finally:
                    self._writers.discard(back)
                    back.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _counted(self, source: asyncio.StreamReader) -> AsyncIterator[bytes]:
        async for piece in _pieces(source):
            self._allowance -= len(piece)
            if self._allowance < 0:
                self.close()
            yield piece


async def _pump(pieces: AsyncIterator[bytes], target: asyncio.StreamWriter, passes: asyncio.Event) -> None:
    async for piece in pieces:
        await passes.wait()
        target.write(piece)
        await target.drain()
    target.transport.abort()


async def _pieces(source: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await source.read(64 * 1024):
        yield piece


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(port)
    await proxy.open()
    try:
        yield proxy
    finally:
        proxy.give_up()
