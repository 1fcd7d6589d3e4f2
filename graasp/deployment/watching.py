"""A core that looks what state was announced, and acts on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from uuid import uuid4

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from graasp.background import in_background
from graasp.db.database import DatabaseUnavailable, Reader
from graasp.deployment.announcement import (
    CHANNEL,
    REPORT_EXPIRES_MS,
    REPORTERS_KEY,
    STATE_KEY,
    Announcement,
    Report,
    report_key,
)
from graasp.http.middleware.door import Door
from graasp.maintenance.service import planned_end
from graasp.platform import Platform

log = structlog.get_logger(__name__)

# Announcements that were not heard are seen after this.
_POLL_S = 0.4
_RECONNECT_S = 0.2
_TIMEOUT_S = 1.0
_END_KEPT_S = 30.0


@asynccontextmanager
async def watch_state(door: Door, platform: Platform) -> AsyncIterator[None]:
    """Open and close the door as announced: what was announced before holds from the start."""
    watch = _Watch(door, platform.settings.redis_connection)
    await watch.look_once()
    async with in_background(watch.run()), in_background(watch.keep_planned_end(platform.reads)):
        yield
    await watch.report_no_more()


class _Watch:
    """Holds to what it has seen last while Redis is away, or was emptied."""

    def __init__(self, door: Door, redis_url: str) -> None:
        self._door = door
        self._url = redis_url
        self._id = uuid4().hex
        self._seen: Announcement | None = None
        self._has_closed = asyncio.Event()

    async def look_once(self) -> None:
        """Within a bound; without Redis nothing was announced."""
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(_TIMEOUT_S), self._connection() as connection:
                await self._look(connection)

    async def run(self) -> None:
        """Look when an announcement is heard, and often besides, for ever."""
        is_away = False
        while True:
            try:
                async with self._connection() as connection, connection.pubsub() as announcements:
                    await announcements.subscribe(CHANNEL)
                    while True:
                        await self._look(connection)
                        await self._report(connection)
                        if is_away:
                            is_away = False
                            log.info("the deployment state is known again")
                        await announcements.get_message(timeout=_POLL_S)
            except (RedisError, OSError) as error:
                if not is_away:
                    log.warning("the deployment state holds until Redis is back", reason=str(error))
                is_away = True
            except Exception:
                log.exception("watching the deployment state was interrupted")
            await asyncio.sleep(_RECONNECT_S)

    async def keep_planned_end(self, reads: Reader) -> None:
        """Know, while the door is closed, when it will be opened: no request asks the database for it."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if self._door.is_open else _END_KEPT_S):
                    await self._has_closed.wait()
            self._has_closed.clear()
            if self._door.is_open:
                continue
            try:
                self._door.ends_at = await planned_end(reads)
            except DatabaseUnavailable:
                log.info("the planned end of the maintenance was not read, the database is away")
            except Exception:
                log.exception("the planned end of the maintenance was not read")

    async def report_no_more(self) -> None:
        """So that nobody waits for this process, which ends."""
        if self._door.is_open:
            return
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(_TIMEOUT_S), self._connection() as connection:
                await connection.delete(report_key(self._id))

    async def _look(self, connection: redis.asyncio.Redis) -> None:
        raw = await connection.get(STATE_KEY)
        if raw is not None:
            self._act_on(Announcement.decode(raw))
        elif self._seen is not None and self._seen.closes_cores:
            # Redis was emptied. Cores that start now have to know.
            await connection.set(STATE_KEY, self._seen.encode(), nx=True)

    def _act_on(self, announcement: Announcement) -> None:
        if announcement == self._seen:
            return
        self._seen = announcement
        if announcement.closes_cores and self._door.is_open:
            self._door.close()
            self._has_closed.set()
        elif not announcement.closes_cores:
            self._door.open()
        log.info("deployment state", state=announcement.state, since=announcement.since.isoformat())

    async def _report(self, connection: redis.asyncio.Redis) -> None:
        if self._door.is_open or self._seen is None:
            return
        report = Report(self._seen.since, *self._door.inside())
        async with connection.pipeline() as pipeline:
            pipeline.sadd(REPORTERS_KEY, self._id)
            pipeline.pexpire(REPORTERS_KEY, REPORT_EXPIRES_MS)
            pipeline.set(report_key(self._id), report.encode(), px=REPORT_EXPIRES_MS)
            await pipeline.execute()

    def _connection(self) -> aclosing[redis.asyncio.Redis]:
        # Not the one of requests: it pauses after a failure, and this has to know at once.
        return aclosing(
            redis.asyncio.from_url(
                self._url,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
        )
