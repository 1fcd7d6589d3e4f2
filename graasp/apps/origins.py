"""The origins that registered apps are served from."""

import asyncio
import time
from collections.abc import Callable

import structlog

from graasp.apps import queries
from graasp.db.database import DatabaseUnavailable, Reader

log = structlog.get_logger(__name__)

_KEPT_S = 60.0
# A database that is away is not asked more often than this, however many unknown origins ask here.
_SPARED_S = 5.0


class AppOrigins:
    """Every publisher's origins, read at most once a minute."""

    def __init__(self, reader: Callable[[], Reader]) -> None:
        """`reader` is asked for when it is needed: the database is opened later than the server is made."""
        self._reader = reader
        self._origins: frozenset[str] = frozenset()
        self._read_again_at = 0.0
        self._reading = asyncio.Lock()

    async def include(self, origin: str) -> bool:
        """Whether an app is served from there; by what was known last while the database is away."""
        if self._is_old():
            async with self._reading:
                if self._is_old():
                    await self._read()
        return origin in self._origins

    def _is_old(self) -> bool:
        return time.monotonic() >= self._read_again_at

    async def _read(self) -> None:
        try:
            rows = await self._reader().all(queries.ORIGINS)
        except DatabaseUnavailable as error:
            log.warning("origins of apps not read", reason=repr(error.__cause__))
            self._read_again_at = time.monotonic() + _SPARED_S
        else:
            self._origins = frozenset(row["origin"] for row in rows)
            self._read_again_at = time.monotonic() + _KEPT_S
