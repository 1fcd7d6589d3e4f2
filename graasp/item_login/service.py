"""The rules of login schemas: they let guests in, and members enrol themselves.

A schema covers its item and everything below; the closest one counts. It never gives access by itself: a guest gets
an ordinary membership on the schema's item when it comes for the first time.
"""

from typing import Any, Literal
from uuid import UUID

from graasp import audit
from graasp.accounts import guests
from graasp.auth import passwords
from graasp.auth.errors import InvalidPassword
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.db.ltree import item_id_of
from graasp.item_login import queries
from graasp.item_login.errors import (
    AlreadySignedIn,
    CannotEnrollFrozenLoginSchema,
    CannotEnrollWithoutLoginSchema,
    CannotRegisterOnFrozenLoginSchema,
    LoginSchemaInAncestor,
    LoginSchemaNotFound,
    MissingCredentials,
)
from graasp.items.packing import generic_item
from graasp.memberships.authorization import Permission, authorize, has_membership_access, is_out_of_sight
from graasp.memberships.errors import ItemNotFound
from graasp.memberships.moving import lock_memberships
from graasp.memberships.requests.errors import MembershipAlreadyExists
from graasp.memberships.service import add_all, give_own_membership
from graasp.platform import UnitOfWork

SchemaType = Literal["username", "username+password", "anonymous", "anonymous+password"]
SchemaStatus = Literal["active", "disabled", "freeze"]


async def schema_type(reader: Reader, caller: Caller | None, item_id: UUID) -> SchemaType | None:
    """How guests log in to an item; nothing when they can't. Raises ItemNotFound, for hidden items too."""
    item = await _covered(reader, caller.id if caller else None, item_id)
    if is_out_of_sight(item):
        raise ItemNotFound(item_id)
    kind: SchemaType = item["schema_type"]
    return None if item["schema_status"] == "disabled" else kind


async def find_schema(reader: Reader, caller: Caller, item_id: UUID) -> dict[str, Any] | None:
    """The schema that covers an item, for its admins. Raises ItemNotFound and the permission errors."""
    access = await authorize(reader, caller.id, item_id, Permission.ADMIN)
    row = await reader.first(queries.CLOSEST, path=access.item["path"])
    if row is None:
        return None
    return {
        "id": row["schema_id"],
        "type": row["schema_type"],
        "status": row["schema_status"],
        "item": generic_item(row),
        "createdAt": row["schema_created_at"],
        "updatedAt": row["schema_updated_at"],
    }


async def set_schema(
    uow: UnitOfWork, caller: Caller, item_id: UUID, *, kind: SchemaType | None, status: SchemaStatus | None
) -> None:
    """Change the schema of an item, or give it one; what is none stays as it is.

    Raises ItemNotFound, the permission errors, LoginSchemaInAncestor.
    """
    access = await authorize(uow, caller.id, item_id, Permission.ADMIN)
    path = access.item["path"]
    existing = await uow.first(queries.CLOSEST, path=path)
    if existing is not None and existing["path"] != path:
        raise LoginSchemaInAncestor(existing["path"])
    await uow.execute(queries.SET, path=path, type=kind, status=status)
    audit.happened(uow, "login schema changed", caller.id, item_id=item_id, type=kind, status=status)


async def delete_schema(uow: UnitOfWork, caller: Caller, item_id: UUID) -> None:
    """Delete the schema that covers an item, with its guests.

    Raises ItemNotFound, LoginSchemaNotFound, and the permission errors: of the item that holds it as well.
    """
    access = await authorize(uow, caller.id, item_id, Permission.ADMIN)
    schema = await uow.first(queries.CLOSEST, path=access.item["path"])
    if schema is None:
        raise LoginSchemaNotFound({"itemId": str(item_id)})
    if schema["id"] != access.item["id"]:
        await authorize(uow, caller.id, schema["id"], Permission.ADMIN)
    await uow.execute(queries.DELETE, schema_id=schema["schema_id"])
    audit.happened(uow, "login schema deleted", caller.id, item_id=schema["id"])


async def open_schema(reader: Reader, caller: Caller | None, item_id: UUID) -> Row:
    """The schema by which somebody without a session may log in to an item: `schema_id, schema_type, …`.

    Raises AlreadySignedIn, ItemNotFound (for hidden items too), LoginSchemaNotFound.
    """
    if caller is not None:
        raise AlreadySignedIn(caller.identity)
    item = await _covered(reader, None, item_id)
    if is_out_of_sight(item):
        raise ItemNotFound(item_id)
    if item["schema_id"] is None or item["schema_status"] == "disabled":
        raise LoginSchemaNotFound(item["path"])
    return item


def asks_for_password(schema: Row) -> bool:
    return str(schema["schema_type"]).endswith("+password")


async def log_in(uow: UnitOfWork, schema: Row, *, name: str, password: str | None) -> UUID:
    """Let a guest in by an open schema, the first time too; its id.

    Raises MissingCredentials, InvalidPassword, CannotRegisterOnFrozenLoginSchema, LoginSchemaNotFound.
    """
    guest = await guests.find(uow.platform.reads, schema["schema_id"], name)
    if guest is None:
        new_id = await _register(uow, schema, name, password)
        if new_id is not None:
            return new_id
        # Somebody of that name came in this very moment.
        guest = await guests.find(uow, schema["schema_id"], name)
    if guest is None:
        raise LoginSchemaNotFound(schema["path"])
    if asks_for_password(schema):
        await _check_password(uow, schema, guest, password)
    await guests.signed_in(uow, guest["id"])
    audit.happened(uow, "signed in", guest["id"], by="item login")
    return UUID(str(guest["id"]))


async def _register(uow: UnitOfWork, schema: Row, name: str, password: str | None) -> UUID | None:
    if schema["schema_status"] == "freeze":
        raise CannotRegisterOnFrozenLoginSchema
    hashed = None
    if asks_for_password(schema):
        if password is None:
            raise MissingCredentials
        hashed = await passwords.hash_password(password)
    # Hashing takes a while: the item may have been moved, or the schema deleted. From here on they stay.
    await lock_memberships(uow, [schema["schema_path"]])
    path = await uow.scalar(queries.HOLD, schema_id=schema["schema_id"])
    if path is None:
        raise LoginSchemaNotFound(schema["path"])
    guest_id = await guests.create(uow, schema["schema_id"], name, hashed)
    if guest_id is not None:
        await give_own_membership(uow, path, guest_id, Permission.READ)
        audit.happened(uow, "registered", guest_id, item_id=item_id_of(path))
    return guest_id


async def _check_password(uow: UnitOfWork, schema: Row, guest: Row, password: str | None) -> None:
    """A guest from before the schema asked for passwords chooses its own now."""
    if password is None:
        raise MissingCredentials
    stored = guest["password"]
    if stored is None:
        if await guests.claim_password(uow, guest["id"], await passwords.hash_password(password)):
            return
        guest = await guests.find(uow, schema["schema_id"], guest["name"]) or guest
        stored = guest["password"] or ""
    if not await passwords.matches(password, stored):
        audit.refused("wrong password", guest["id"])
        raise InvalidPassword


async def enroll(uow: UnitOfWork, caller: Caller, item_id: UUID) -> None:
    """Give the caller `read` on an item that an active schema covers.

    Raises ItemNotFound, CannotEnrollWithoutLoginSchema (for a disabled one too), CannotEnrollFrozenLoginSchema,
    MembershipAlreadyExists; for a reader of a hidden item, what `add_all` raises.
    """
    item = await _covered(uow, caller.id, item_id)
    if item["schema_id"] is None or item["schema_status"] == "disabled":
        raise CannotEnrollWithoutLoginSchema
    if item["schema_status"] == "freeze":
        raise CannotEnrollFrozenLoginSchema
    if has_membership_access(item):
        raise MembershipAlreadyExists
    await add_all(uow, item, {caller.id: Permission.READ}, creator_id=caller.id)
    audit.happened(uow, "membership created", caller.id, item_id=item_id, for_account=caller.id)


async def _covered(reader: Reader, account_id: UUID | None, item_id: UUID) -> Row:
    item = await reader.first(queries.COVERED, account_id=account_id, item_id=item_id)
    if item is None:
        raise ItemNotFound(item_id)
    return item
