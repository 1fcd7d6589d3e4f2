"""The rules of profiles: what members tell of themselves, to everybody if they want to."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.platform import UnitOfWork
from graasp.profiles import queries
from graasp.profiles.errors import MemberProfileAlreadyExists, MemberProfileIsEmpty

_FIELDS = ("bio", "visibility", "facebook_id", "linkedin_id", "twitter_id")


async def own(reader: Reader, caller: Caller) -> dict[str, Any] | None:
    """The caller's profile, visible or not."""
    return _shown(await reader.first(queries.OWN, account_id=caller.id))


async def visible(reader: Reader, member_id: UUID) -> dict[str, Any] | None:
    """A member's profile if it is for everybody; else nothing, not even for the member."""
    return _shown(await reader.first(queries.VISIBLE, account_id=member_id))


async def create(uow: UnitOfWork, caller: Caller, given: Mapping[str, Any]) -> dict[str, Any]:
    """Raises MemberProfileIsEmpty, MemberProfileAlreadyExists."""
    row = await uow.first(queries.INSERT, account_id=caller.id, **_all_fields(given))
    if row is None:
        raise MemberProfileAlreadyExists
    return _described(row)


async def update(uow: UnitOfWork, caller: Caller, given: Mapping[str, Any]) -> None:
    """Change what is given; without a profile nothing happens. Raises MemberProfileIsEmpty."""
    await uow.execute(queries.UPDATE, account_id=caller.id, **_all_fields(given))


def _all_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    if not given:
        raise MemberProfileIsEmpty
    return {field: given.get(field) for field in _FIELDS}


def _shown(row: Row | None) -> dict[str, Any] | None:
    return None if row is None else _described(row)


def _described(row: Row) -> dict[str, Any]:
    kept = ("id", "bio", "visibility", "facebookId", "linkedinId", "twitterId")
    return {name: row[name] for name in kept} | {
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }
