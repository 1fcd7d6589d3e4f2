"""Flags: who may flag what, and that a reason counts once."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from graasp.flags.tables import item_flag
from graasp.jobs.tables import job
from graasp.platform import Platform
from tests.factories import Factory

Cookie = Callable[[UUID], dict[str, str]]
HeadersAs = Callable[[Any, str], Awaitable[dict[str, str]]]


async def test_everybody_may_know_the_reasons(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/items/flags")
    assert answer.status_code == 200
    assert answer.json() == [
        "inappropriate-content",
        "hate-speech",
        "fraud-plagiarism",
        "spam",
        "targeted-harassment",
        "false-information",
    ]


@pytest.mark.parametrize(
    ("caller", "visibility", "status", "code"),
    [
        ("nobody", "public", 401, None),
        ("unvalidated", "public", 403, "GERR1012"),
        ("stranger", None, 403, "GERR016"),
        ("stranger", "public", 204, None),
        ("read", None, 204, None),
        ("read", "hidden", 403, "GERR016"),
        ("guest", None, 204, None),
    ],
)
async def test_whoever_can_read_an_item_may_flag_it(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    headers_as: HeadersAs,
    caller: str,
    visibility: str | None,
    status: int,
    code: str | None,
) -> None:
    item = await factory.owned_item(await factory.member())
    if visibility:
        await factory.visibility(item["path"], visibility)
    headers = await headers_as(item, caller)
    answer = await client.post(f"/api/items/{item['id']}/flags", json={"type": "spam"}, headers=headers)
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
    assert len(await platform.reads.all(select(item_flag.c.id))) == (status == 204)


async def test_the_same_reason_counts_once_another_one_beside_it_and_nobody_is_mailed(
    client: httpx.AsyncClient,
    platform: Platform,
    factory: Factory,
    cookie_for: Cookie,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    url, headers = f"/api/items/{item['id']}/flags", cookie_for(owner["id"])
    for kind in ("spam", "spam", "hate-speech"):
        with count_statements() as statements:
            answer = await client.post(url, json={"type": kind, "unknown": 1}, headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
        assert len(statements) == 3
    rows = await platform.reads.all(select(item_flag))
    assert sorted(row["type"] for row in rows) == ["hate-speech", "spam"]
    assert {(row["creator_id"], row["item_id"]) for row in rows} == {(owner["id"], item["id"])}
    assert await platform.reads.all(select(job.c.id)) == []


async def test_what_is_gone_and_what_is_no_reason(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Cookie
) -> None:
    owner = await factory.member()
    item = await factory.owned_item(owner)
    headers = cookie_for(owner["id"])
    wrong = await client.post(f"/api/items/{item['id']}/flags", json={"type": "ugly"}, headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "FST_ERR_VALIDATION")
    await factory.recycle(item)
    for item_id in (item["id"], uuid4()):
        gone = await client.post(f"/api/items/{item_id}/flags", json={"type": "spam"}, headers=headers)
        assert (gone.status_code, gone.json()["code"]) == (404, "GERR001")
