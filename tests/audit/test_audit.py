"""Who did what, and what is not told."""

from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from graasp import audit
from graasp.platform import Platform
from tests.factories import Factory

Events = list[MutableMapping[str, Any]]


async def test_an_event_tells_who_from_where_and_in_which_request(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Callable[[UUID], dict[str, str]], audited: Events
) -> None:
    member = await factory.member()
    headers = cookie_for(member["id"]) | {"X-Request-Id": "the-request-1"}
    await client.delete("/api/members/current", headers=headers)
    (event,) = audited
    assert (event["event"], event["account_id"]) == ("account deleted", str(member["id"]))
    assert (event["address"], event["request_id"]) == ("127.0.0.1", "the-request-1")
    assert member["email"] not in str(event)
    assert member["name"] not in str(event)


async def test_what_was_rolled_back_did_not_happen(platform: Platform, audited: Events) -> None:
    account_id = uuid4()

    async def change_and_fail() -> None:
        async with platform.unit_of_work() as uow:
            audit.happened(uow, "password changed", account_id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_fail()
    assert audited == []
    async with platform.unit_of_work() as uow:
        audit.happened(uow, "password changed", account_id, item_id=None, target_id=account_id)
        assert audited == []
    (event,) = audited
    assert event["target_id"] == str(account_id)
    assert "item_id" not in event


def test_a_refusal_is_told_at_once(audited: Events) -> None:
    audit.refused("wrong password", uuid4())
    assert [event["event"] for event in audited] == ["wrong password"]
