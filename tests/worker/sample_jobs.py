"""Jobs of the tests, registered in real workers by `--handlers tests.worker.sample_jobs`."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy import insert

from graasp.actions.tables import action
from graasp.jobs.spec import JobSpec, PermanentError, RetryPolicy
from graasp.platform import UnitOfWork
from worker.execution import RunningJob
from worker.registry import handles, on_final_failure


class Note(BaseModel):
    """Store a row and append a line to a file, after a while, perhaps with an accident."""

    file: Path
    text: str = "done"
    seconds: float = 0
    # What happens in the attempts with these numbers.
    fail_in: tuple[int, ...] = ()
    permanent: bool = False
    # Attempts up to this one never end by themselves.
    hang_until: int = 0
    # A handler that hangs where no exception reaches it.
    stubborn: bool = False


_SOON = RetryPolicy(max_attempts=3, first_delay=timedelta(milliseconds=200), factor=1)
_ONCE = RetryPolicy(max_attempts=1)
_MINUTE = timedelta(minutes=1)
_MOMENT = timedelta(milliseconds=300)

HEAVY_NOTE = JobSpec("heavy-note", "action-export", Note, timeout=_MINUTE, retry=_SOON)
SHORT_NOTE = JobSpec("short-note", "mail", Note, timeout=_MINUTE, retry=_SOON)
SINGLE_NOTE = JobSpec("single-note", "action-export", Note, timeout=_MINUTE, retry=_ONCE)
IMPATIENT_NOTE = JobSpec("impatient-note", "mail", Note, timeout=_MOMENT, retry=_ONCE)
STUBBORN_NOTE = JobSpec("stubborn-note", "action-export", Note, timeout=_MOMENT, retry=_SOON)
ONE_NOTE = JobSpec("one-note", "mail", Note, timeout=_MINUTE, retry=_SOON, deduplicate=lambda note: note.text)
SECRET_NOTE = JobSpec("secret-note", "mail", Note, timeout=_MINUTE, retry=_ONCE, wipe_payload=True)

ALL = (HEAVY_NOTE, SHORT_NOTE, SINGLE_NOTE, IMPATIENT_NOTE, STUBBORN_NOTE, ONE_NOTE, SECRET_NOTE)


async def write_note(job: RunningJob, note: Note) -> None:
    """The row and the line tell how often the job took effect: in the commit that completes it, and after it."""
    append(note.file.with_suffix(".started"), f"{job.attempt}")
    job.progress(1, 2, "pages <b>written</b>")
    if job.attempt <= note.hang_until:
        if note.stubborn:
            time.sleep(3600)
        await asyncio.sleep(3600)
    await asyncio.sleep(note.seconds)
    if job.attempt in note.fail_in:
        if note.permanent:
            raise PermanentError("no use")
        raise RuntimeError("an accident")
    async with job.completing({"text": note.text}) as uow:
        await uow.execute(insert(action), type="note", view="unknown", extra={"text": note.text})
        uow.after_commit(lambda: _written(note))


async def tell_failure(uow: UnitOfWork, note: Note, error: BaseException) -> None:
    uow.after_commit(lambda: _told(note, error))


for _spec in ALL:
    handles(_spec)(write_note)
    on_final_failure(_spec)(tell_failure)


async def _written(note: Note) -> None:
    append(note.file, note.text)


async def _told(note: Note, error: BaseException) -> None:
    append(note.file.with_suffix(".failed"), type(error).__name__)


def append(file: Path, line: str) -> None:
    with file.open("a") as opened:
        opened.write(f"{line}\n")
