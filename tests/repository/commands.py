"""Whether a command line that is printed somewhere would be understood."""

import re
import shlex

import click
from typer.main import get_command

from graasp.cli import app
from worker.commands import app as worker_app

# What pages write for a value of the reader's, where the program knows a few only.
_EXAMPLES = {"STATE": "running", "SECONDS": "60", "ID": "00000000-0000-0000-0000-000000000000"}


def parse(line: str) -> None:
    """Read `graasp …` as the program would, without doing it. Raises click.UsageError where it would refuse it."""
    given = re.sub(r"<[^>]*state>", "STATE", line)
    name, *arguments = [_EXAMPLES.get(word, word) for word in shlex.split(given)]
    assert name == "graasp"
    command: click.Command = get_command(app)
    path = "graasp"
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        path = f"{path} {arguments[0]}"
        if path == "graasp worker":
            # Hands over to a program of its own.
            command = get_command(worker_app)
        else:
            found = command.get_command(click.Context(command), arguments[0])
            if found is None:
                raise click.UsageError(f"no such command: {path}")
            command = found
        arguments = arguments[1:]
    if arguments in ([], ["--help"]):
        # A command that is only spoken of.
        return
    command.make_context(path, arguments)
