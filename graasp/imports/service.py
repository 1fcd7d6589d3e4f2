"""Archives that become items: all of their items, or none."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from graasp.apps.archiving import NewSetting, insert_settings
from graasp.archives.layout import MANIFEST
from graasp.archives.reading import Archive, ArchiveEntry, ArchiveLimits, UnsafeArchive, open_archive
from graasp.auth.gates import Caller
from graasp.db.database import Row
from graasp.decoding.process import CannotDecode
from graasp.downloads.service import announce
from graasp.files.errors import StorageExceeded
from graasp.files.jobs import DECODE_FILE, DecodeFile
from graasp.files.service import check_space, file_content, require_space, used_bytes
from graasp.http.errors import BadRequest, DomainError, FormattedError
from graasp.http.uploads import UploadedFile
from graasp.imports.errors import InvalidArchiveFile
from graasp.imports.jobs import IMPORT_ARCHIVE, ImportArchive
from graasp.imports.manifest import plan_manifest
from graasp.imports.plans import LeftOut, Plan, PlannedItem
from graasp.imports.raw import LARGEST_DOCUMENT, plan_files
from graasp.imports.storing import Storing, with_bytes
from graasp.imports.texts import decoded
from graasp.items.errors import ItemNotFolder
from graasp.items.planting import NewTreeItem, Place, plant, require_fit
from graasp.items.service import document_content
from graasp.memberships.authorization import Access, Permission, authorize
from graasp.platform import Platform, UnitOfWork
from graasp.settings import Settings

ARCHIVE_TYPES = frozenset(("application/zip", "application/x-zip-compressed", "multipart/x-zip"))

_LONGEST_NAME = 500
_LONGEST_DESCRIPTION = 5000
_LARGEST_DESCRIPTION_FILE = 64 * 1024
_PIECE = 256 * 1024
# What is written into rows counts in nobody's storage.
_MOST_TEXT = 256 * 1024 * 1024
# A job that waits this long has been forgotten.
_KEPT = timedelta(days=7)


async def require_destination(platform: Platform, caller: Caller, parent_id: UUID | None) -> None:
    """Raises ItemNotFound, the permission errors, ItemNotFolder, StorageExceeded."""
    if parent_id is not None:
        await _folder(platform, caller, parent_id)
    used = await used_bytes(platform.reads, caller.id)
    if used > platform.settings.max_storage_bytes:
        raise StorageExceeded(used)


async def accept_archive(
    platform: Platform, caller: Caller, file: UploadedFile, parent_id: UUID | None
) -> None:
    """Keep a received archive for the job that imports it. Raises InvalidArchiveFile for one that is unsafe."""
    try:
        async with open_archive(file.file, _limits(platform.settings)):
            pass
    except UnsafeArchive as refusal:
        raise InvalidArchiveFile(str(refusal)) from None
    key = f"zip-import/{uuid4()}.zip"
    metadata = {"member": str(caller.id)}
    await announce(platform, account_id=caller.id, storage_key=key, within=_KEPT)
    async with platform.unit_of_work() as uow:
        uow.after_rollback(lambda: platform.storage.delete(key))
        await platform.storage.put(key, _chunks(file.file), content_type="application/zip", metadata=metadata)
        wanted = ImportArchive(storage_key=key, member_id=caller.id, parent_id=parent_id)
        await uow.enqueue(IMPORT_ARCHIVE, wanted, account_id=caller.id, item_id=parent_id)


@dataclass(frozen=True)
class Imported:
    """Id, name, type and path of the topmost items that were made, and what of the archive became none."""

    items: Sequence[Row]
    left_out: Sequence[LeftOut]


async def import_archive(
    uow: UnitOfWork,
    caller: Caller,
    file: BinaryIO,
    parent_id: UUID | None,
    *,
    progress: Callable[[int, int], None],
) -> Imported:
    """Make the items of an archive; their number does not change that of the statements by more than one a thousand.

    Call it before anything else in the unit of work: bytes are stored while no transaction is open yet, and deleted
    if it fails. Raises InvalidArchiveFile, GraaspExportFileError, BadRequest for a Graasp archive without a folder,
    StorageExceeded, RequestFileTooLarge, UploadFileUnexpectedError, and what planting raises.
    """
    platform = uow.platform
    try:
        async with open_archive(file, _limits(platform.settings)) as archive:
            plan = await _plan(archive, parent_id)
            folder = await _folder(platform, caller, parent_id) if parent_id else None
            require_fit(platform.settings, _places(plan.items), folder)
            if plan.text_bytes > _MOST_TEXT:
                raise UnsafeArchive("there is too much text in it")
            await check_space(platform, platform.reads, caller, plan.file_bytes)
            used = await used_bytes(platform.reads, caller.id)
            storing = Storing(platform, caller, archive, used)
            uow.after_rollback(storing.discard)
            try:
                await storing.store(with_bytes(iter(plan.items)), progress)
            except ExceptionGroup as failures:
                raise _foremost(failures) from failures
            return await _make(uow, caller, archive, plan, storing, parent_id)
    except UnsafeArchive as refusal:
        raise InvalidArchiveFile(message=f"{InvalidArchiveFile.message}: {refusal}") from refusal


async def _plan(archive: Archive, parent_id: UUID | None) -> Plan:
    manifest = next((entry for entry in archive.entries if entry.parts == (MANIFEST,)), None)
    if manifest is None:
        return await plan_files(archive)
    if parent_id is None:
        raise BadRequest("A Graasp archive can only be imported into a folder")
    return await plan_manifest(archive, manifest)


async def _make(
    uow: UnitOfWork, caller: Caller, archive: Archive, plan: Plan, storing: Storing, parent_id: UUID | None
) -> Imported:
    await require_space(uow, caller, storing.file_bytes)
    items = [item for item in plan.items if item.id not in storing.refused]
    left_out = [*plan.left_out, *storing.refused.values()]
    made = _made(uow.platform, archive, items, storing, left_out)
    roots = await plant(uow, caller, _places(items), made, parent_id) if items else []
    settings = [NewSetting(item.id, *setting) for item in items for setting in item.app_settings]
    await insert_settings(uow, settings, caller.id)
    undecoded = [file for file in storing.files.values() if not file.is_decoded]
    await uow.enqueue_all(
        DECODE_FILE, [DecodeFile(item_id=file.item_id, storage_key=file.key) for file in undecoded]
    )
    return Imported(roots, left_out)


async def _made(
    platform: Platform,
    archive: Archive,
    items: Sequence[PlannedItem],
    storing: Storing,
    left_out: list[LeftOut],
) -> AsyncIterator[NewTreeItem]:
    """The items with what the archive holds of them, read one by one."""
    for item in items:
        description = await _description(platform, archive, item, left_out)
        settings = {**item.settings, "hasThumbnail": item.id in storing.thumbnails}
        extra = await _extra(platform, archive, item, storing, left_out)
        name = item.name[:_LONGEST_NAME]
        yield NewTreeItem(item.id, item.type, name, description, extra, settings)


async def _extra(
    platform: Platform, archive: Archive, item: PlannedItem, storing: Storing, left_out: list[LeftOut]
) -> dict[str, Any]:
    if item.id in storing.files:
        return {"file": {**file_content(storing.files[item.id]), **item.extra.get("file", {})}}
    if item.id in storing.packages:
        return dict(storing.packages[item.id].extra)
    if item.type != "document":
        return dict(item.extra)
    content = dict(item.extra.get("document", {}))
    if item.content:
        content["content"] = decoded(await archive.read(item.content, at_most=LARGEST_DOCUMENT))
    try:
        return {"document": await document_content(platform, content)}
    except CannotDecode:
        left_out.append(LeftOut(item.name, "its text is nested too deeply"))
        return {"document": {**content, "content": ""}}


async def _description(
    platform: Platform, archive: Archive, item: PlannedItem, left_out: list[LeftOut]
) -> str | None:
    description = item.description
    if isinstance(description, ArchiveEntry):
        if description.size > _LARGEST_DESCRIPTION_FILE:
            left_out.append(LeftOut(description.name, "it is too long"))
            return ""
        description = decoded(await archive.read(description, at_most=_LARGEST_DESCRIPTION_FILE))
    try:
        safe = await platform.decoder.safe_html(description) if description else description
    except CannotDecode:
        left_out.append(LeftOut(item.name, "its description is nested too deeply"))
        return ""
    if safe and len(safe) > _LONGEST_DESCRIPTION:
        left_out.append(
            LeftOut(item.name, f"its description has more than {_LONGEST_DESCRIPTION} characters")
        )
        return ""
    return safe


async def _folder(platform: Platform, caller: Caller, parent_id: UUID) -> Access:
    access = await authorize(platform.reads, caller.id, parent_id, Permission.WRITE)
    if access.item["type"] != "folder":
        raise ItemNotFolder(str(parent_id))
    return access


def _places(items: Sequence[PlannedItem]) -> list[Place]:
    return [Place(item.id, item.parent_id) for item in items]


def _limits(settings: Settings) -> ArchiveLimits:
    return ArchiveLimits(settings.max_archive_entries, settings.max_unpacked_archive_bytes)


def _foremost(failures: ExceptionGroup[Exception]) -> Exception:
    """What the sender can do something about, before what is only ours."""
    known, _ = failures.split((DomainError, FormattedError, UnsafeArchive))
    return (known or failures).exceptions[0]


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    await asyncio.to_thread(file.seek, 0)
    while piece := await asyncio.to_thread(file.read, _PIECE):
        yield piece
