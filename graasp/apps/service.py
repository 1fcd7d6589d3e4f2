"""Rules of apps: which may run in an item, and what they are told of it."""

from collections.abc import Sequence
from uuid import UUID

from graasp.apps import queries
from graasp.apps.errors import InvalidAppOrigin, TokenItemIdMismatch
from graasp.apps.gates import AppVisitor
from graasp.apps.tokens import AppToken, app_token
from graasp.db.database import Reader, Row
from graasp.items.errors import WrongItemType
from graasp.items.packing import Wire, generic_item
from graasp.memberships.authorization import authorize, authorize_many
from graasp.memberships.errors import ItemNotFound
from graasp.settings import Settings


async def token_for_app(
    reader: Reader, settings: Settings, account_id: UUID | None, item_id: UUID, *, key: UUID, origin: str
) -> str:
    """A token for the app in an item that the account, or everybody, may read.

    Raises WrongItemType, InvalidAppOrigin when only registered apps run here, and what `authorize` raises.
    """
    access = await authorize(reader, account_id, item_id)
    if access.item["type"] != "app":
        raise WrongItemType("app")
    if settings.apps_check_origin and not await reader.scalar(queries.IS_REGISTERED, key=key, origin=origin):
        raise InvalidAppOrigin
    return app_token(settings, AppToken(account_id, item_id, str(key), origin))


async def listed_apps(reader: Reader, settings: Settings) -> Sequence[Row]:
    """The apps that authors choose from, by name: those of one publisher, none when it is not named."""
    if settings.apps_publisher_id is None:
        return []
    return await reader.all(queries.LISTED, publisher_id=settings.apps_publisher_id)


async def most_used_apps(reader: Reader, account_id: UUID) -> Sequence[Row]:
    """The registered apps of the items that the account has made, the commonest first."""
    return await reader.all(queries.MOST_USED, account_id=account_id)


async def context(reader: Reader, visitor: AppVisitor, item_id: UUID) -> Wire:
    """The item that an app runs in, and to whom it is shared; visitors without account are not told of others.

    Raises ItemNotFound, TokenItemIdMismatch for an item that is not the token's, and what `authorize` raises.
    """
    if item_id != visitor.item_id:
        verdicts = await authorize_many(reader, visitor.account_id, [item_id])
        found = verdicts[item_id]
        raise found if isinstance(found, ItemNotFound) else TokenItemIdMismatch
    access = await authorize(reader, visitor.account_id, item_id)
    members = await reader.all(queries.MEMBERS, path=access.item["path"]) if visitor.account else []
    return {"item": generic_item(access.item), "members": [dict(member) for member in members]}
