"""The record of an installation on one machine: a file that is replaced whole, and a lock beside it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from graasp.deployment.records import Locked, Record


class RecordUnreadable(Exception):
    """The file with the record is not one; the message says what to do."""


class FileStore:
    """A Store in a folder, which is made when something is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "record.json"

    def read(self) -> Record:
        """Raises RecordUnreadable."""
        try:
            return Record.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return Record()
        except ValidationError as error:
            raise RecordUnreadable(
                f"{self._file} is not the record of a state. Put it right, or remove it: the installation then counts "
                "as running."
            ) from error

    def write(self, record: Record) -> None:
        self._make_folder()
        unfinished = self._file.with_suffix(".unfinished")
        with unfinished.open("w") as output:
            output.write(record.model_dump_json(indent=2) + "\n")
            output.flush()
            os.fsync(output.fileno())
        unfinished.rename(self._file)

    @contextmanager
    def lock(self, operator: str) -> Iterator[None]:
        """Held by this process: it ends with it, however that ends."""
        self._make_folder()
        with (self._folder / "lock").open("a+") as holder:
            try:
                fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Locked(_who_holds(holder.name)) from None
            holder.truncate(0)
            holder.write(json.dumps({"operator": operator, "since": _now(), "pid": os.getpid()}))
            holder.flush()
            try:
                yield
            finally:
                holder.truncate(0)

    def unlock(self) -> None:
        """Nothing to do: the lock of a process ends with it."""

    def _make_folder(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _who_holds(file: str) -> str:
    try:
        told = json.loads(Path(file).read_text())
        who = f"{told['operator']} has been changing the state since {told['since']} (process {told['pid']})"
    except (ValueError, KeyError, TypeError):
        who = "Somebody else is changing the state"
    return f"{who}. Wait for the end of it, and run this again."


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
