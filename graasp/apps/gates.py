"""Who calls from within an app: the dependencies that turn an app's token into a caller, or into a refusal.

As those of sessions, a gate never raises by itself; see `graasp.auth.gates`. A session cookie is not looked at.
"""

from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from graasp.apps import queries
from graasp.apps.errors import TokenItemIdMismatch
from graasp.apps.tokens import read_app_token
from graasp.auth.errors import NotValidatedMember, UnauthorizedMember
from graasp.auth.gates import Caller
from graasp.auth.tokens import bearer
from graasp.http.errors import Unauthorized
from graasp.http.fields import Uuid
from graasp.http.routing import Refusal


@dataclass(frozen=True)
class AppVisitor:
    """Whoever uses an app in an item that is there: the account, or nobody known.

    `key` and `origin` are what the app said of itself when it asked for its token. What the account may do on the item
    is for `authorize` to say.
    """

    item_id: UUID
    key: str
    origin: str
    account: Caller | None

    @property
    def account_id(self) -> UUID | None:
        return None if self.account is None else self.account.id


@dataclass(frozen=True)
class AppUser(AppVisitor):
    """A visitor with an account: a member, validated or not, or a guest."""

    account: Caller


V = TypeVar("V", bound=AppVisitor)


async def by_token(connection: HTTPConnection) -> AppVisitor | Refusal:
    """The token's item and account, read anew each time."""
    token = read_app_token(connection.app.state.settings, bearer(connection))
    if token is None:
        return Refusal(Unauthorized())
    row = await connection.app.state.platform.reads.first(
        queries.CALLER, item_id=token.item_id, account_id=token.account_id
    )
    if row is None:
        return Refusal(UnauthorizedMember())
    found = dict(row)
    item_id = found.pop("item_id")
    account = Caller(**found) if found["id"] is not None else None
    return AppVisitor(item_id, token.key, token.origin, account)


async def signed_in_by_token(
    visitor: Annotated[AppVisitor | Refusal, Depends(by_token)],
) -> AppUser | Refusal:
    if isinstance(visitor, Refusal):
        return visitor
    if visitor.account is None:
        return Refusal(UnauthorizedMember())
    return AppUser(visitor.item_id, visitor.key, visitor.origin, visitor.account)


async def in_app(
    connection: HTTPConnection, visitor: Annotated[AppVisitor | Refusal, Depends(by_token)]
) -> AppVisitor | Refusal:
    return _at_home(connection, visitor)


async def signed_in_in_app(
    connection: HTTPConnection, user: Annotated[AppUser | Refusal, Depends(signed_in_by_token)]
) -> AppUser | Refusal:
    return _at_home(connection, user)


async def validated_in_app(
    user: Annotated[AppUser | Refusal, Depends(signed_in_in_app)],
) -> AppUser | Refusal:
    allowed = isinstance(user, Refusal) or user.account.is_validated_member
    return user if allowed else Refusal(NotValidatedMember())


def _at_home(connection: HTTPConnection, visitor: V | Refusal) -> V | Refusal:
    """The visitor, if the path names its item or none."""
    if isinstance(visitor, Refusal):
        return visitor
    asked = connection.path_params.get("itemId")
    try:
        is_at_home = asked is None or UUID(asked) == visitor.item_id
    except ValueError:
        is_at_home = False
    return visitor if is_at_home else Refusal(TokenItemIdMismatch())


ItemId = Annotated[Uuid, Path(alias="itemId")]
# The path's `itemId`, where there is one, is the token's.
InApp = Annotated[AppVisitor, Depends(in_app)]
SignedInInApp = Annotated[AppUser, Depends(signed_in_in_app)]
ValidatedInApp = Annotated[AppUser, Depends(validated_in_app)]
# The same for routes that compare the two themselves.
ByToken = Annotated[AppVisitor, Depends(by_token)]
SignedInByToken = Annotated[AppUser, Depends(signed_in_by_token)]
