"""What becomes of an archive of plain files and folders."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from graasp.archives.layout import NOTE
from graasp.archives.reading import Archive, ArchiveEntry
from graasp.imports.plans import LeftOut, Plan, PlannedItem
from graasp.imports.texts import decoded
from graasp.links.errors import InvalidUrl
from graasp.links.service import require_linkable

_DESCRIPTION = ".description.html"
_DOCUMENTS = (".html", ".txt", ".graasp")
_LINKS = (".url", ".app")
_PACKAGE = ".h5p"
_LARGEST_LINK_FILE = 64 * 1024
# Larger texts stay files.
LARGEST_DOCUMENT = 2 * 1024 * 1024


@dataclass
class _Folder:
    files: dict[str, ArchiveEntry] = field(default_factory=dict)
    folders: dict[str, "_Folder"] = field(default_factory=dict)
    # By what they describe.
    descriptions: dict[str, ArchiveEntry] = field(default_factory=dict)

    def description_of(self, *names: str) -> ArchiveEntry | str:
        return next((self.descriptions[name] for name in names if name in self.descriptions), "")


async def plan_files(archive: Archive) -> Plan:
    """One item per file and folder. Siblings are in the reverse order of their names' bytes."""
    items: list[PlannedItem] = []
    left_out: list[LeftOut] = []
    pending: list[tuple[_Folder, UUID | None]] = [(_tree(archive.entries), None)]
    while pending:
        folder, parent_id = pending.pop()
        for name in sorted({*folder.files, *folder.folders}, key=str.encode, reverse=True):
            if (below := folder.folders.get(name)) is not None:
                # Beside the folder or in it.
                description = folder.description_of(name) or below.description_of(name)
                made = PlannedItem("folder", name, parent_id, description, {"folder": {}})
                pending.append((below, made.id))
                items.append(made)
                continue
            planned = await _planned(archive, folder, folder.files[name], parent_id)
            if isinstance(planned, LeftOut):
                left_out.append(planned)
            else:
                items.append(planned)
    return Plan(items, left_out)


def _tree(entries: Iterable[ArchiveEntry]) -> _Folder:
    """Without what is hidden, without files that are empty, and without the note of an export."""
    top = _Folder()
    for entry in entries:
        if any(part.startswith(".") for part in entry.parts) or not (entry.is_folder or entry.size):
            continue
        if entry.parts == (NOTE,):
            continue
        folder = top
        for name in entry.parts if entry.is_folder else entry.parts[:-1]:
            folder = folder.folders.setdefault(name, _Folder())
        if entry.is_folder:
            continue
        if entry.name.endswith(_DESCRIPTION):
            folder.descriptions[entry.name.removesuffix(_DESCRIPTION)] = entry
        else:
            folder.files[entry.name] = entry
    return top


async def _planned(
    archive: Archive, folder: _Folder, entry: ArchiveEntry, parent_id: UUID | None
) -> PlannedItem | LeftOut:
    stem, dot, ending = entry.name.rpartition(".")
    extension = dot + ending
    # An export adds an extension to an item's name, and none to its description's; a folder of that name comes first.
    stems = (stem,) if stem and stem not in folder.folders else ()
    if extension in _LINKS:
        description = folder.description_of(entry.name, *stems)
        return await _link(archive, entry, stem, parent_id, description)
    if extension in _DOCUMENTS and entry.size <= LARGEST_DOCUMENT:
        description = folder.description_of(entry.name, *stems)
        return PlannedItem("document", stem, parent_id, description, content=entry)
    if extension == _PACKAGE:
        description = folder.description_of(entry.name, *stems)
        return PlannedItem("h5p", stem, parent_id, description, content=entry)
    return PlannedItem("file", entry.name, parent_id, folder.description_of(entry.name), content=entry)


async def _link(
    archive: Archive, entry: ArchiveEntry, name: str, parent_id: UUID | None, description: str | ArchiveEntry
) -> PlannedItem | LeftOut:
    if entry.size > _LARGEST_LINK_FILE:
        return LeftOut(entry.name, "it is no link")
    lines = decoded(await archive.read(entry, at_most=_LARGEST_LINK_FILE)).splitlines()
    url = next((line.strip()[4:] for line in lines if line.strip().upper().startswith("URL=")), "")
    try:
        require_linkable(url)
    except InvalidUrl:
        return LeftOut(entry.name, "its URL is not valid")
    is_app = entry.name.endswith(".app") or any(line.startswith("AppURL=") and "1" in line for line in lines)
    kind = "app" if is_app else "embeddedLink"
    return PlannedItem(kind, name, parent_id, description, {kind: {"url": url}})
