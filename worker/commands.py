"""The commands of `python -m worker`."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from graasp.job_catalogue import ALL_QUEUES
from graasp.logging import configure_logging
from graasp.settings import load_settings
from worker.operations import is_healthy
from worker.pool import PoolOptions, WorkProcess, run_pool, run_process

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    help="Work on jobs until told to stop.\n\nExit codes: 0 stopped as asked, 1 failed, 2 wrong usage or configuration.",
)


class Kind(StrEnum):
    SHORT = "short"
    HEAVY = "heavy"


Queues = Annotated[
    list[str] | None,
    typer.Option(
        "--queue",
        "-q",
        help=f"Take jobs of this queue only; can be repeated. Queues: {', '.join(ALL_QUEUES)}.",
    ),
]
Handlers = Annotated[
    list[str] | None, typer.Option("--handlers", help="Another module that registers job handlers.")
]


@app.callback(invoke_without_command=True)
def pool(
    context: typer.Context,
    processes: Annotated[
        int | None, typer.Option(min=0, help="Processes for heavy jobs; WORKER_PROCESSES when left out.")
    ] = None,
    short_processes: Annotated[
        int,
        typer.Option(
            min=0, help="Processes that take mails and nothing else; as many for operations on trees."
        ),
    ] = 1,
    queues: Queues = None,
    burst: Annotated[bool, typer.Option("--burst", help="Stop when nothing is left to do.")] = False,
    handlers: Handlers = None,
) -> None:
    """Run a pool: processes for heavy jobs, others that take short jobs only, and the upkeep of all jobs.

    SIGTERM stops it: running jobs have WORKER_GRACE_SECONDS to end, then they are handed back and start anew
    elsewhere. WORKER_METRICS_PORT serves /metrics and /health.
    """
    if context.invoked_subcommand is not None:
        return
    settings = load_settings()
    configure_logging(settings)
    options = PoolOptions(
        heavy_processes=settings.worker_processes if processes is None else processes,
        short_processes=short_processes,
        queues=tuple(queues or ALL_QUEUES),
        handler_modules=tuple(handlers or ()),
        burst=burst,
    )
    sys.exit(run_pool(settings, options))


@app.command()
def check() -> None:
    """Ask the worker on this machine, at WORKER_METRICS_PORT, whether it is well (exit code 1: it is not)."""
    sys.exit(0 if is_healthy(load_settings()) else 1)


@app.command(hidden=True)
def process(
    kind: Annotated[Kind, typer.Argument()],
    parent: Annotated[int, typer.Option()],
    reports: Annotated[int, typer.Option()],
    queues: Queues = None,
    handlers: Handlers = None,
) -> None:
    """One work process of the pool."""
    work_process = WorkProcess(kind.value, tuple(queues or ()))
    run_process(load_settings(), work_process, tuple(handlers or ()), parent=parent, reports=reports)
