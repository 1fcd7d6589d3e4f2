"""`graasp state`."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from graasp.deployment.console import (
    ExitCode,
    end,
    indented,
    open_console,
    step_shown,
    this_operator,
    told_failures,
)
from graasp.deployment.driver import Driver, Observed, ServiceStatus
from graasp.deployment.planner import Step
from graasp.deployment.records import Record
from graasp.deployment.states import STATES, Service, State, desired_counts
from graasp.deployment.targets import (
    DataOption,
    EnvironmentOption,
    ProjectDirectoryOption,
    Target,
    TargetOption,
    TargetOptions,
    open_driver,
)
from graasp.deployment.transitions import (
    Options,
    change_state,
    reconcile,
    restore,
    steps_to,
)

state_commands = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Look at the state of an installation, and change it.\n\nExit codes: 0 done, or nothing to do; 1 a step failed; "
    "2 wrong usage or configuration; 3 somebody else is changing the state; 4 refused, nothing was changed; 130 "
    "interrupted.",
)

WantedState = Annotated[
    State,
    typer.Argument(help=f"The state to go to: {', '.join(State)}.", metavar="STATE", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Again = Annotated[bool, typer.Option("--again", help="Take every step, also to the state that is recorded.")]


@state_commands.command()
def show(
    target: TargetOption = Target.EMBEDDED,
    data: DataOption = Path(".graasp"),
    project_directory: ProjectDirectoryOption = Path(),
    environment: EnvironmentOption = None,
    as_json: AsJson = False,
) -> None:
    """The recorded state, beside what is found."""
    with told_failures():
        driver = open_driver(target, TargetOptions(data, project_directory, environment))
        record = driver.store.read()
        if not as_json:
            for line in _description(record):
                open_console().print(line)
        observed = driver.observe()
    different = differences(record, observed, driver.replicas)
    if as_json:
        typer.echo(_json(record, observed, different))
    else:
        _show(open_console(), driver, record, observed, different)


@state_commands.command()
def plan(
    wanted: WantedState,
    target: TargetOption = Target.EMBEDDED,
    data: DataOption = Path(".graasp"),
    project_directory: ProjectDirectoryOption = Path(),
    environment: EnvironmentOption = None,
    again: Again = False,
) -> None:
    """What `set` would do, step by step. Nothing is touched."""
    with told_failures():
        driver = open_driver(target, TargetOptions(data, project_directory, environment))
        record = driver.store.read()
    _show_plan(open_console(), record, wanted, steps_to(record, wanted, again=again))


@state_commands.command("set")
def set_state(
    wanted: WantedState,
    target: TargetOption = Target.EMBEDDED,
    data: DataOption = Path(".graasp"),
    project_directory: ProjectDirectoryOption = Path(),
    environment: EnvironmentOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    drain: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long open requests may take to end.")
    ] = 60,
    must_drain: Annotated[
        bool, typer.Option("--must-drain", help="Stop when they have not ended then, instead of going on.")
    ] = False,
    allow_pending: Annotated[
        bool,
        typer.Option("--allow-pending", help="Go to `running` although the database lacks migrations."),
    ] = False,
    again: Again = False,
    version: Annotated[
        str | None,
        typer.Option(help="The version to migrate to and to start; the deployed one when left out."),
    ] = None,
    operator: Annotated[
        str | None, typer.Option(help="Who does this, for the record; the user's name when left out.")
    ] = None,
) -> None:
    """Take the installation to a state: shows the plan, asks, and shows each step.

    What was interrupted or has failed goes on when this is run again.
    """
    console = open_console()
    with told_failures(console):
        driver = open_driver(target, TargetOptions(data, project_directory, environment))
        record = driver.store.read()
        steps = steps_to(record, wanted, again=again)
        _show_plan(console, record, wanted, steps)
        if not steps:
            return
        if not yes and not typer.confirm("Go on?"):
            end(ExitCode.FAILED, "Nothing was changed.")
        begun = time.monotonic()
        change_state(
            driver,
            wanted,
            operator=operator or this_operator(),
            options=Options(
                drain, must_drain, allow_pending, again, None if version is None else driver.exact(version)
            ),
            watch=step_shown(console),
        )
    console.print(f"[bold]{wanted}[/bold] after {time.monotonic() - begun:.1f} s.")
    _tell_bypass(console, driver, wanted)


@state_commands.command("reconcile")
def reconcile_state(
    target: TargetOption = Target.EMBEDDED,
    data: DataOption = Path(".graasp"),
    project_directory: ProjectDirectoryOption = Path(),
    environment: EnvironmentOption = None,
    operator: Annotated[str | None, typer.Option(help="Who does this, for the lock.")] = None,
) -> None:
    """Stop a database that is up although the installation is stopped: to be run daily."""
    console = open_console()
    with told_failures(console):
        driver = open_driver(target, TargetOptions(data, project_directory, environment))
        stopped = reconcile(driver, operator=operator or this_operator(), report=indented(console))
    console.print("The database was up, and is stopped again." if stopped else "Nothing to do.")


@state_commands.command("restore")
def restore_snapshot(
    snapshot: Annotated[str, typer.Argument(help="Its name, as `show` tells it.", show_default=False)],
    target: TargetOption = Target.EMBEDDED,
    data: DataOption = Path(".graasp"),
    project_directory: ProjectDirectoryOption = Path(),
    environment: EnvironmentOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    operator: Annotated[str | None, typer.Option(help="Who does this, for the lock.")] = None,
) -> None:
    """Put a snapshot in the place of what the database holds. What was written since then is lost to people."""
    console = open_console()
    with told_failures(console):
        driver = open_driver(target, TargetOptions(data, project_directory, environment))
        if not yes and typer.prompt("Type the snapshot's name to go on") != snapshot:
            end(ExitCode.FAILED, "Nothing was changed.")
        restore(driver, snapshot, operator=operator or this_operator(), report=indented(console))
    console.print(f"The database is as {snapshot} has it.")


@state_commands.command()
def announce(wanted: WantedState) -> None:
    """Tell the cores at REDIS_CONNECTION as which state to treat requests: for drivers, inside the installation."""
    from graasp.deployment.announcement import announce as announce_state
    from graasp.settings import load_settings

    with told_failures():
        announce_state(load_settings().redis_connection, wanted)
    typer.echo(f"announced {wanted}")


@state_commands.command("in-flight")
def print_in_flight() -> None:
    """Print what the cores still serve, as JSON: for drivers, inside the installation."""
    from graasp.deployment.announcement import in_flight
    from graasp.settings import load_settings

    with told_failures():
        found = in_flight(load_settings().redis_connection)
    typer.echo(orjson.dumps(None if found is None else found._asdict()).decode())


@state_commands.command()
def unlock(
    target: TargetOption = Target.EMBEDDED,
    data: DataOption = Path(".graasp"),
    project_directory: ProjectDirectoryOption = Path(),
    environment: EnvironmentOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take the lock from a run that is dead. One that lives fails at its next step."""
    with told_failures():
        driver = open_driver(target, TargetOptions(data, project_directory, environment))
        if not yes and not typer.confirm("Is it certain that nobody changes the state now?"):
            end(ExitCode.FAILED, "Nothing was changed.")
        holder = driver.store.unlock()
    typer.echo("Nobody held the lock." if holder is None else f"Removed: {holder}.")


def differences(record: Record, observed: Observed, replicas: Mapping[Service, int]) -> list[str]:
    """Where what is found is not as recorded."""
    conditions = STATES[record.state]
    found = []
    for service, wanted in desired_counts(record.state, replicas).items():
        status = observed.services.get(service, ServiceStatus(0, 0))
        if bool(status.running) != bool(wanted):
            found.append(f"{service}: {wanted} should run, {status.running} do")
        elif status.ready < status.running:
            found.append(f"{service}: {status.ready} of {status.running} answer")
    if observed.database != conditions.database:
        found.append(f"the database is {_up(observed.database)}")
    if observed.announced is not None and STATES[observed.announced].guarded != conditions.guarded:
        found.append(f"the front door treats requests as in {observed.announced}")
    return found


def _show(console: Console, driver: Driver, record: Record, observed: Observed, different: list[str]) -> None:
    table = Table("", "recorded", "found", box=None, padding=(0, 3, 0, 0))
    for service, wanted in desired_counts(record.state, driver.replicas).items():
        status = observed.services.get(service, ServiceStatus(0, 0))
        found = f"{status.running} running, {status.ready} answering" if status.running else "0 running"
        table.add_row(service, f"{wanted} running", found)
    table.add_row("database", _up(STATES[record.state].database), _up(observed.database))
    announced = "not known" if observed.announced is None else _door(observed.announced)
    table.add_row("front door", _door(record.state), announced)
    table.add_row("version", record.version or "not known", observed.version or "not known")
    if observed.migrations_pending is not None:
        table.add_row("migrations", "", "pending" if observed.migrations_pending else "none pending")
    if observed.migrating:
        table.add_row("migration task", "", "at work")
    console.print(table)
    for line in different:
        console.print(Text(f"Not as recorded: {line}.", style="yellow"))


def _description(record: Record) -> list[str]:
    since = f" since {record.since:%Y-%m-%d %H:%M:%S %Z}" if record.since else ""
    lines = [f"State: [bold]{record.state}[/bold]{since}"]
    if transition := record.transition:
        done = ", ".join(transition.done) or "nothing yet"
        lines.append(
            f"On the way to [bold]{transition.target}[/bold], by {escape(transition.operator)} since "
            f"{transition.begun_at:%Y-%m-%d %H:%M:%S %Z}; done: {done}"
        )
    if release := record.release:
        lines.append(
            f"A release of [bold]{escape(release.version)}[/bold], begun by {escape(release.operator)} at "
            f"{release.begun_at:%Y-%m-%d %H:%M:%S %Z}, has not ended: `graasp release {escape(release.version)}` goes on"
        )
    if snapshot := record.last_snapshot:
        lines.append(f"Last snapshot: {snapshot.name}, {snapshot.taken_at:%Y-%m-%d %H:%M:%S %Z}")
    return lines


def _show_plan(console: Console, record: Record, wanted: State, steps: tuple[Step, ...]) -> None:
    for line in _description(record):
        console.print(line)
    if not steps:
        console.print(f"The state is {wanted} already: nothing to do.")
        return
    table = Table("", "step", "what happens", "checked before", "way back", box=None, padding=(0, 2, 0, 0))
    for number, step in enumerate(steps, start=1):
        table.add_row(str(number), step.action, step.does, step.check, step.way_back)
    console.print(f"\nTo [bold]{wanted}[/bold]:\n")
    console.print(table)


def _tell_bypass(console: Console, driver: Driver, state: State) -> None:
    if Service.CORE in STATES[state].guarded & STATES[state].up:
        console.print(f"Requests with the header {driver.maintenance_header} pass.")


def _door(state: State) -> str:
    return "open to the secret header" if Service.CORE in STATES[state].guarded else "open to everybody"


def _up(is_up: bool) -> str:
    return "up" if is_up else "down"


def _json(record: Record, observed: Observed, different: list[str]) -> str:
    services: dict[str, Any] = {str(name): status._asdict() for name, status in observed.services.items()}
    document = {
        "record": record.model_dump(mode="json"),
        "observed": observed._asdict() | {"services": services},
        "differences": different,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
