"""Decodes files that were too large to wait for: their thumbnails and their text."""

import asyncio
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from graasp.db.database import Row
from graasp.files.jobs import DECODE_FILE, DecodeFile
from graasp.files.receiving import Decoded, decode
from graasp.files.service import find_file
from graasp.items.packing import thumbnail_prefix
from graasp.items.thumbnails import keep_decoded
from graasp.storage import StoredFileNotFound
from worker.execution import RunningJob
from worker.registry import handles


@handles(DECODE_FILE)
async def decode_file(job: RunningJob, wanted: DecodeFile) -> None:
    """Idempotent: thumbnails are written under the same keys, and nothing happens once the file is another one."""
    platform = job.platform
    item = await find_file(platform.reads, wanted.item_id, wanted.storage_key)
    found = await _decoded(job, wanted, item) if item is not None else None
    async with job.completing() as uow:
        if found is None or not await keep_decoded(
            uow, wanted.item_id, wanted.storage_key, text=found.text, has_thumbnail=found.has_thumbnail
        ):
            # The item has gone meanwhile.
            uow.after_commit(lambda: platform.thumbnails.remove(thumbnail_prefix(wanted.item_id)))


async def _decoded(job: RunningJob, wanted: DecodeFile, item: Row) -> Decoded:
    platform = job.platform
    with TemporaryFile() as opened:
        copy = cast("BinaryIO", opened)
        try:
            async for chunk in platform.storage.open(wanted.storage_key):
                await asyncio.to_thread(copy.write, chunk)
        except StoredFileNotFound:
            return Decoded("", has_thumbnail=False)
        return await decode(
            platform,
            item["creator_id"] or wanted.item_id,
            copy,
            item_id=wanted.item_id,
            mimetype=item["extra"]["file"]["mimetype"],
            # Somebody may have chosen another one while the job waited.
            with_thumbnail=item["settings"].get("hasThumbnail") is not True,
        )
