"""Statistics of an item, and one's own actions."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy.sql import Executable

from graasp.actions import queries
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.http.responses import dump_json
from graasp.items.packing import raw_item
from graasp.memberships.authorization import authorize
from graasp.platform import Platform

Unit = Literal["day", "hour", "weekday"]
_KEYS: dict[Unit, str] = {"day": "date", "hour": "hour", "weekday": "weekday"}
# Counting a large tree takes a while: counts are at most this old.
_KEPT_S = 10


async def statistics(
    platform: Platform,
    reader: Reader,
    caller: Caller | None,
    item_id: UUID,
    unit: Unit,
    *,
    start: datetime | None,
    end: datetime | None,
) -> dict[str, dict[str, Any]]:
    """`{bucket: {date|hour|weekday, count, personal}}`: actions by type on the item and all below it.

    Both bounds count; the range ends now and begins a calendar month earlier when left out. Everybody's counts are
    shared by all who ask, and no more than ten seconds old. Raises what `authorize` raises.
    """
    access = await authorize(reader, caller.id if caller else None, item_id)
    until = end or datetime.now(UTC).replace(microsecond=0)
    since = start or month_before(until)
    if since > until:
        return {}
    asked = f"action-statistics:{item_id}:{unit}:{start or ''}:{end or ''}"
    bounds = {"path": access.item["path"], "start_at": since, "end_at": until}

    async def counted(statement: Executable, **narrowed: Any) -> list[list[Any]]:
        rows = await reader.all(statement, **bounds, **narrowed)
        return [[row["bucket"], row["type"], row["actions"]] for row in rows]

    everybody = await platform.results.get(
        asked, seconds=_KEPT_S, work=lambda: counted(queries.STATISTICS[unit])
    )
    if caller is None:
        return _buckets(unit, everybody, [])
    own = await platform.results.get(
        f"{asked}:{caller.id}",
        seconds=_KEPT_S,
        work=lambda: counted(queries.OWN_STATISTICS[unit], account_id=caller.id),
    )
    return _buckets(unit, everybody, own)


def month_before(moment: datetime) -> datetime:
    """The same day a month earlier, or that month's last one; in whole seconds."""
    first = moment.replace(day=1, microsecond=0)
    if first - datetime.min.replace(tzinfo=UTC) < timedelta(days=1):
        return first
    last_of_previous = first - timedelta(days=1)
    return last_of_previous.replace(day=min(moment.day, last_of_previous.day))


def _buckets(unit: Unit, everybody: list[list[Any]], own: list[list[Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for value, kind, actions in everybody:
        bucket = _name(unit, value)
        entry = found.setdefault(bucket, {_KEYS[unit]: bucket, "count": {}, "personal": {}})
        entry["count"][kind] = actions
    for value, kind, actions in own:
        # Counted a moment later, they may be newer.
        if entry := found.get(_name(unit, value), {}):
            entry["personal"][kind] = actions
    for entry in found.values():
        for counts in (entry["count"], entry["personal"]):
            if counts:
                # Summed before it is set: clients invent types, one may be named `all`.
                total = sum(counts.values())
                counts["all"] = total
    return found


def _name(unit: Unit, value: Any) -> str:
    return str(value).replace("-", "/") if unit == "day" else str(value)


async def own_actions(
    reader: Reader, caller: Caller, *, start: datetime | None, end: datetime | None
) -> list[dict[str, Any]]:
    """The caller's actions: those whose item does not matter, then those on items it can still read.

    Each carries its item's row, read and written once however many actions there are on it.
    """
    end = end or datetime.now(UTC)
    start = start or month_before(end)
    rows = await reader.all(queries.OWN, account_id=caller.id, start_at=start, end_at=end)
    item_ids = {row["item_id"] for row in rows if row["item_id"] is not None}
    items = await reader.all(queries.ITEMS, item_ids=list(item_ids)) if item_ids else []
    written = {item["id"]: orjson.Fragment(dump_json(raw_item(item))) for item in items}
    return [_own(row, written.get(row["item_id"])) for row in rows]


def _own(row: Row, item: orjson.Fragment | None) -> dict[str, Any]:
    return {
        "id": row["id"],
        "view": row["view"],
        "type": row["type"],
        # As PostgreSQL writes them: however deep they are.
        "extra": orjson.Fragment(row["extra"]),
        "geolocation": orjson.Fragment(row["geolocation"] or "null"),
        "createdAt": row["created_at"],
        "accountId": row["account_id"],
        # Of deleted items nothing is told, be they still referred to.
        "itemId": row["item_id"] if item else None,
        "item": item,
    }
