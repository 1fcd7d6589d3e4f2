"""Actions of an item by day, hour and weekday."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from graasp.actions.service import month_before
from graasp.actions.tables import action
from graasp.platform import Platform
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
Counting = Callable[[], AbstractContextManager[list[str]]]
UNITS = ("day", "hour", "weekday")


def _url(item: Any, unit: str, query: str = "") -> str:
    return f"/api/items/{item['id']}/actions/actions-by-{unit}?{query}"


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    ("caller", "visibilities", "code"),
    [
        (None, (), "GERR016"),
        (None, ("public",), None),
        (None, ("public", "hidden"), "GERR016"),
        ("guest", (), None),
        ("unvalidated", (), None),
        ("read", (), None),
        ("read", ("hidden",), "GERR016"),
        ("write", ("hidden",), None),
        ("stranger", (), "GERR016"),
        ("recycled", (), "GERR001"),
    ],
)
async def test_whoever_may_read_the_item_sees_its_statistics(
    client: httpx.AsyncClient,
    factory: Factory,
    cookie_for: Cookie,
    unit: str,
    caller: str | None,
    visibilities: tuple[str, ...],
    code: str | None,
) -> None:
    item = await factory.item()
    for kind in visibilities:
        await factory.visibility(item["path"], kind)
    headers = {}
    if caller == "guest":
        headers = cookie_for((await factory.guest(item["path"]))["id"])
    elif caller:
        member = await factory.member(is_validated=caller != "unvalidated")
        headers = cookie_for(member["id"])
        if caller != "stranger":
            await factory.membership(item["path"], member["id"], caller if caller == "write" else "read")
    if caller == "recycled":
        await factory.recycle(item)
    answer = await client.get(_url(item, unit), headers=headers)
    if code is None:
        assert (answer.status_code, answer.json()) == (200, {})
    else:
        assert answer.json()["code"] == code


async def test_every_row_counts_however_many_there_are(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, cookie_for: Cookie
) -> None:
    member = await factory.member()
    item = await factory.owned_item(member)
    async with platform.unit_of_work() as uow:
        await uow.execute(
            text(
                """
                insert into action (type, item_id, account_id, created_at)
                select 'item-view', :item_id, case when n % 3 = 0 then cast(:account_id as uuid) end,
                    timestamptz '2024-05-05 12:00:00Z' from generate_series(1, 12000) n
                """
            ),
            item_id=item["id"],
            account_id=member["id"],
        )
    query = "startDate=2024-05-05T00:00:00Z&endDate=2024-05-06T00:00:00Z"
    found = (await client.get(_url(item, "hour", query), headers=cookie_for(member["id"]))).json()
    assert found == {
        "12": {
            "hour": "12",
            "count": {"item-view": 12000, "all": 12000},
            "personal": {"item-view": 4000, "all": 4000},
        }
    }


async def test_buckets_are_in_utc_and_both_bounds_count(client: httpx.AsyncClient, factory: Factory) -> None:
    item = await factory.item()
    await factory.visibility(item["path"], "public")
    first, last = datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    outside = (first - timedelta(microseconds=1), last + timedelta(microseconds=1))
    for moment in (first, last, *outside):
        await factory.insert(action, type="a", item_id=item["id"], created_at=moment)
    # The same range, said in two time zones.
    for query in (
        "startDate=2023-12-31T23:59:59Z&endDate=2024-01-01T00:00:00Z",
        "startDate=2024-01-01T00:59:59%2B01:00&endDate=2023-12-31T19:00:00.000-05:00",
    ):
        days = (await client.get(_url(item, "day", query))).json()
        assert {key: value["count"]["all"] for key, value in days.items()} == {
            "2023/12/31": 1,
            "2024/01/01": 1,
        }
        assert list((await client.get(_url(item, "hour", query))).json()) == ["0", "23"]
        # Sunday, Monday.
        assert list((await client.get(_url(item, "weekday", query))).json()) == ["0", "1"]


async def test_left_out_bounds_are_the_last_month(client: httpx.AsyncClient, factory: Factory) -> None:
    item = await factory.item()
    await factory.visibility(item["path"], "public")
    now = datetime.now(UTC)
    for days in (1, 20, 40):
        await factory.insert(action, type="a", item_id=item["id"], created_at=now - timedelta(days=days))
    assert len((await client.get(_url(item, "day"))).json()) == 2
    until = (now - timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len((await client.get(_url(item, "day", f"endDate={until}"))).json()) == 2 - 1 + (
        now - timedelta(days=40) >= month_before(now - timedelta(days=10))
    )
    assert (await client.get(_url(item, "day", "startDate=2999-01-01T00:00:00Z"))).json() == {}


@pytest.mark.parametrize(
    ("moment", "before"),
    [
        ("2024-03-31T10:20:30.5", "2024-02-29T10:20:30"),
        ("2023-03-31T00:00:00", "2023-02-28T00:00:00"),
        ("2024-01-15T23:59:59", "2023-12-15T23:59:59"),
        ("2024-05-31T00:00:00", "2024-04-30T00:00:00"),
        ("0001-01-20T05:00:00", "0001-01-01T05:00:00"),
    ],
)
def test_a_month_before(moment: str, before: str) -> None:
    found = month_before(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(before).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "moment",
    [
        "2024-01-01",
        "2024-01-01T00:00:00",
        "yesterday",
        "",
        "2024-13-01T00:00:00Z",
        "2024-01-01T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00%2B10:00",
    ],
)
@pytest.mark.parametrize("name", ["startDate", "endDate"])
async def test_moments_without_a_zone_or_that_do_not_exist_are_refused(
    client: httpx.AsyncClient, factory: Factory, name: str, moment: str
) -> None:
    item = await factory.item()
    await factory.visibility(item["path"], "public")
    answer = await client.get(_url(item, "day", f"{name}={moment}"))
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        f'querystring/{name} must match format "date-time"',
    )


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_the_ends_of_time_are_moments_too(
    client: httpx.AsyncClient, factory: Factory, moment: str
) -> None:
    item = await factory.item()
    await factory.visibility(item["path"], "public")
    for name in ("startDate", "endDate"):
        assert (await client.get(_url(item, "day", f"{name}={moment}"))).status_code == 200


async def test_counts_are_shared_for_a_moment_and_one_s_own_are_not(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    count_statements: Counting,
) -> None:
    a, b = await factory.member(), await factory.member()
    item = await factory.owned_item(a)
    await factory.membership(item["path"], b["id"], "read")
    moment = datetime.now(UTC) - timedelta(minutes=1)
    await factory.insert(action, type="x", item_id=item["id"], account_id=a["id"], created_at=moment)

    async def seen_by(member: Any) -> tuple[dict[str, int], dict[str, int], int]:
        with count_statements() as statements:
            answer = await client.get(_url(item, "day"), headers=cookie_for(member["id"]))
        (entry,) = answer.json().values()
        return entry["count"], entry["personal"], len([s for s in statements if "from action" in s])

    one = {"x": 1, "all": 1}
    assert await seen_by(a) == (one, one, 2)
    await factory.insert(action, type="x", item_id=item["id"], account_id=b["id"], created_at=moment)
    assert await seen_by(a) == (one, one, 0)
    assert await seen_by(b) == (one, one, 1)
    for key in await platform.redis.keys("result:*"):
        assert 0 < await platform.redis.ttl(key) <= 10
        await platform.redis.delete(key)
    assert await seen_by(a) == ({"x": 2, "all": 2}, one, 2)


async def test_a_right_that_is_lost_is_not_kept_for_a_moment(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    item = await factory.item()
    await factory.visibility(item["path"], "public")
    assert (await client.get(_url(item, "day"))).status_code == 200
    await factory.visibility(item["path"], "hidden")
    assert (await client.get(_url(item, "day"))).status_code == 403


async def test_the_statements_do_not_grow_with_the_tree(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie, count_statements: Counting
) -> None:
    member = await factory.member()
    moment = datetime.now(UTC) - timedelta(minutes=1)
    counts = []
    for items in (1, 30):
        folder = await factory.owned_item(member)
        for number in range(items):
            below = await factory.item(folder)
            who = {"item_id": below["id"], "account_id": member["id"]}
            await factory.insert(action, type=f"t{number}", created_at=moment, **who)
        with count_statements() as statements:
            answer = await client.get(_url(folder, "weekday"), headers=cookie_for(member["id"]))
        (entry,) = answer.json().values()
        assert entry["count"]["all"] == entry["personal"]["all"] == items
        counts.append(len(statements))
    assert counts == [4, 4]
