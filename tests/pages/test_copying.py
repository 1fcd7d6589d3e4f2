"""Copies of pages: what many people wrote, in one update."""

from typing import Any
from uuid import UUID

import pytest
from pycrdt import Doc, Text
from sqlalchemy import select

from graasp.pages import service
from graasp.pages.service import copy_pages
from graasp.pages.tables import page_update
from graasp.platform import Platform
from tests.factories import Factory, Row
from tests.statements import counted


def _updates(*words: str) -> list[bytes]:
    """What each change of a document is, as its writer sends it."""
    document: Doc[Any] = Doc()
    document["body"] = body = Text()
    updates: list[bytes] = []
    document.observe(lambda event: updates.append(event.update))
    for word in words:
        body += word
    return updates


def _text(update: bytes) -> str:
    document: Doc[Any] = Doc()
    document.apply_update(update)
    return str(document.get("body", type=Text))


async def _page(factory: Factory, *updates: bytes) -> Row:
    page = await factory.item(type="page", extra={})
    for clock, update in enumerate(updates):
        await factory.insert(page_update, item_id=page["id"], update=update, clock=clock)
    return page


async def _copy(platform: Platform, *pairs: tuple[Row, Row]) -> list[str]:
    with counted(platform.database) as statements:
        async with platform.unit_of_work() as uow:
            await copy_pages(uow, [(copy["id"], source["id"]) for copy, source in pairs])
    return statements


async def _stored(platform: Platform, item_id: UUID) -> list[tuple[bytes, int]]:
    rows = await platform.reads.all(
        select(page_update).where(page_update.c.item_id == item_id).order_by(page_update.c.clock)
    )
    return [(row["update"], row["clock"]) for row in rows]


async def test_many_updates_become_one_and_the_original_keeps_its_own(
    platform: Platform, factory: Factory
) -> None:
    updates = _updates(*(f"word {n} " for n in range(50)))
    source, copy, other = await _page(factory, *updates), await _page(factory), await _page(factory)

    await _copy(platform, (copy, source), (other, source))

    for made in (copy, other):
        ((update, clock),) = await _stored(platform, made["id"])
        assert (_text(update), clock) == ("".join(f"word {n} " for n in range(50)), 0)
    assert [update for update, _ in await _stored(platform, source["id"])] == updates


async def test_what_two_people_wrote_at_once_is_all_there_in_whatever_order(
    platform: Platform, factory: Factory
) -> None:
    one, other = _updates("one ", "more "), _updates("other ")
    source, copy = await _page(factory, *reversed(one), *other), await _page(factory)
    await _copy(platform, (copy, source))
    ((update, _),) = await _stored(platform, copy["id"])
    assert sorted(_text(update).split()) == ["more", "one", "other"]


async def test_the_copy_of_an_empty_page_is_an_empty_document(platform: Platform, factory: Factory) -> None:
    source, copy = await _page(factory), await _page(factory)
    await _copy(platform, (copy, source))
    assert await _stored(platform, copy["id"]) == [(b"\0\0", 0)]


async def test_what_is_no_update_is_copied_as_it_is(platform: Platform, factory: Factory) -> None:
    (good,) = _updates("good")
    source, copy = await _page(factory, good, b"broken"), await _page(factory)
    await _copy(platform, (copy, source))
    assert await _stored(platform, copy["id"]) == [(good, 0), (b"broken", 1)]


@pytest.mark.parametrize("number", [1, 7])
async def test_the_number_of_statements_does_not_depend_on_that_of_pages(
    platform: Platform, factory: Factory, number: int
) -> None:
    pairs = [(await _page(factory), await _page(factory, *_updates("a", "b"))) for _ in range(number)]
    assert len(await _copy(platform, *pairs)) == 2


async def test_long_pages_are_written_in_parts(
    platform: Platform, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_BYTES_AT_ONCE", 100)
    pairs = [(await _page(factory), await _page(factory, *_updates("x" * 100))) for _ in range(3)]
    assert len(await _copy(platform, *pairs)) == 1 + 3
    for copy, _ in pairs:
        ((update, _clock),) = await _stored(platform, copy["id"])
        assert _text(update) == "x" * 100
