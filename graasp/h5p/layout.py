"""Where packages are kept: below `<prefix>/<content id>`, the package itself and its unpacked `content` folder."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from graasp.db.database import Row
from graasp.items.packing import own_content
from graasp.settings import Settings

EXTENSION = ".h5p"
_UNSAFE = re.compile("[^a-z0-9_-]+")
_LONGEST_FILE_NAME = 20
# For names of which no character may be in a key.
_NAMELESS = "package"
_CONTENT = "content"


class PackagePlace(NamedTuple):
    """The parts of a package's keys."""

    content_id: UUID
    file_name: str

    @classmethod
    def new(cls, name: str) -> "PackagePlace":
        """A place of its own for the package of an item with this name."""
        safe = _UNSAFE.sub("_", name.lower()).strip("_")[:_LONGEST_FILE_NAME]
        return cls(uuid4(), f"{safe or _NAMELESS}{EXTENSION}")

    @classmethod
    def of(cls, item: Row) -> "PackagePlace | None":
        """Where the package of an item is; nothing for other items, and for those that lost their way."""
        content = own_content(item) if item["type"] == "h5p" else {}
        content_id, _, file_name = str(content.get("h5pFilePath") or "").rpartition("/")
        if content_id != content.get("contentId") or not file_name:
            return None
        known = content_id_of(content_id)
        return cls(known, file_name) if known else None

    @property
    def extra(self) -> dict[str, Any]:
        """The `extra` of the item."""
        return {
            "h5p": {
                "contentId": str(self.content_id),
                "h5pFilePath": f"{self.content_id}/{self.file_name}",
                "contentFilePath": f"{self.content_id}/{_CONTENT}",
            }
        }

    def package_key(self, settings: Settings) -> str:
        return f"{package_folder(settings, self.content_id)}/{self.file_name}"

    def content_key(self, settings: Settings) -> str:
        return content_folder(settings, self.content_id)


def copied_keys(
    settings: Settings, source: PackagePlace, target: PackagePlace, content: Iterable[str]
) -> dict[str, str]:
    """The keys of a package and of its unpacked content, each with the key of its copy."""
    above, copied = source.content_key(settings), target.content_key(settings)
    unpacked = {key: f"{copied}{key.removeprefix(above)}" for key in content}
    return {source.package_key(settings): target.package_key(settings), **unpacked}


def package_folder(settings: Settings, content_id: UUID) -> str:
    """The folder of everything of a package."""
    return f"{settings.h5p_path_prefix.strip('/')}/{content_id}"


def content_folder(settings: Settings, content_id: UUID) -> str:
    """The folder with what is in a package."""
    return f"{package_folder(settings, content_id)}/{_CONTENT}"


def content_id_of(text: object) -> UUID | None:
    """A content id as it is written in keys; nothing for anything else."""
    try:
        found = UUID(str(text))
    except ValueError:
        return None
    return found if str(found) == text else None


def item_name(file_name: str) -> str:
    """The name of the item of a package."""
    return file_name.removesuffix(EXTENSION) or file_name


def copy_name(name: str, *, longest: int) -> str:
    """The name of a copy of the item of a package."""
    return f"{item_name(name)[: longest - 2]}-1"
