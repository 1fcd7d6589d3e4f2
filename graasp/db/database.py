"""The connection pools, autocommit reads, and transactions."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol, TypeAlias, cast

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy import text
from sqlalchemy.sql import Executable
from sqlalchemy.sql.dml import UpdateBase

from graasp.db.statements import CompiledStatement, compiled
from graasp.settings import plain_postgres_url

# By column name; asyncpg's records behave so without being registered as mappings.
Row = Mapping[str, Any]
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Observer = Callable[[str], None]

_CURSOR_ROWS = 100
_ACQUIRE_TIMEOUT_S = 10


class DatabaseUnavailable(Exception):
    """PostgreSQL can't be reached now; the same request may succeed in a moment."""


class DatabaseRefused(Exception):
    """PostgreSQL does not let this process in: the URL, the user, the password or the database's name is wrong."""


class ConcurrentChange(Exception):
    """What a transaction relied on was changed by another one at the same moment; the same request may succeed now."""


_LOST_RACES = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.ForeignKeyViolationError,
)
_SERVER_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
_REFUSALS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.exceptions.ClientConfigurationError,
)


_DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def is_connection_failure(error: BaseException) -> bool:
    """Whether the server is lost, refused or restarting, rather than the statement wrong."""
    if isinstance(error, asyncpg.InternalClientError):
        # What the driver says of an idle connection that the server has just ended.
        return "cannot switch to state" in str(error)
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "released" in str(error)
    return isinstance(error, _SERVER_GONE)


class Reader(Protocol):
    """Runs reading statements; what `Database.reads` and every transaction offer."""

    async def all(self, statement: Executable, **params: Any) -> Sequence[Row]: ...

    async def first(self, statement: Executable, **params: Any) -> Row | None: ...

    async def scalar(self, statement: Executable, **params: Any) -> Any: ...


class Database:
    """The pools of one process. Open it with `open_database`."""

    def __init__(self, primary: asyncpg.Pool, replica: asyncpg.Pool | None = None) -> None:
        self.primary = primary
        self.replica = replica
        self.observers: list[Observer] = []
        self.reads = AutocommitReader(self, replica or primary)
        # For what a replica that lags behind must not decide: passwords, tokens.
        self.primary_reads = AutocommitReader(self, primary)

    def observe(self, sql: str) -> None:
        for observer in self.observers:
            observer(sql)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        """One transaction: committed when the block ends, rolled back when it raises.

        It begins with its first statement, so a block that runs none costs no connection.
        """
        transaction = Transaction(self)
        async with transaction.open():
            yield transaction

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["Transaction"]:
        """A read-only transaction whose statements all see the same moment."""
        async with self.transaction() as transaction:
            connection = await transaction.connection()
            await connection.execute("set transaction isolation level repeatable read, read only")
            await connection.execute("set local work_mem = '64MB'")
            yield transaction

    async def is_ready(self) -> bool:
        return bool(await self.reads.scalar(text("select 1")) == 1)


class AutocommitReader:
    """Each statement on a connection of its own, without BEGIN and COMMIT around it."""

    def __init__(self, database: Database, pool: asyncpg.Pool) -> None:
        self._database = database
        self._pool = pool

    async def all(self, statement: Executable, **params: Any) -> Sequence[Row]:
        query = compiled(statement)
        self._database.observe(query.sql)
        arguments = query.arguments(params)
        try:
            return await self._fetch(query.sql, arguments)
        except DatabaseUnavailable:
            # A restart of the server kills the pool's idle connections; a read may be repeated.
            await self._pool.expire_connections()
            return await self._fetch(query.sql, arguments)

    async def _fetch(self, sql: str, arguments: list[Any]) -> Sequence[Row]:
        async with _acquired(self._pool) as connection:
            return cast("Sequence[Row]", await connection.fetch(sql, *arguments))

    async def first(self, statement: Executable, **params: Any) -> Row | None:
        rows = await self.all(statement, **params)
        return rows[0] if rows else None

    async def scalar(self, statement: Executable, **params: Any) -> Any:
        row = await self.first(statement, **params)
        return None if row is None else next(iter(row.values()))


class Transaction:
    """A unit of work on the primary database; also a Reader that sees its own writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stack = AsyncExitStack()
        self._connection: Connection | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        try:
            async with self._stack:
                yield
        except _DRIVER_ERRORS as error:
            if is_connection_failure(error):
                raise DatabaseUnavailable from error
            if isinstance(error, _LOST_RACES):
                raise ConcurrentChange from error
            raise
        finally:
            self._connection = None

    async def connection(self) -> Connection:
        """The asyncpg connection of this transaction, for COPY and the like."""
        if self._connection is None:
            connection = await self._stack.enter_async_context(_acquired(self._database.primary))
            await self._stack.enter_async_context(connection.transaction())
            self._connection = connection
        return self._connection

    async def all(self, statement: Executable, **params: Any) -> Sequence[Row]:
        query = self._prepare(statement, params)
        connection = await self.connection()
        return cast("Sequence[Row]", await connection.fetch(query.sql, *query.arguments(params)))

    async def first(self, statement: Executable, **params: Any) -> Row | None:
        rows = await self.all(statement, **params)
        return rows[0] if rows else None

    async def scalar(self, statement: Executable, **params: Any) -> Any:
        row = await self.first(statement, **params)
        return None if row is None else next(iter(row.values()))

    async def execute(self, statement: Executable, **params: Any) -> int:
        """Run a writing statement; the number of rows it touched."""
        query = self._prepare(statement, params)
        connection = await self.connection()
        status = await connection.execute(query.sql, *query.arguments(params))
        last_word = status.rsplit(" ", 1)[-1]
        return int(last_word) if last_word.isdigit() else 0

    async def execute_many(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a writing statement once per row, in one round trip; every row has the same keys."""
        if not rows:
            return
        query = self._prepare(statement, rows[0])
        connection = await self.connection()
        await connection.executemany(query.sql, [query.arguments(row) for row in rows])

    async def stream(self, statement: Executable, **params: Any) -> AsyncGenerator[Row, None]:
        """The rows one by one through a server-side cursor: bounded memory whatever the size."""
        query = self._prepare(statement, params)
        connection = await self.connection()
        async for row in connection.cursor(query.sql, *query.arguments(params), prefetch=_CURSOR_ROWS):
            yield cast("Row", row)

    async def cancel(self) -> None:
        """Have the server stop the statement that runs; the transaction can only be rolled back then."""
        if self._connection is not None:
            async with _acquired(self._database.primary) as other:
                await other.execute("select pg_cancel_backend($1)", self._connection.get_server_pid())

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that may fail on its own without losing the whole."""
        connection = await self.connection()
        async with connection.transaction():
            yield

    def _prepare(self, statement: Executable, params: Mapping[str, Any]) -> CompiledStatement:
        columns = tuple(params) if isinstance(statement, UpdateBase) else ()
        query = compiled(statement, columns)
        self._database.observe(query.sql)
        return query


@asynccontextmanager
async def open_database(
    url: str, *, pool_size: int = 10, replica_url: str | None = None, statement_timeout_s: float | None = None
) -> AsyncIterator[Database]:
    """Connect (the first connection must succeed) and close every connection at the end.

    Raises DatabaseUnavailable when the server can't be reached, DatabaseRefused when it lets nobody in.
    """
    async with AsyncExitStack() as stack:
        primary = await stack.enter_async_context(_pool(url, pool_size, statement_timeout_s))
        replica = None
        if replica_url:
            replica = await stack.enter_async_context(_pool(replica_url, pool_size, statement_timeout_s))
        yield Database(primary, replica)


class _UnresetConnection(asyncpg.Connection):
    """Given back to the pool without a round trip: nothing here changes the session beyond its transaction."""

    def get_reset_query(self) -> str:
        return ""


@asynccontextmanager
async def _pool(url: str, size: int, statement_timeout_s: float | None) -> AsyncIterator[asyncpg.Pool]:
    try:
        pool = await asyncpg.create_pool(
            plain_postgres_url(url),
            min_size=1,
            max_size=size,
            init=_register_codecs,
            connection_class=_UnresetConnection,
            timeout=10,
            command_timeout=statement_timeout_s,
            server_settings={"timezone": "UTC", "application_name": "graasp"},
            statement_cache_size=512,
        )
    except _REFUSALS as error:
        raise DatabaseRefused(f"PostgreSQL refuses the connection: {error}") from error
    except (OSError, *_SERVER_GONE) as error:
        raise DatabaseUnavailable(f"PostgreSQL can't be reached: {error}") from error
    try:
        yield pool
    finally:
        await _close(pool)


async def _close(pool: asyncpg.Pool) -> None:
    try:
        await pool.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        pool.terminate()


@asynccontextmanager
async def _acquired(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A connection of the pool; DatabaseUnavailable when there is none to be had."""
    try:
        connection = await pool.acquire(timeout=_ACQUIRE_TIMEOUT_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if isinstance(error, asyncpg.PostgresError) and not is_connection_failure(error):
            raise
        raise DatabaseUnavailable from error
    try:
        yield connection
    except _DRIVER_ERRORS as error:
        if is_connection_failure(error):
            raise DatabaseUnavailable from error
        raise
    finally:
        await pool.release(connection)


async def _register_codecs(connection: asyncpg.Connection) -> None:
    # The statement compiler has serialised JSON parameters already: they go out as text.
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=orjson.loads)
    await connection.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=orjson.loads)
    schema = await connection.fetchval(
        "select n.nspname from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typname = 'ltree'"
    )
    if schema:
        await connection.set_type_codec("ltree", schema=schema, encoder=str, decoder=str)
