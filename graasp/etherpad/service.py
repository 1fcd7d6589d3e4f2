"""Pads: collaborative texts on an Etherpad server, each the content of one item."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4

from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.etherpad.client import EtherpadClient
from graasp.etherpad.errors import EtherpadServerError, ItemMissingExtra, PadIsGone
from graasp.items.packing import own_content
from graasp.items.service import NewItem, create_item
from graasp.memberships.authorization import Permission, authorize
from graasp.platform import Platform, UnitOfWork

Mode = Literal["read", "write"]

SESSION_S = 24 * 3600
# A cookie of 1024 bytes, at 19 bytes a session.
_MOST_SESSIONS = 53


async def create_etherpad(
    uow: UnitOfWork, caller: Caller, name: str, reader_permission: Mode, *, parent_id: UUID | None
) -> Row:
    """Make a pad and its item, or neither.

    Raises EtherpadServerError, and what `create_item` raises.
    """
    if parent_id is not None:
        # Who is refused leaves no pad behind.
        await authorize(uow.platform.reads, caller.id, parent_id, Permission.WRITE)
    extra = await new_pad(uow) | {"readerPermission": reader_permission}
    new = NewItem(type="etherpad", name=name, extra={"etherpad": extra})
    return await create_item(uow, caller, new, parent_id=parent_id)


async def new_pad(uow: UnitOfWork, *, copy_of: str | None = None) -> dict[str, str]:
    """A pad in a group of its own, empty or with the text of another; it goes if this unit of work fails.

    The answer is its part of an item's extra: `{padID, groupID}`. Raises EtherpadServerError.
    """
    client = EtherpadClient(uow.platform.settings)
    name = str(uuid4())
    group_id = await client.create_group(name)
    pad_id = f"{group_id}${name}"
    try:
        if copy_of is not None:
            await client.copy_pad(copy_of, pad_id)
    except PadIsGone:
        # Items used to share pads, and one that was deleted took the text of the others along: an empty one stands in.
        copy_of = None
    if copy_of is None:
        pad_id = await client.create_group_pad(group_id, name)
    uow.after_rollback(lambda: client.delete_pad(pad_id))
    return {"padID": pad_id, "groupID": group_id}


async def delete_pad(platform: Platform, pad_id: str) -> None:
    """Delete a pad; one that is gone is no error, and without a server there is none. Raises EtherpadServerError."""
    if platform.settings.etherpad_url is None:
        return
    with suppress(PadIsGone):
        await EtherpadClient(platform.settings).delete_pad(pad_id)


async def pad_html(platform: Platform, item: Row) -> str:
    """The text of an item's pad as a page. Raises EtherpadServerError, ItemMissingExtra."""
    return await EtherpadClient(platform.settings).html(pad_of(item)["padID"])


def pad_of(item: Row) -> Mapping[str, Any]:
    """The item's `{padID, groupID, readerPermission?}`. Raises ItemMissingExtra."""
    pad = own_content(item) if item["type"] == "etherpad" else {}
    if not pad.get("padID") or not pad.get("groupID"):
        raise ItemMissingExtra
    return pad


@dataclass(frozen=True)
class OpenedPad:
    """Where a pad is shown, and the sessions with which the Etherpad server lets the account in.

    `stale` sessions are of no use any more.
    """

    url: str
    sessions: Sequence[str]
    stale: Sequence[str]


async def open_pad(
    platform: Platform, reader: Reader, caller: Caller, item_id: UUID, wanted: Mode
) -> OpenedPad:
    """Open a pad for an account that can read its item; writing needs `write`, or a pad that readers may change.

    Raises ItemNotFound, MemberCannotAccess, ItemMissingExtra, EtherpadServerError.
    """
    access = await authorize(reader, caller.id, item_id)
    pad = pad_of(access.item)
    client = EtherpadClient(platform.settings)
    if wanted == "write" and may_write(access.permission, pad):
        shown = pad["padID"]
    else:
        shown = await client.read_only_id(pad["padID"])
    author_id = await client.create_author(str(caller.id), caller.name)
    now = int(time.time())
    session_id = await client.create_session(pad["groupID"], author_id, now + SESSION_S)
    kept, stale = sort_sessions(await client.sessions(author_id), now)
    if session_id not in kept:
        kept = [session_id, *kept][:_MOST_SESSIONS]
    public = platform.settings.etherpad_public_url or platform.settings.etherpad_url
    return OpenedPad(f"{public}/p/{shown}", kept, stale)


def may_write(permission: Permission | None, pad: Mapping[str, Any]) -> bool:
    """Whether somebody with this permission (none: the item is only public) may change the pad's text."""
    if permission is None:
        return False
    return permission >= Permission.WRITE or pad.get("readerPermission") == "write"


def sort_sessions(sessions: Mapping[str, Any], now: int) -> tuple[list[str], list[str]]:
    """The sessions that fit into a cookie, those that live longest first; and those to delete."""
    lives = {
        session_id: session["validUntil"]
        for session_id, session in sessions.items()
        if isinstance(session, dict) and isinstance(session.get("validUntil"), int | float)
    }
    alive = sorted((s for s, until in lives.items() if until > now), key=lambda s: -lives[s])
    return alive[:_MOST_SESSIONS], [session_id for session_id in sessions if lives.get(session_id, 0) <= now]


async def forget_sessions(platform: Platform, stale: Sequence[str]) -> None:
    """Delete sessions; one that can't be deleted is left for the next time."""
    client = EtherpadClient(platform.settings)

    async def forget(session_id: str) -> None:
        with suppress(EtherpadServerError):
            await client.delete_session(session_id)

    await asyncio.gather(*map(forget, stale))
