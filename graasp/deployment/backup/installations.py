"""What reaches the installation that is saved or restored."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from dotenv import dotenv_values

from graasp.deployment.targets import Target, TargetOptions, TargetUnusable
from graasp.embedded.environment import development_environment, settings_of
from graasp.embedded.postgres import database_answers, embedded_postgres
from graasp.embedded.versions import Versions
from graasp.settings import Settings, load_settings, process_environment


class SavedTarget(StrEnum):
    """Whose installations are saved and restored. On AWS the cloud saves its own."""

    EMBEDDED = Target.EMBEDDED
    COMPOSE = Target.COMPOSE
    # Whatever DB_CONNECTION and the others say: in a container of the installation, for one.
    VARIABLES = "variables"


@contextmanager
def installation_settings(target: SavedTarget, options: TargetOptions) -> Iterator[Settings]:
    """The settings of an installation that this process reaches itself; its database is up as long as the block lasts.

    Raises InvalidSettings, TargetUnusable and CannotStart.
    """
    if target is SavedTarget.VARIABLES:
        yield load_settings()
        return
    folder = options.data.resolve()
    if not folder.is_dir():
        raise TargetUnusable(
            f"There is no installation in {folder}: `graasp up` makes one, and --data names the folder that it keeps its "
            "data in. --target names an installation of another kind."
        )
    # What `graasp up` would be given.
    given = process_environment()
    with _database(folder, given) as url:
        made = {"DB_CONNECTION": url, "APP_VERSION": Versions(folder / "versions").current}
        yield settings_of(development_environment(given, folder) | made)


@contextmanager
def _database(folder: Path, given: Mapping[str, str]) -> Iterator[str]:
    """The database of `graasp up`: one of the developer's own, the one that runs, or else started here."""
    if own := given.get("DB_CONNECTION"):
        yield own
        return
    # In the state `stopped` it does not answer, nor when `graasp up` was killed.
    running = dotenv_values(folder / "environment").get("DB_CONNECTION")
    if running is not None and database_answers(running):
        yield running
        return
    if not (folder / "postgres").is_dir():
        raise TargetUnusable(f"There is no database in {folder}: `graasp up` makes one.")
    with embedded_postgres(folder / "postgres") as url:
        yield url
