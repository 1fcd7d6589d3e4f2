"""What an archive is to become, before anything of it is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from graasp.archives.reading import ArchiveEntry


class PlannedSetting(NamedTuple):
    """A setting of an app."""

    name: str
    data: Mapping[str, Any]
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True)
class PlannedItem:
    """An item to be made, below another one of the plan or as a topmost one.

    `content` is where the bytes of a file or package are, or the text of a document; `content_type` what a file is
    said to be, `text` what can be searched in it, when that is known. `extra` lacks what comes from `content`.
    """

    type: str
    name: str
    parent_id: UUID | None
    description: str | ArchiveEntry | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    content: ArchiveEntry | None = None
    content_type: str = ""
    text: str | None = None
    thumbnail: ArchiveEntry | None = None
    app_settings: Sequence[PlannedSetting] = ()
    id: UUID = field(default_factory=uuid4)

    @property
    def is_stored(self) -> bool:
        """Whether it has bytes in storage of its own."""
        return self.content is not None and self.type in ("file", "h5p")


class LeftOut(NamedTuple):
    """Something of the archive that becomes no item, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The items in their order, parents before children."""

    items: Sequence[PlannedItem]
    left_out: Sequence[LeftOut]

    @property
    def text_bytes(self) -> int:
        return sum(item.content.size for item in self.items if item.content and not item.is_stored)

    @property
    def file_bytes(self) -> int:
        """What counts as used storage: packages do not, however they come."""
        return sum(item.content.size for item in self.items if item.type == "file" and item.content)
