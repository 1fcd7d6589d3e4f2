"""`graasp maintenance-page`: the page as a file, for gateways and web sites in front of the product."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from graasp.deployment.maintenance_page import maintenance_page


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise typer.BadParameter("the offset from UTC is missing, as in 2030-01-31T08:00+01:00")
    return moment


def _web_address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise typer.BadParameter("should start with https:// or http://")
    return text


def write_maintenance_page(
    output: Annotated[Path | None, typer.Option(help="File to write; standard output when left out.")] = None,
    until: Annotated[
        datetime | None,
        typer.Option(parser=_moment, metavar="TIME", help="The planned end, with its offset from UTC."),
    ] = None,
    back_to: Annotated[
        str | None,
        typer.Option(
            parser=_web_address,
            metavar="URL",
            help="Where “try again” leads; the address that was asked for when left out.",
        ),
    ] = None,
) -> None:
    """Print the maintenance page: one file with every language, for a gateway or a web site of its own."""
    page = maintenance_page(ends_at=until, back_to=back_to or "").encode()
    if output is None:
        sys.stdout.buffer.write(page)
    else:
        output.write_bytes(page)
