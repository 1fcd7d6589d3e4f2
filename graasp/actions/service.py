"""Statistics of an item, and one's own actions."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
import structlog
from redis.exceptions import RedisError

from graasp.actions import queries
from graasp.auth.gates import Caller
from graasp.db.database import Reader, Row
from graasp.memberships.authorization import authorize
from graasp.platform import Platform

log = structlog.get_logger(__name__)

Unit = Literal["day", "hour", "weekday"]
_KEYS: dict[Unit, str] = {"day": "date", "hour": "hour", "weekday": "weekday"}
# Counts of a large tree take a while: they are kept this long, and never wrong for longer.
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

    Both bounds count; the range ends now and begins a calendar month earlier when left out.
    """
    account_id = caller.id if caller else None
    access = await authorize(reader, account_id, item_id)
    end = end or datetime.now(UTC).replace(microsecond=0)
    start = start or month_before(end)
    if start > end:
        return {}
    kept = f"action-statistics:{item_id}:{account_id}:{unit}:{start.isoformat()}:{end.isoformat()}"
    if cached := await _cached(platform, kept):
        return cached
    rows = await reader.all(
        queries.STATISTICS[unit],
        account_id=account_id,
        path=access.item["path"],
        start_at=start,
        end_at=end,
    )
    result = _buckets(rows, unit)
    await _keep(platform, kept, result)
    return result


def month_before(moment: datetime) -> datetime:
    """The same day a month earlier, or that month's last one."""
    first = moment.replace(day=1)
    last_of_previous = first - timedelta(days=1)
    return last_of_previous.replace(day=min(moment.day, last_of_previous.day))


def _buckets(rows: Any, unit: Unit) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["bucket"]):
        bucket = row["bucket"].strftime("%Y/%m/%d") if unit == "day" else str(row["bucket"])
        entry = found.setdefault(bucket, {_KEYS[unit]: bucket, "count": {}, "personal": {}})
        entry["count"][row["type"]] = row["everybody"]
        if row["personal"]:
            entry["personal"][row["type"]] = row["personal"]
    for entry in found.values():
        for counts in (entry["count"], entry["personal"]):
            if counts:
                # Summed before it is set: clients invent types, one may be named `all`.
                total = sum(counts.values())
                counts["all"] = total
    return found


async def _cached(platform: Platform, key: str) -> dict[str, Any] | None:
    try:
        stored = await platform.redis.get(key)
    except (RedisError, OSError):
        return None
    return orjson.loads(stored) if stored else None


async def _keep(platform: Platform, key: str, result: dict[str, Any]) -> None:
    try:
        await platform.redis.set(key, orjson.dumps(result), ex=_KEPT_S)
    except (RedisError, OSError) as error:
        log.warning("statistics not kept", reason=str(error))


async def own_actions(
    reader: Reader, caller: Caller, *, start: datetime | None, end: datetime | None
) -> list[dict[str, Any]]:
    """The caller's actions: those whose item does not matter, then those on items it can still read."""
    end = end or datetime.now(UTC)
    start = start or month_before(end)
    rows = await reader.all(queries.OWN, account_id=caller.id, start_at=start, end_at=end)
    return [_own(row) for row in rows]


def _own(row: Row) -> dict[str, Any]:
    item = row["item"]
    if item is not None:
        item = {_camel(name): value for name, value in item.items()} | {"path": row["item_path"]}
    return {
        "id": row["id"],
        "view": row["view"],
        "type": row["type"],
        "extra": decoded_extra(row["extra"]),
        "geolocation": row["geolocation"],
        "createdAt": row["created_at"],
        "accountId": row["account_id"],
        "itemId": row["item_id"],
        "item": item,
    }


def decoded_extra(extra: Any) -> Any:
    """Older rows hold the JSON text of an object in a JSON string."""
    if not isinstance(extra, str):
        return extra
    try:
        return orjson.loads(extra)
    except orjson.JSONDecodeError:
        return extra


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
