"""Jobs of the tests, registered in real workers by `--handlers tests.worker.sample_jobs`."""

import asyncio
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from graasp.jobs.spec import JobSpec, PermanentError, RetryPolicy
from worker.execution import RunningJob
from worker.registry import handles


class Note(BaseModel):
    """Append a line to a file, after a while, perhaps with an accident."""

    file: Path
    text: str = "done"
    seconds: float = 0
    # What happens in the attempts with these numbers.
    fail_in: tuple[int, ...] = ()
    permanent: bool = False
    # Blocks in attempts up to this one, until somebody ends the process or the job.
    hang_until: int = 0


_SOON = RetryPolicy(max_attempts=3, first_delay=timedelta(milliseconds=200), factor=1)

HEAVY_NOTE = JobSpec("heavy-note", "action-export", Note, timeout=timedelta(seconds=60), retry=_SOON)
SHORT_NOTE = JobSpec("short-note", "mail", Note, timeout=timedelta(seconds=60), retry=_SOON)
IMPATIENT_NOTE = JobSpec(
    "impatient-note", "mail", Note, timeout=timedelta(milliseconds=300), retry=RetryPolicy(max_attempts=1)
)
ONE_NOTE = JobSpec(
    "one-note", "mail", Note, timeout=timedelta(seconds=60), retry=_SOON, deduplicate=lambda note: note.text
)


@handles(HEAVY_NOTE)
@handles(SHORT_NOTE)
@handles(IMPATIENT_NOTE)
@handles(ONE_NOTE)
async def write_note(job: RunningJob, note: Note) -> None:
    """The line is written in the last step only, so that it tells how often the job took effect."""
    _append(note.file.with_suffix(".started"), f"{job.attempt}")
    job.progress(1, 2, "half way")
    if job.attempt <= note.hang_until:
        await asyncio.sleep(3600)
    await asyncio.sleep(note.seconds)
    if job.attempt in note.fail_in:
        if note.permanent:
            raise PermanentError("no use")
        raise RuntimeError("an accident")
    async with job.completing({"text": note.text}) as uow:
        uow.after_commit(lambda: _written(note))


async def _written(note: Note) -> None:
    _append(note.file, note.text)


def _append(file: Path, line: str) -> None:
    with file.open("a") as opened:
        opened.write(f"{line}\n")
