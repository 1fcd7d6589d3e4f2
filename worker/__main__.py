"""`python -m worker`: a pool of work processes and their upkeep."""

import sys
from typing import Annotated

import typer

from graasp.logging import configure_logging
from graasp.settings import InvalidSettings, load_settings
from worker.pool import run_pool, run_process

app = typer.Typer(
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    help="Work on jobs. Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage or configuration.",
)

Handlers = Annotated[
    list[str] | None, typer.Option("--handlers", help="Another module that registers job handlers.")
]


@app.callback(invoke_without_command=True)
def pool(
    context: typer.Context,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes for heavy jobs; WORKER_PROCESSES when left out.")
    ] = None,
    handlers: Handlers = None,
) -> None:
    """Run a pool: processes for heavy jobs, one that takes short jobs only, and the upkeep of all jobs."""
    if context.invoked_subcommand is None:
        settings = load_settings()
        configure_logging(settings)
        sys.exit(run_pool(settings, processes or settings.worker_processes, tuple(handlers or ())))


@app.command(hidden=True)
def process(short: Annotated[bool, typer.Option("--short")] = False, handlers: Handlers = None) -> None:
    """One work process of the pool."""
    run_process(load_settings(), short=short, extra_modules=tuple(handlers or ()))


if __name__ == "__main__":
    try:
        app()
    except InvalidSettings as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line speaks on the standard streams
        sys.exit(2)
