"""`graasp storage`."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from graasp.housekeeping import orphans
from graasp.housekeeping.orphans import Counted
from graasp.platform import open_platform
from graasp.settings import Settings, load_settings

storage_commands = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Look at what is stored, and delete what nothing needs.",
)


@storage_commands.callback()
def storage() -> None:
    """Look at what is stored, and delete what nothing needs."""


@storage_commands.command("orphans")
def list_orphans(
    delete: Annotated[bool, typer.Option("--delete", help="Delete them, instead of only counting.")] = False,
) -> None:
    """Count the stored objects that are older than a day and that nothing in the database refers to."""
    counted = asyncio.run(_orphans(load_settings(), delete=delete))
    table = Table("below", "objects", "deleted" if delete else "orphans", box=None)
    for prefix, objects, found in counted:
        table.add_row(f"{prefix}/", str(objects), str(found))
    Console().print(table)


async def _orphans(settings: Settings, *, delete: bool) -> list[Counted]:
    async with open_platform(settings) as platform:
        with Console(stderr=True).status("looking through the storage") as status:

            def tell(counted: Counted) -> None:
                status.update(f"{counted.prefix}/: {counted.orphans} orphans of {counted.objects} objects")

            look = orphans.sweep if delete else orphans.survey
            counted = await look(platform, tell)
            if delete:
                await orphans.drop_unfinished_uploads(platform)
            return counted
