"""Rows that tests start from, written straight into the database."""

from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, update

from graasp.accounts.tables import account
from graasp.db.database import Database
from graasp.item_login.tables import item_login_schema
from graasp.items.tables import item
from graasp.memberships.tables import item_membership
from graasp.visibility.tables import item_visibility

Row = Mapping[str, Any]


class Factory:
    """Makes believable rows; every column can be overridden."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers = count(1)

    async def member(self, **columns: Any) -> Row:
        """A validated member."""
        number = next(self._numbers)
        values = {
            "id": uuid4(),
            "name": f"Member {number}",
            "email": f"member{number}@example.org",
            "type": "individual",
            "is_validated": True,
            "enable_save_actions": True,
            "extra": {"lang": "en"},
        }
        return await self._insert(account, values | columns)

    async def guest(self, item_path: str, *, schema_status: str = "active", **columns: Any) -> Row:
        """A guest of the login schema of an item (made when there is none), with its read membership."""
        schema = await self._first_schema(item_path) or await self._insert(
            item_login_schema, {"item_path": item_path, "type": "username", "status": schema_status}
        )
        number = next(self._numbers)
        values = {
            "id": uuid4(),
            "name": f"guest {number}",
            "type": "guest",
            "item_login_schema_id": schema["id"],
        }
        row = await self._insert(account, values | columns)
        await self.membership(item_path, row["id"], "read")
        return row

    async def item(self, parent: Row | None = None, *, creator: Row | None = None, **columns: Any) -> Row:
        """An item (a folder unless told otherwise) without any membership; children are ordered as made."""
        item_id: UUID = columns.pop("id", None) or uuid4()
        label = str(item_id).replace("-", "_")
        kind = columns.get("type", "folder")
        number = next(self._numbers)
        values = {
            "id": item_id,
            "name": f"{kind} {number}",
            "type": kind,
            "path": f"{parent['path']}.{label}" if parent else label,
            "creator_id": creator["id"] if creator else None,
            "extra": {"folder": {}} if kind == "folder" else {},
            "settings": {"hasThumbnail": False},
            "order": number * 20 if parent else None,
        }
        return await self._insert(item, values | columns)

    async def membership(self, item_path: str, account_id: UUID, permission: str, **columns: Any) -> Row:
        values = {"item_path": item_path, "account_id": account_id, "permission": permission}
        return await self._insert(item_membership, values | columns)

    async def visibility(self, item_path: str, kind: str, **columns: Any) -> Row:
        """Make an item `public` or `hidden`."""
        return await self._insert(item_visibility, {"item_path": item_path, "type": kind} | columns)

    async def recycle(self, recycled: Row) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(
                update(item).where(item.c.path.op("<@")(recycled["path"])).values(deleted_at=func.now())
            )

    async def owned_item(self, owner: Row, parent: Row | None = None, **columns: Any) -> Row:
        """An item its creator administers."""
        row = await self.item(parent, creator=owner, **columns)
        await self.membership(row["path"], owner["id"], "admin")
        return row

    async def insert(self, table: Any, **values: Any) -> Row:
        """A row of any table."""
        return await self._insert(table, values)

    async def count(self, table: Any) -> int:
        """How many rows a table has."""
        return int(await self._database.reads.scalar(select(func.count()).select_from(table)))

    async def _first_schema(self, item_path: str) -> Row | None:
        statement = item_login_schema.select().where(item_login_schema.c.item_path == item_path)
        return await self._database.reads.first(statement)

    async def _insert(self, table: Any, values: dict[str, Any]) -> Row:
        async with self._database.transaction() as transaction:
            row = await transaction.first(insert(table).values(**values).returning(*table.c))
        assert row is not None
        return row
