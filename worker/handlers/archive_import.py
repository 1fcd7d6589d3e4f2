"""Makes the items of an archive that was received."""

import asyncio
from http import HTTPStatus
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from graasp.auth.gates import find_account
from graasp.http.errors import DomainError, FormattedError
from graasp.imports.errors import InvalidArchiveFile
from graasp.imports.jobs import IMPORT_ARCHIVE, ImportArchive
from graasp.imports.service import Imported, import_archive
from graasp.jobs.spec import PermanentError
from graasp.platform import UnitOfWork
from graasp.storage import StoredFileNotFound
from worker.execution import RunningJob
from worker.feedback import publish_failure, publish_success
from worker.handlers.refusals import permanent
from worker.registry import handles, on_final_failure

_MOST_TOLD = 100


@handles(IMPORT_ARCHIVE)
async def import_received(job: RunningJob, wanted: ImportArchive) -> None:
    """Idempotent: the items and the job's success are one commit; what a failed attempt has stored is deleted."""
    platform = job.platform
    caller = await find_account(platform.reads, wanted.member_id)
    if caller is None:
        raise PermanentError("The account is gone.")
    with TemporaryFile() as opened:
        file = cast("BinaryIO", opened)
        await _fetch(job, wanted.storage_key, file)
        with permanent(DomainError, FormattedError):
            try:
                async with job.completing() as uow:
                    uow.after_commit(lambda: platform.storage.delete(wanted.storage_key))
                    imported = await import_archive(
                        uow,
                        caller,
                        file,
                        wanted.parent_id,
                        progress=lambda done, total: job.progress(done, total, "files stored"),
                    )
                    _tell(uow, wanted, imported)
            except (DomainError, FormattedError) as failure:
                if failure.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
                # Storage is away for the moment, which is no refusal.
                raise RuntimeError("storage failed") from failure


@on_final_failure(IMPORT_ARCHIVE)
async def tell_failure(uow: UnitOfWork, wanted: ImportArchive, error: BaseException) -> None:
    uow.after_commit(lambda: uow.platform.storage.delete(wanted.storage_key))
    publish_failure(uow, wanted.member_id, "import", _resource(wanted), error)


async def _fetch(job: RunningJob, key: str, file: BinaryIO) -> None:
    with permanent(InvalidArchiveFile):
        try:
            async for chunk in job.platform.storage.open(key):
                await asyncio.to_thread(file.write, chunk)
        except StoredFileNotFound:
            raise InvalidArchiveFile("the archive is gone") from None


def _tell(uow: UnitOfWork, wanted: ImportArchive, imported: Imported) -> None:
    errors: list[dict[str, Any]] = [
        {"name": left_out.name, "message": left_out.reason} for left_out in imported.left_out[:_MOST_TOLD]
    ]
    result = {"items": [dict(row) for row in imported.items]}
    publish_success(uow, wanted.member_id, "import", _resource(wanted), result, errors=errors)


def _resource(wanted: ImportArchive) -> list[str]:
    return [str(wanted.parent_id)] if wanted.parent_id else []
