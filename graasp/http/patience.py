"""A server that owes an answer to whoever it has let in."""

import asyncio
import socket

import uvicorn

_LAST_REQUESTS_S = 0.2


class PatientServer(uvicorn.Server):
    """When it stops, connections that it has accepted and that have not sent their request yet are answered first.

    Another process may accept from the same socket already: nobody can tell which of them is stopping.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await asyncio.sleep(_LAST_REQUESTS_S)
        await super().shutdown(sockets)
