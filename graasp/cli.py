"""The command line: `graasp --help`."""

import sys

import typer

from graasp.auth.commands import session
from graasp.db.commands import migrate
from graasp.demo.commands import seed_commands
from graasp.embedded.commands import up
from graasp.jobs.commands import job_commands
from graasp.server import serve, worker, write_openapi
from graasp.settings import InvalidSettings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Run and operate a Graasp installation. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.",
)
app.command()(up)
app.command()(serve)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(worker)
app.command()(migrate)
app.add_typer(seed_commands, name="seed")
app.command()(session)
app.add_typer(job_commands, name="job")
app.command("openapi")(write_openapi)


def main() -> None:
    try:
        app()
    except InvalidSettings as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line speaks on the standard streams
        sys.exit(2)
