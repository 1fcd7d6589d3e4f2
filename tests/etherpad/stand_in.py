"""A small Etherpad server: its HTTP API over a real socket, its pads in memory."""

import itertools
import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "ab" * 32


class Etherpad:
    """What it was told, as it has it."""

    def __init__(self) -> None:
        self.groups: dict[str, str] = {}
        self.pads: dict[str, str] = {}
        self.authors: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.sessions: dict[str, Any] = {}
        self.broken: set[str] = set()
        self._numbers = itertools.count(1)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/api/1.2.13/{method}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, request: Request) -> Response:
        method = request.path_params["method"]
        form = {name: str(value) for name, value in (await request.form()).items()}
        if method in self.broken:
            return Response("<html>", status_code=500)
        if form.pop("apikey", None) != KEY:
            return JSONResponse({"code": 4, "message": "no or wrong API Key", "data": None}, status_code=401)
        handler: Callable[..., Any] | None = getattr(self, f"_{method}", None)
        if handler is None:
            return JSONResponse({"code": 3, "message": "no such function", "data": None})
        try:
            return JSONResponse({"code": 0, "message": "ok", "data": handler(**form)})
        except KeyError:
            missing = "padID" if method.endswith("Pad") else "sessionID"
            return JSONResponse({"code": 1, "message": f"{missing} does not exist", "data": None})

    def _new(self, kind: str) -> str:
        return f"{kind}.{next(self._numbers):016d}"

    def _createGroupIfNotExistsFor(self, groupMapper: str) -> Any:  # noqa: N802, N803
        return {"groupID": self.groups.setdefault(groupMapper, self._new("g"))}

    def _createGroupPad(self, groupID: str, padName: str) -> Any:  # noqa: N802, N803
        self.pads[f"{groupID}${padName}"] = "Welcome!"
        return {"padID": f"{groupID}${padName}"}

    def _copyPad(self, sourceID: str, destinationID: str) -> Any:  # noqa: N802, N803
        self.pads[destinationID] = self.pads[sourceID]
        return {"padID": destinationID}

    def _deletePad(self, padID: str) -> None:  # noqa: N802, N803
        del self.pads[padID]

    def _getHTML(self, padID: str) -> Any:  # noqa: N802, N803
        return {"html": f"<!DOCTYPE HTML><html><body>{self.pads[padID]}</body></html>"}

    def _getReadOnlyID(self, padID: str) -> Any:  # noqa: N802, N803
        return {"readOnlyID": f"r.{abs(hash(self.pads[padID]))}"}

    def _createAuthorIfNotExistsFor(self, authorMapper: str, name: str) -> Any:  # noqa: N802, N803
        author = self.authors.setdefault(authorMapper, self._new("a"))
        self.names[author] = name
        return {"authorID": author}

    def _createSession(self, groupID: str, authorID: str, validUntil: str) -> Any:  # noqa: N802, N803
        session = self._new("s")
        self.sessions[session] = {"groupID": groupID, "authorID": authorID, "validUntil": int(validUntil)}
        return {"sessionID": session}

    def _listSessionsOfAuthor(self, authorID: str) -> Any:  # noqa: N802, N803
        own = {
            name: session
            for name, session in self.sessions.items()
            if session is None or session["authorID"] == authorID
        }
        return own or None

    def _deleteSession(self, sessionID: str) -> None:  # noqa: N802, N803
        del self.sessions[sessionID]

    def add_session(self, author: str, lives_for: int) -> str:
        """A session of earlier; `lives_for` in seconds from now."""
        session = self._new("s")
        self.sessions[session] = {
            "groupID": "g.0",
            "authorID": author,
            "validUntil": int(time.time()) + lives_for,
        }
        return session
