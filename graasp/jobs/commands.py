"""`graasp job`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Annotated, TypeVar
from uuid import UUID

import orjson
import typer
from rich.console import Console
from rich.table import Table

from graasp.db.database import Database, Row, open_database
from graasp.jobs import control, queries
from graasp.jobs.queue import JobQueue, open_job_queue
from graasp.jobs.transport import describe
from graasp.settings import load_settings

T = TypeVar("T")

_PIPED_WIDTH = 240

job_commands = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Look at jobs, cancel them, queue them again.\n\n"
    "Exit codes: 0 done, 1 no such job or not possible, 2 usage.",
)


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


JobId = Annotated[UUID, typer.Argument(help="The job's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


@job_commands.command("list")
def list_jobs(
    state: Annotated[State | None, typer.Option(help="Only jobs in this state.")] = None,
    queue: Annotated[str | None, typer.Option(help="Only jobs of this queue.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The latest jobs."""

    async def latest(database: Database, _: JobQueue) -> list[Row]:
        wanted = state.value if state else None
        return list(
            await database.reads.all(queries.LATEST, wanted_state=wanted, wanted_queue=queue, how_many=limit)
        )

    rows = _run(latest)
    if as_json:
        typer.echo(_json([dict(row) for row in rows]))
    elif rows:
        # What is piped is not cut to the width of a terminal.
        Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH).print(_table(rows))
    else:
        typer.echo("No jobs.")


@job_commands.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """One job, but for its payload."""

    async def one(database: Database, _: JobQueue) -> Row | None:
        return await database.reads.first(queries.ONE, job_id=job_id)

    row = _run(one)
    if row is None:
        _give_up(f"There is no job {job_id}.")
    elif as_json:
        typer.echo(_json(dict(row)))
    else:
        for name, value in row.items():
            if value is not None:
                typer.echo(f"{name:20} {value}")


@job_commands.command()
def cancel(job_id: JobId) -> None:
    """Cancel a job: at once when it waits, within a heartbeat when it runs."""
    if not _run(lambda database, _: control.cancel_job(database, job_id)):
        _give_up(f"There is no job {job_id} that waits or runs.")
    typer.echo("cancelled")


@job_commands.command()
def requeue(job_id: JobId) -> None:
    """Queue a failed or cancelled job again, with all its attempts."""
    if not _run(lambda database, jobs: control.requeue_job(database, jobs, job_id)):
        _give_up(
            f"The job {job_id} can't be queued again: there is none that has failed or was cancelled, or another "
            "one for the same thing is live, or its secrets were wiped."
        )
    typer.echo("queued again")


def _run(work: Callable[[Database, JobQueue], Awaitable[T]]) -> T:
    async def run() -> T:
        async with _parts() as (database, jobs):
            return await work(database, jobs)

    return asyncio.run(run())


@asynccontextmanager
async def _parts() -> AsyncIterator[tuple[Database, JobQueue]]:
    settings = load_settings()
    async with (
        open_database(settings.db_connection, pool_size=2) as database,
        open_job_queue(settings, database) as jobs,
    ):
        yield database, jobs


def _table(rows: list[Row]) -> Table:
    table = Table("state", "job", "queue", "attempt", "created", "error", box=None)
    table.add_column("id", no_wrap=True)
    for row in rows:
        table.add_row(
            row["state"],
            describe(row["name"], row["progress"]),
            row["queue"],
            str(row["attempt"]),
            f"{row['created_at']:%Y-%m-%d %H:%M:%S}",
            (row["error"] or "")[:80],
            str(row["id"]),
        )
    return table


def _give_up(reason: str) -> None:
    typer.echo(reason, err=True)
    raise typer.Exit(1)


def _json(value: object) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
