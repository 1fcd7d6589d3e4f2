"""The origins that registered apps are served from."""

import time
from collections.abc import Callable

import structlog

from graasp.apps import queries
from graasp.db.database import DatabaseUnavailable, Reader

log = structlog.get_logger(__name__)

_KEPT_S = 60.0


class AppOrigins:
    """Every publisher's origins, read at most once a minute."""

    def __init__(self, reader: Callable[[], Reader]) -> None:
        """`reader` is asked for when it is needed: the database is opened later than the server is made."""
        self._reader = reader
        self._origins: frozenset[str] = frozenset()
        self._read_again_at = 0.0

    async def include(self, origin: str) -> bool:
        """Whether an app is served from there; by what was known last while the database is away."""
        if time.monotonic() >= self._read_again_at:
            try:
                rows = await self._reader().all(queries.ORIGINS)
            except DatabaseUnavailable as error:
                log.warning("origins of apps not read", reason=repr(error.__cause__))
            else:
                self._origins = frozenset(row["origin"] for row in rows)
                self._read_again_at = time.monotonic() + _KEPT_S
        return origin in self._origins
