"""What reaches the installation that is saved or restored."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dotenv import dotenv_values

from graasp.deployment.targets import Target, TargetOptions, TargetUnusable
from graasp.embedded.environment import development_environment
from graasp.embedded.postgres import embedded_postgres
from graasp.settings import Settings, load_settings, process_environment

# Neither a backup nor a restore uses them.
_UNUSED = {"redis_connection": "redis://nowhere.invalid", "mailer_connection": "smtp://nowhere.invalid"}


@contextmanager
def installation_settings(target: Target | None, options: TargetOptions) -> Iterator[Settings]:
    """The settings of the installation, whose database is up as long as the block lasts.

    Raises InvalidSettings, TargetUnusable and CannotStart.
    """
    if target is None:
        yield load_settings()
        return
    with _embedded_database(options.data) as url:
        environment = {
            "DB_CONNECTION": url,
            **development_environment(process_environment(), options.data.resolve()),
        }
        given = {name.lower(): value for name, value in environment.items()}
        yield load_settings(**{**_UNUSED, **{n: v for n, v in given.items() if n in Settings.model_fields}})


@contextmanager
def _embedded_database(data: Path) -> Iterator[str]:
    """The database of `graasp up`: as it runs, or else started here."""
    if not (data / "postgres").is_dir():
        raise TargetUnusable(f"There is no installation in {data}: `graasp up` makes one.")
    running = dotenv_values(data / "environment").get("DB_CONNECTION")
    if running is not None:
        yield running
        return
    with embedded_postgres(data / "postgres") as url:
        yield url
