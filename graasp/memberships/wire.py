"""Memberships as clients see them."""

from typing import Any

from orjson import Fragment

from graasp.db.database import Row
from graasp.items.packing import generic_item


def wire_membership(row: Row, item: Fragment, *, with_email: bool) -> dict[str, Any]:
    """A row of the list; `item`, the one it is attached to, is JSON already, since hundreds share it."""
    account = {"id": row["account_id"], "name": row["account_name"], "type": row["account_type"]}
    if with_email and row["account_type"] == "individual":
        account["email"] = row["account_email"]
    return {
        "id": row["id"],
        "permission": row["permission"],
        "account": account,
        "item": item,
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }


def bare_membership(row: Row, item: Row) -> dict[str, Any]:
    """A membership in a websocket message: its own columns, the item, and who it is about."""
    return {
        "id": row["id"],
        "permission": row["permission"],
        "itemPath": row["item_path"],
        "creatorId": row["creator_id"],
        "accountId": row["account_id"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        "item": generic_item(item),
        "account": {"id": row["account_id"], "name": row["account_name"], "type": row["account_type"]},
    }
