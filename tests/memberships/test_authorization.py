"""The decision of the one statement, against a slow reference written from the rules."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graasp.http.errors import DomainError
from graasp.memberships.authorization import Access, Permission, authorize_many
from graasp.platform import Platform
from tests.factories import Factory

# A tree of up to seven items: the parent of item n is one before it, or none.
_PARENTS = st.lists(st.integers(0, 10), min_size=1, max_size=7)
_MARKS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(("read", "write", "admin"))), max_size=5)
_VISIBILITIES = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(("public", "hidden"))), max_size=4)


def _reference(
    above: list[Any], memberships: dict[Any, str], visible: set[tuple[Any, str]], needed: Permission
) -> str:
    """The table of the rules, row by row, for the item whose ancestors (itself included) are `above`."""
    levels = {"read": 1, "write": 2, "admin": 3}
    best = max((levels[memberships[item]] for item in above if item in memberships), default=0)
    hidden = any((item, "hidden") in visible for item in above)
    public = any((item, "public") in visible for item in above)
    if hidden and best < 2:
        return "MEMBER_CANNOT_ACCESS"
    if best >= needed:
        return f"allowed with {best}"
    if needed == Permission.READ and public:
        return "allowed with 0"
    if best == 0:
        return "MEMBER_CANNOT_ACCESS"
    return "USER_CANNOT_WRITE_ITEM" if needed == Permission.WRITE else "USER_CANNOT_ADMIN_ITEM"


def _told(verdict: Any) -> str:
    if isinstance(verdict, Access):
        return f"allowed with {int(verdict.permission or 0)}"
    assert isinstance(verdict, DomainError)
    return verdict.name


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parents=_PARENTS, marks=_MARKS, visibilities=_VISIBILITIES, needed=st.sampled_from(list(Permission)))
async def test_one_statement_decides_as_the_rules_do(
    platform: Platform,
    factory: Factory,
    parents: list[int],
    marks: list[tuple[int, str]],
    visibilities: list[tuple[int, str]],
    needed: Permission,
) -> None:
    member = await factory.member()
    items: list[Any] = []
    above: list[list[int]] = []
    for number, choice in enumerate(parents):
        parent = choice if choice < number else None
        items.append(await factory.item(items[parent] if parent is not None else None))
        above.append([*(above[parent] if parent is not None else []), number])
    memberships = {n: level for n, level in marks if n < len(items)}
    visible = {(n, kind) for n, kind in visibilities if n < len(items)}
    for n, level in memberships.items():
        await factory.membership(items[n]["path"], member["id"], level)
    for n, kind in visible:
        await factory.visibility(items[n]["path"], kind)

    statements: list[str] = []
    platform.database.observers.append(statements.append)
    ids = [UUID(str(item["id"])) for item in items]
    verdicts = await authorize_many(platform.reads, member["id"], ids, needed)
    platform.database.observers.remove(statements.append)

    assert len(statements) == 1
    for number, item_id in enumerate(ids):
        assert _told(verdicts[item_id]) == _reference(above[number], memberships, visible, needed)


@pytest.mark.parametrize("kind", ["public", "hidden"])
async def test_the_visibility_closest_to_the_root_is_the_one_that_is_told(
    platform: Platform, factory: Factory, kind: str
) -> None:
    member = await factory.member()
    top = await factory.item()
    below = await factory.item(top)
    await factory.membership(top["path"], member["id"], "write")
    for item in (below, top):
        await factory.visibility(item["path"], kind)
    verdict = (await authorize_many(platform.reads, member["id"], [below["id"]]))[below["id"]]
    assert isinstance(verdict, Access)
    told = verdict.public if kind == "public" else verdict.hidden
    assert told is not None
    assert told["itemPath"] == top["path"]
