"""Everything a process needs, opened once: core, worker and command line alike."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import redis.asyncio
import structlog
from pydantic import BaseModel

from graasp.cache.results import ResultCache
from graasp.cache.url_cache import UrlCache
from graasp.db.database import Database, Reader, Transaction, open_database
from graasp.decoding.process import Decoder
from graasp.jobs.queue import JobQueue, open_job_queue
from graasp.jobs.spec import JobSpec
from graasp.mail.transport import SmtpTransport
from graasp.realtime.publisher import RealtimePublisher, open_publisher
from graasp.redis_client import redis_client
from graasp.settings import Settings
from graasp.storage import FileStorage, open_package_storage, open_storage
from graasp.thumbnails.service import Thumbnails
from graasp.web.fetching import PublicWeb, open_public_web

log = structlog.get_logger(__name__)

P = TypeVar("P", bound=BaseModel)
Effect = Callable[[], Awaitable[None]]


class UnitOfWork(Transaction):
    """One transaction and what must wait for its commit: jobs, websocket messages, other effects."""

    def __init__(self, platform: "Platform") -> None:
        super().__init__(platform.database)
        self.platform = platform
        self._effects: list[Effect] = []
        self._compensations: list[Effect] = []
        self._job_ids: list[UUID] = []

    async def enqueue(
        self,
        spec: JobSpec[P],
        payload: P,
        *,
        account_id: UUID | None = None,
        item_id: UUID | None = None,
        delay: timedelta | None = None,
    ) -> UUID:
        """Write the job's row in this transaction; it reaches the queue after the commit.

        The id of a live job with the same deduplication key, when there is one, is returned instead.
        """
        job_id = await self.platform.jobs.enqueue(
            self, spec, payload, account_id=account_id, item_id=item_id, delay=delay
        )
        self._job_ids.append(job_id)
        return job_id

    async def enqueue_all(self, spec: JobSpec[P], payloads: Sequence[P]) -> None:
        """As `enqueue` for many payloads in one round trip."""
        if payloads:
            self._job_ids += await self.platform.jobs.enqueue_all(self, spec, payloads)

    def publish(self, topic: str, channel: str, body: dict[str, Any]) -> None:
        """Send a websocket message to the channel's subscribers after the commit."""

        async def send() -> None:
            self.platform.realtime.publish(topic, channel, body)

        self.after_commit(send)

    def after_commit(self, effect: Effect) -> None:
        """Run `effect` once the transaction is committed; its failure is logged, never raised."""
        self._effects.append(effect)

    def after_rollback(self, compensation: Effect) -> None:
        """Undo what no transaction covers (stored objects) if this one is not committed; failures are logged."""
        self._compensations.append(compensation)

    async def run_effects(self) -> None:
        """Called once, after the commit."""
        if self._job_ids:
            await self.platform.jobs.push(self._job_ids)
        await _run_all(self._effects, "effect after commit failed")

    async def run_compensations(self) -> None:
        """Called once, after a rollback."""
        await _run_all(self._compensations, "compensation after rollback failed")


async def _run_all(effects: Sequence[Effect], complaint: str) -> None:
    for effect in effects:
        try:
            await effect()
        except Exception:
            log.exception(complaint)


@dataclass(frozen=True)
class Platform:
    """The parts of one process; see `open_platform`."""

    settings: Settings
    database: Database
    redis: redis.asyncio.Redis
    storage: FileStorage
    packages: FileStorage
    urls: UrlCache
    results: ResultCache
    decoder: Decoder
    thumbnails: Thumbnails
    jobs: JobQueue
    realtime: RealtimePublisher
    mailer: SmtpTransport
    web: PublicWeb

    @property
    def reads(self) -> Reader:
        return self.database.reads

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """One unit of work: commit on success, then its effects; roll back on error."""
        uow = UnitOfWork(self)
        try:
            async with uow.open():
                yield uow
        except BaseException:
            await asyncio.shield(uow.run_compensations())
            raise
        await uow.run_effects()


@asynccontextmanager
async def open_platform(settings: Settings) -> AsyncIterator[Platform]:
    """Open every part, and close them in the opposite order.

    Raises DatabaseUnavailable when PostgreSQL can't be reached. Redis and storage may be down: features that need
    them answer with a clear error until they are back.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(
                settings.db_connection,
                pool_size=settings.db_connection_pool_size,
                replica_url=next(iter(settings.db_read_replica_connections), None),
            )
        )
        if settings.database_logs:
            database.observers.append(lambda sql: log.info("statement", sql=sql))
        connection = redis_client(settings.redis_connection)
        stack.push_async_callback(connection.aclose)
        realtime = await stack.enter_async_context(open_publisher(connection))
        storage = await stack.enter_async_context(open_storage(settings))
        packages = await stack.enter_async_context(open_package_storage(settings, storage))
        mailer = SmtpTransport(settings)
        stack.push_async_callback(mailer.close)
        web = await stack.enter_async_context(open_public_web())
        jobs = await stack.enter_async_context(open_job_queue(settings, database))
        urls, decoder = UrlCache(connection, storage), Decoder()
        yield Platform(
            settings=settings,
            database=database,
            redis=connection,
            storage=storage,
            packages=packages,
            urls=urls,
            results=ResultCache(connection),
            decoder=decoder,
            thumbnails=Thumbnails(storage, urls, decoder),
            jobs=jobs,
            realtime=realtime,
            mailer=mailer,
            web=web,
        )
