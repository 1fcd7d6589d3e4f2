"""Guests: accounts that live and die with one login schema, known by their name within it."""

from uuid import UUID

from graasp.accounts import guest_queries as queries
from graasp.db.database import Reader, Row
from graasp.platform import UnitOfWork


async def find(reader: Reader, schema_id: UUID, name: str) -> Row | None:
    """`id, name, password` (a hash, or nothing) of the guest of that exact name."""
    return await reader.first(queries.FIND, schema_id=schema_id, name=name)


async def create(uow: UnitOfWork, schema_id: UUID, name: str, hashed_password: str | None) -> UUID | None:
    """A new guest's id; nothing when the name has just been taken."""
    found: UUID | None = await uow.scalar(
        queries.INSERT, schema_id=schema_id, name=name, password=hashed_password
    )
    return found


async def claim_password(uow: UnitOfWork, guest_id: UUID, hashed_password: str) -> bool:
    """Give a guest its first password; whether it still had none."""
    return await uow.scalar(queries.CLAIM_PASSWORD, guest_id=guest_id, password=hashed_password) is not None


async def signed_in(uow: UnitOfWork, guest_id: UUID) -> None:
    await uow.execute(queries.SIGNED_IN, guest_id=guest_id)
