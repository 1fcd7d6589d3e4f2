"""`graasp up`."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from graasp.deployment.driver import StepFailed
from graasp.embedded.process import CannotStart
from graasp.embedded.stack import DevelopmentStack
from graasp.embedded.supervisor import StopRequested, stopping_on_signals
from graasp.settings import process_environment


def up(
    data: Annotated[
        Path, typer.Option(help="Folder that keeps the databases, files, mails and secrets.")
    ] = Path(".graasp"),
    seed: Annotated[
        bool | None,
        typer.Option(
            "--seed/--no-seed",
            help="Make the demo content. Left out: the first time, in the database that this starts.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run everything on this machine for development: databases, mailbox, core and worker.

    DB_CONNECTION, REDIS_CONNECTION and MAILER_CONNECTION, when set, replace what would be started here.
    `graasp state`, in another terminal, changes the state of what runs; it comes up again in the recorded one.
    """
    console = Console()
    given = process_environment()
    if (mode := given.get("NODE_ENV", "development")) != "development":
        _fail(
            console,
            f"`graasp up` is for development, and NODE_ENV is {mode}. Use `graasp serve` and `worker`.",
        )
    stack = DevelopmentStack(data.resolve(), given, seed=seed, console=console)
    try:
        with stopping_on_signals(insist=stack.kill):
            stack.run()
    except StopRequested:
        console.print("Stopped.")
    except (CannotStart, StepFailed) as error:
        _fail(console, str(error))
    except OSError as error:
        # A full disk, a folder of somebody else, a file where a folder should be.
        if error.filename is None:
            raise
        _fail(console, f"{error.filename}: {error.strerror}. Put that right, and start again.")


def _fail(console: Console, sentence: str) -> NoReturn:
    console.print(Text(sentence, style="red"), soft_wrap=True)
    raise typer.Exit(1)
