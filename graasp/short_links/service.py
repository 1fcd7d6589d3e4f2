"""The rules of short links: one alias per item and platform, each alias once."""

from typing import Literal
from uuid import UUID

import asyncpg

from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.http.errors import DomainError
from graasp.memberships.authorization import Permission, authorize
from graasp.memberships.errors import ItemNotFound
from graasp.platform import UnitOfWork
from graasp.settings import Settings
from graasp.short_links import queries
from graasp.short_links.errors import (
    PublishedItemNotFound,
    ShortLinkAlreadyExists,
    ShortLinkLimitExceed,
    ShortLinkNotFound,
)

Platform = Literal["builder", "player", "library"]


async def location(settings: Settings, reader: Reader, alias: str) -> str:
    """Where an alias leads: to a page of the clients, never elsewhere. Raises ShortLinkNotFound."""
    link = await find(reader, alias)
    item_id = link["item_id"]
    match link["platform"]:
        case "builder":
            return f"{settings.client_host}/builder/items/{item_id}"
        case "player":
            return f"{settings.client_host}/player/{item_id}/{item_id}"
        case _:
            return f"{settings.library_host}/collections/{item_id}"


async def find(reader: Reader, alias: str) -> Row:
    """Raises ShortLinkNotFound."""
    link = await reader.first(queries.FIND, alias=alias)
    if link is None:
        raise ShortLinkNotFound(alias)
    return link


async def is_available(reader: Reader, alias: str) -> bool:
    return await reader.first(queries.FIND, alias=alias) is None


async def list_for_item(
    settings: Settings, reader: Reader, caller: Caller, item_id: UUID
) -> dict[str, dict[str, str]]:
    """`{platform: {alias, url}}`. Raises ItemNotFound and the permission errors."""
    await authorize(reader, caller.id, item_id)
    return {
        link["platform"]: {
            "alias": link["alias"],
            "url": f"{settings.short_link_base_url}/{link['alias']}",
        }
        for link in await reader.all(queries.OF_ITEM, item_id=item_id)
    }


async def create(uow: UnitOfWork, caller: Caller, item_id: UUID, platform: Platform, alias: str) -> Row:
    """Raises PublishedItemNotFound for a library link to what is not public, ItemNotFound, the permission errors,
    ShortLinkLimitExceed, ShortLinkAlreadyExists.
    """
    if platform == "library":
        await _require_public(uow, caller, item_id)
    await authorize(uow, caller.id, item_id, Permission.ADMIN)
    link = await uow.first(queries.INSERT, alias=alias, platform=platform, item_id=item_id)
    if link is not None:
        return link
    others = await uow.all(queries.OF_ITEM, item_id=item_id)
    if any(other["platform"] == platform for other in others):
        raise ShortLinkLimitExceed({"itemId": str(item_id), "platform": platform})
    raise ShortLinkAlreadyExists(alias)


async def _require_public(uow: UnitOfWork, caller: Caller, item_id: UUID) -> None:
    try:
        access = await authorize(uow, caller.id, item_id)
    except (ItemNotFound, DomainError):
        raise PublishedItemNotFound(item_id) from None
    if not access.public:
        raise PublishedItemNotFound(item_id)


async def rename(uow: UnitOfWork, caller: Caller, alias: str, new_alias: str) -> Row:
    """Raises ShortLinkNotFound, ItemNotFound, the permission errors, ShortLinkAlreadyExists."""
    await _administer(uow, caller, alias)
    try:
        renamed = await uow.first(queries.RENAME, alias=alias, new_alias=new_alias)
    except asyncpg.UniqueViolationError:
        raise ShortLinkAlreadyExists(new_alias) from None
    if renamed is None:
        raise ShortLinkNotFound(alias)
    return renamed


async def delete(uow: UnitOfWork, caller: Caller, alias: str) -> Row:
    """The link that was. Raises ShortLinkNotFound, ItemNotFound, the permission errors."""
    await _administer(uow, caller, alias)
    deleted = await uow.first(queries.DELETE, alias=alias)
    if deleted is None:
        raise ShortLinkNotFound(alias)
    return deleted


async def _administer(uow: UnitOfWork, caller: Caller, alias: str) -> None:
    link = await find(uow, alias)
    await authorize(uow, caller.id, link["item_id"], Permission.ADMIN)
