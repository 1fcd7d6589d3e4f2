"""`graasp backup` and `graasp restore`."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from graasp.db import migrations
from graasp.deployment.backup.archive import Archive, Manifest, UnusableArchive, open_archive
from graasp.deployment.backup.installations import SavedTarget, installation_settings
from graasp.deployment.backup.making import back_up
from graasp.deployment.backup.restoring import DoesNotFit
from graasp.deployment.backup.restoring import restore as restore_from
from graasp.deployment.compose import run_in_core
from graasp.deployment.driver import StepFailed
from graasp.deployment.dumps import InUse
from graasp.deployment.targets import (
    DataOption,
    ProjectDirectoryOption,
    TargetOptions,
    TargetUnusable,
)
from graasp.embedded.process import CannotStart

_STREAM = Path("-")
# A container knows its installation from its variables.
_INSIDE = ("--target", SavedTarget.VARIABLES)


class ExitCode(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    UNUSABLE = 3
    IN_USE = 4
    INTERRUPTED = 130


SavedTargetOption = Annotated[
    SavedTarget,
    typer.Option(
        "--target",
        help="The kind of installation: what `graasp up` runs, the containers of one host, or whatever the variables "
        "of the core describe. Not AWS: there `graasp state set db-only` saves the database, `graasp state restore` "
        "puts it back, and the buckets keep versions of files.",
    ),
]


def backup(
    file: Annotated[
        Path | None,
        typer.Argument(help="File to make, or - for standard output; graasp-<time>.tar when left out."),
    ] = None,
    target: SavedTargetOption = SavedTarget.EMBEDDED,
    data: DataOption = Path(".graasp"),
    project_directory: ProjectDirectoryOption = Path(),
) -> None:
    """Save the database and all stored files in one archive.

    It may run while people work: the database is saved as it is at one moment, then the files. What is deleted
    meanwhile is missing in the archive, and counted.

    Exit codes: 0 done; 1 failed, no file is left; 2 wrong usage or configuration.
    """
    path = file or Path(f"graasp-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar")
    options = TargetOptions(data, project_directory)
    with _told():
        if path == _STREAM:
            _make(target, options, sys.stdout.buffer)
            return
        if path.exists():
            raise typer.BadParameter(f"{path} exists already")
        with _appearing_when_whole(path) as output:
            _make(target, options, output)
        archive = open_archive(path)
    typer.echo(f"{path}: {_described(archive.manifest)}, {path.stat().st_size / 1e6:,.1f} MB")


def restore(
    file: Annotated[Path, typer.Argument(help="Archive that `graasp backup` made, or - for standard input.")],
    target: SavedTargetOption = SavedTarget.EMBEDDED,
    data: DataOption = Path(".graasp"),
    project_directory: ProjectDirectoryOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Replace the database and the stored files by those of an archive: all of it, or nothing.

    The archive is verified first. Cores and workers must not run; whatever else is connected to the database must not
    either. A run that was interrupted is undone, or ended, by the next one.

    Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 the archive is damaged, none, or of a later
    version; 4 the installation runs. Except after 0, the installation is as it was.
    """
    options = TargetOptions(data, project_directory)
    with _told(), _on_disk(file) as path:
        archive = open_archive(path)
        if not yes:
            if file == _STREAM:
                raise typer.BadParameter("from standard input, --yes is needed")
            typer.echo(
                f"{file}: {_described(archive.manifest)}, made {archive.manifest.made_at:%Y-%m-%d %H:%M:%S %Z}"
            )
            typer.confirm(
                f"It replaces the database and all stored files of {_named(target, options)}. Go on?",
                abort=True,
            )
        _restore(target, options, path, archive)
    typer.echo("restored")


def _named(target: SavedTarget, options: TargetOptions) -> str:
    match target:
        case SavedTarget.EMBEDDED:
            return f"`graasp up` in {options.data.resolve()}"
        case SavedTarget.COMPOSE:
            return f"the containers of {options.project_directory.resolve()}"
        case SavedTarget.VARIABLES:
            return "the installation that the variables describe"


def _make(target: SavedTarget, options: TargetOptions, output: BinaryIO) -> None:
    if target is SavedTarget.COMPOSE:
        _require_done(run_in_core(options, ["graasp", "backup", str(_STREAM), *_INSIDE], stdout=output))
        return
    with installation_settings(target, options) as settings:
        asyncio.run(back_up(settings, output, _report))


def _restore(target: SavedTarget, options: TargetOptions, path: Path, archive: Archive) -> None:
    if target is SavedTarget.COMPOSE:
        with path.open("rb") as content:
            _require_done(
                run_in_core(options, ["graasp", "restore", str(_STREAM), "--yes", *_INSIDE], stdin=content)
            )
        return
    with installation_settings(target, options) as settings:
        asyncio.run(restore_from(settings, archive, _report))
        pending = migrations.pending(settings.db_connection)
    if pending:
        _report("the database is of an earlier version: run `graasp migrate`")


def _require_done(code: int) -> None:
    # It has told why.
    if code:
        raise typer.Exit(code)


@contextmanager
def _appearing_when_whole(path: Path) -> Iterator[BinaryIO]:
    """A file for this user alone - there are secrets in it - that nobody takes for a backup before it is one."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _on_disk(file: Path) -> Iterator[Path]:
    """The archive as a file: it is read more than once."""
    if file != _STREAM:
        if not file.is_file():
            raise typer.BadParameter(f"there is no file {file}")
        yield file
        return
    with tempfile.NamedTemporaryFile() as held:
        shutil.copyfileobj(sys.stdin.buffer, held)
        held.flush()
        yield Path(held.name)


def _described(manifest: Manifest) -> str:
    vanished = f" ({manifest.vanished:,} more were deleted meanwhile)" if manifest.vanished else ""
    return (
        f"version {manifest.version}, {manifest.rows.get('account', 0):,} accounts, {manifest.rows.get('item', 0):,} "
        f"items, {manifest.files:,} files{vanished}"
    )


def _report(line: str) -> None:
    # Standard output may be the archive.
    typer.echo(line, err=True)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (UnusableArchive, DoesNotFit) as error:
        _end(ExitCode.UNUSABLE, str(error))
    except InUse as error:
        _end(ExitCode.IN_USE, str(error))
    except TargetUnusable as error:
        _end(ExitCode.USAGE, str(error))
    except (StepFailed, CannotStart) as error:
        _end(ExitCode.FAILED, str(error))
    except _storage_failures() as error:
        _end(ExitCode.FAILED, f"The storage failed: {error}")
    except KeyboardInterrupt:
        _end(ExitCode.INTERRUPTED, "Interrupted.")


def _storage_failures() -> tuple[type[Exception], ...]:
    # Half a second that is only needed when something has failed.
    from botocore.exceptions import BotoCoreError, ClientError

    from graasp.storage.protocol import StorageRefused

    return (OSError, StorageRefused, BotoCoreError, ClientError)


def _end(code: ExitCode, sentence: str) -> None:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
