"""Shortcuts: items that stand for another one elsewhere."""

from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Reader
from graasp.items.service import NewItem
from graasp.memberships.authorization import authorize

_LONGEST_NAME = 500
_NAMES = {"en": "Shortcut to {}", "fr": "Raccourci vers {}"}


async def shortcut_to(
    reader: Reader, caller: Caller, target: UUID, *, name: str | None, description: str | None
) -> NewItem:
    """A shortcut to an item of any type that the caller can read, named after it unless it has a name.

    Raises ItemNotFound, MemberCannotAccess.
    """
    access = await authorize(reader, caller.id, target)
    if not name:
        name = _NAMES.get(caller.lang, _NAMES["en"]).format(access.item["name"])[:_LONGEST_NAME]
    extra = {"shortcut": {"target": str(target)}}
    return NewItem(type="shortcut", name=name, description=description, extra=extra)
