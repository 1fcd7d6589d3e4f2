"""How commands that operate an installation speak: a line per step, a sentence for what went wrong, an exit code."""

import getpass
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from graasp.deployment.driver import Report, StepFailed
from graasp.deployment.file_store import RecordUnreadable
from graasp.deployment.records import Locked
from graasp.deployment.targets import TargetUnusable
from graasp.deployment.transitions import Refused, TransitionFailed, Watch

_PIPED_WIDTH = 160


class ExitCode(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    LOCKED = 3
    REFUSED = 4
    ASTRAY = 5
    INTERRUPTED = 130


@contextmanager
def shown(console: Console, name: str) -> Iterator[Report]:
    """A line when it begins to tell something, and one with its time when it has ended."""
    begun = time.monotonic()
    mark = "[red]✗[/red]"
    with console.status(f"{name} …"):
        try:
            yield indented(console)
            mark = "[green]✓[/green]"
        finally:
            console.print(f"{mark} {name} [dim]{time.monotonic() - begun:.1f} s[/dim]")


def step_shown(console: Console) -> Watch:
    """Shows each step of a transition."""
    return lambda step: shown(console, step.action)


def indented(console: Console) -> Report:
    return lambda line: console.print(Text(f"    {line}", style="dim"), soft_wrap=True)


@contextmanager
def told_failures(console: Console | None = None) -> Iterator[None]:
    """Ends the command with a sentence and the exit code for what an operator can put right."""
    try:
        yield
    except TransitionFailed as error:
        _tell_failure(console or open_console(), error)
        raise typer.Exit(ExitCode.FAILED) from error
    except (StepFailed, RecordUnreadable) as error:
        end(ExitCode.FAILED, str(error))
    except TargetUnusable as error:
        end(ExitCode.USAGE, str(error))
    except Locked as error:
        end(ExitCode.LOCKED, str(error))
    except Refused as error:
        end(ExitCode.REFUSED, f"{error} Nothing was changed.")
    except KeyboardInterrupt:
        end(ExitCode.INTERRUPTED, "Interrupted. Run the same again: it goes on from here.")


def _tell_failure(console: Console, error: TransitionFailed) -> None:
    wanted = error.record.transition.target if error.record.transition else error.record.state
    console.print(Text(error.reason, style="red"), soft_wrap=True)
    console.print(f"\nRecorded: {error.record.state}, on the way to {wanted}.")
    console.print("To go on: put it right, and run the same again.")
    console.print(f"To go back: {error.step.way_back}.")


def end(code: ExitCode, sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


def open_console() -> Console:
    # What is piped is not cut to the width of a terminal.
    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)


def this_operator() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):
        return socket.gethostname()
