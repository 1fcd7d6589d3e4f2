"""`graasp job`."""

import asyncio
import sys
from collections.abc import Awaitable
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer
from rich.console import Console
from rich.table import Table

from graasp.db.database import Row, open_database
from graasp.jobs import control, queries
from graasp.settings import Settings, load_settings

job_commands = typer.Typer(
    no_args_is_help=True,
    help="Look at jobs, cancel them, queue them again. Exit codes: 0 done, 1 no such job or not possible, 2 usage.",
)

JobId = Annotated[UUID, typer.Argument(help="The job's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


@job_commands.command("list")
def list_jobs(
    state: Annotated[
        str | None, typer.Option(help="Only jobs that are queued, running, succeeded, failed or cancelled.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The latest jobs."""
    rows = asyncio.run(_list(load_settings(), state, limit))
    if as_json:
        typer.echo(_json(rows))
        return
    table = Table("id", "job", "queue", "state", "attempt", "progress", "created", "error")
    for row in rows:
        progress = row["progress"] or {}
        table.add_row(
            str(row["id"]),
            row["name"],
            row["queue"],
            row["state"],
            str(row["attempt"]),
            f"{progress['done']:,} {progress['text']}" if progress else "",
            f"{row['created_at']:%Y-%m-%d %H:%M:%S}",
            (row["error"] or "")[:80],
        )
    Console().print(table)


@job_commands.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """One job, but for its payload."""
    row = asyncio.run(_show(load_settings(), job_id))
    if row is None:
        _give_up(f"There is no job {job_id}.")
        return
    if as_json:
        typer.echo(_json([row]))
        return
    for name, value in row.items():
        if value is not None:
            typer.echo(f"{name:12} {value}")


@job_commands.command()
def cancel(job_id: JobId) -> None:
    """Cancel a job: at once when it waits, within a heartbeat when it runs."""
    _act(control.cancel_job(load_settings(), job_id), "cancelled", f"There is no live job {job_id}.")


@job_commands.command()
def requeue(job_id: JobId) -> None:
    """Queue a failed or cancelled job again."""
    _act(control.requeue_job(load_settings(), job_id), "queued again", f"There is no ended job {job_id} to repeat.")


def _act(action: Any, done: str, impossible: str) -> None:
    async def run(work: Awaitable[bool]) -> bool:
        return await work

    if asyncio.run(run(action)):
        typer.echo(done)
    else:
        _give_up(impossible)


def _give_up(reason: str) -> None:
    typer.echo(reason, err=True)
    sys.exit(1)


async def _list(settings: Settings, state: str | None, limit: int) -> list[Row]:
    async with open_database(settings.db_connection, pool_size=1) as database:
        return list(await database.reads.all(queries.LATEST, wanted_state=state, how_many=limit))


async def _show(settings: Settings, job_id: UUID) -> Row | None:
    async with open_database(settings.db_connection, pool_size=1) as database:
        return await database.reads.first(queries.ONE, job_id=job_id)


def _json(rows: list[Row]) -> str:
    return orjson.dumps([dict(row) for row in rows], default=str, option=orjson.OPT_INDENT_2).decode()
