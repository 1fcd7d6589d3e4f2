"""`graasp release`."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from graasp.deployment.console import ExitCode, end, open_console, shown, this_operator, told_failures
from graasp.deployment.records import Record
from graasp.deployment.release import Released, ReleaseFailed, Rolling, release
from graasp.deployment.targets import (
    DataOption,
    EnvironmentOption,
    ProjectDirectoryOption,
    Target,
    TargetOption,
    TargetOptions,
    open_driver,
)
from graasp.deployment.transitions import Options


def release_version(
    version: Annotated[
        str,
        typer.Argument(
            help="embedded: a tag, branch or commit of the git repository that the code lies in. compose, ecs: as its "
            "images are tagged, v1.2.3.",
            show_default=False,
        ),
    ],
    target: TargetOption = Target.EMBEDDED,
    data: DataOption = Path(".graasp"),
    project_directory: ProjectDirectoryOption = Path(),
    environment: EnvironmentOption = None,
    rolling: Annotated[
        Rolling,
        typer.Option(
            help="Without an interruption: where the migrations allow it, never, or not at all otherwise."
        ),
    ] = Rolling.AUTO,
    drain: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long open requests may take to end.")
    ] = 60,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    operator: Annotated[
        str | None, typer.Option(help="Who does this, for the record; the user's name when left out.")
    ] = None,
) -> None:
    """Release a version: migrate, start, test, and go back to the version before when something fails.

    Without --target it is installed beside the data of a `graasp up` that runs, and started in its place. The version
    that ends in +folder is the code in the folder itself.

    Exit codes: 0 released; 1 not released, and the version before runs again; 2 wrong usage or configuration;
    3 somebody else is changing the state; 4 refused, nothing was changed; 5 not released, and an operator has to see
    to it; 130 interrupted: run it again, and it goes on.
    """
    console = open_console()
    with told_failures(console):
        driver = open_driver(target, TargetOptions(data, project_directory, environment))
        version = driver.exact(version)
        _show_intention(console, driver.store.read(), version, target, rolling)
        if not yes and not typer.confirm("Go on?"):
            end(ExitCode.FAILED, "Nothing was changed.")
        begun = time.monotonic()
        try:
            released = release(
                driver,
                version,
                operator=operator or this_operator(),
                rolling=rolling,
                options=Options(drain_s=drain),
                stage=lambda name: shown(console, name),
            )
        except ReleaseFailed as error:
            _show_failure(console, version, error, time.monotonic() - begun)
            raise typer.Exit(ExitCode.FAILED if error.back else ExitCode.ASTRAY) from error
    _show_summary(console, released, time.monotonic() - begun)


def _show_intention(console: Console, record: Record, version: str, target: Target, rolling: Rolling) -> None:
    console.print(
        f"Release [bold]{version}[/bold] on {target}, where {record.version or 'an unknown version'} is recorded, in the "
        f"state {record.state}.",
        soft_wrap=True,
    )
    if record.release is not None and record.release.version == version:
        console.print(f"It was begun by {record.release.operator}, and goes on.")
    if rolling is not Rolling.NEVER:
        console.print("Where the migrations leave the running version working, nobody is interrupted.")
    if rolling is not Rolling.ONLY:
        console.print(
            "Otherwise people see the maintenance screen until the new version has passed its tests."
        )


def _show_summary(console: Console, released: Released, seconds: float) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row("released", Text(released.version, style="bold green"))
    table.add_row("before", released.previous or "not known")
    table.add_row("interruption", "none" if released.rolled else "while it was restricted and migrated")
    table.add_row("database before", released.snapshot.name if released.snapshot else "not saved")
    table.add_row("took", f"{seconds:.0f} s")
    console.print()
    console.print(table)


def _show_failure(console: Console, version: str, error: ReleaseFailed, seconds: float) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row("not released", Text(version, style="bold red"))
    table.add_row("because", Text(error.reason))
    table.add_row("runs now", error.back or f"not settled: the state is {error.state}")
    table.add_row("took", f"{seconds:.0f} s")
    console.print()
    console.print(table)
    if error.back is None:
        console.print("`graasp state show` tells what is there; the runbook “way back” what to do.")
