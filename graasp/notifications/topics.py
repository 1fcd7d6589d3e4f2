"""The topics and who may subscribe to their channels."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Reader
from graasp.memberships.authorization import Permission, authorize


class AccessDenied(Exception):
    """The topic refuses this account on this channel."""


Authorize = Callable[[Reader, Caller, UUID], Awaitable[None]]


async def _own_account(_: Reader, caller: Caller, channel: UUID) -> None:
    if channel != caller.id:
        raise AccessDenied


async def _readable_item(reader: Reader, caller: Caller, channel: UUID) -> None:
    await authorize(reader, caller.id, channel)


def _app(needed: Permission) -> Authorize:
    async def allowed(reader: Reader, caller: Caller, channel: UUID) -> None:
        access = await authorize(reader, caller.id, channel, needed)
        if access.item["type"] != "app":
            raise AccessDenied

    return allowed


TOPICS: dict[str, Authorize] = {
    "item/member": _own_account,
    "memberships/item": _readable_item,
    "app-data": _app(Permission.READ),
    "app-actions": _app(Permission.ADMIN),
    "app-settings": _app(Permission.READ),
}
