"""The decision of the one statement, against a slow reference written from the rules."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graasp.auth.gates import Caller
from graasp.http.errors import DomainError, FormattedError
from graasp.http.responses import dump_json
from graasp.items.service import descendants
from graasp.memberships.authorization import (
    Access,
    Permission,
    authorize,
    authorize_even_recycled,
    authorize_many,
)
from graasp.platform import Platform
from tests.factories import Factory
from tests.statements import counted

_LARGEST = 8
_LEVEL = st.sampled_from(("read", "write", "admin"))
_PEOPLE = ("member", "guest", "unvalidated")


@dataclass(frozen=True)
class Forest:
    """Items by number, and what is attached to them."""

    # The parent of item n is one before it, or none.
    parents: tuple[int | None, ...]
    memberships: dict[tuple[int, str], str]
    visibilities: frozenset[tuple[int, str]]
    recycled: frozenset[int]

    def above(self, item: int) -> list[int]:
        """The item and its ancestors, root first."""
        parent = self.parents[item]
        return [*(self.above(parent) if parent is not None else []), item]

    def is_live(self, item: int) -> bool:
        return not any(above in self.recycled for above in self.above(item))

    def best(self, item: int, person: str | None) -> str | None:
        held = [
            self.memberships[above, person]
            for above in self.above(item)
            if person is not None and (above, person) in self.memberships
        ]
        for level in ("admin", "write", "read"):
            if level in held:
                return level
        return None

    def first_visible(self, item: int, kind: str) -> int | None:
        """The ancestor closest to the root that has the visibility."""
        return next((above for above in self.above(item) if (above, kind) in self.visibilities), None)


@st.composite
def _forests(draw: st.DrawFn) -> Forest:
    size = draw(st.integers(1, _LARGEST))
    item = st.integers(0, size - 1)
    parents = [None, *(draw(st.sampled_from((*range(n), None))) for n in range(1, size))]
    held = st.tuples(item, st.sampled_from(_PEOPLE))
    return Forest(
        tuple(parents),
        draw(st.dictionaries(held, _LEVEL, max_size=8)),
        draw(st.frozensets(st.tuples(item, st.sampled_from(("public", "hidden"))), max_size=4)),
        draw(st.frozensets(item, max_size=1)),
    )


def _rule(forest: Forest, item: int, person: str | None, needed: str) -> str:
    """The table of the rules, row by row, first match wins."""
    best = forest.best(item, person)
    hidden = forest.first_visible(item, "hidden") is not None
    public = forest.first_visible(item, "public") is not None
    enough = {"read": ("read", "write", "admin"), "write": ("write", "admin"), "admin": ("admin",)}[needed]
    if hidden and best not in ("write", "admin"):
        return "GERR016"
    if best in enough:
        return f"allowed as {best}"
    if needed == "read" and public and best is None:
        return "allowed as None"
    if best is None:
        return "GERR016"
    return "GERR003" if needed == "write" else "GERR004"


def _told(verdict: Any, item_id: UUID) -> str:
    if isinstance(verdict, Access):
        assert verdict.item["id"] == item_id
        return f"allowed as {verdict.permission.wire if verdict.permission else None}"
    if isinstance(verdict, FormattedError):
        assert str(verdict) == f"ITEM_NOT_FOUND {item_id}"
        return verdict.code
    assert isinstance(verdict, DomainError)
    assert verdict.data == str(item_id)
    return verdict.code


@dataclass(frozen=True)
class Planted:
    """A forest in the database."""

    ids: list[UUID]
    people: dict[str | None, UUID | None]


async def _plant(factory: Factory, forest: Forest) -> Planted:
    items: list[Any] = []
    for parent in forest.parents:
        items.append(await factory.item(items[parent] if parent is not None else None))
    people = {
        "member": await factory.member(),
        "unvalidated": await factory.member(is_validated=False),
        "guest": await factory.guest((await factory.item())["path"]),
    }
    for (item, person), level in forest.memberships.items():
        await factory.membership(items[item]["path"], people[person]["id"], level)
    for item, kind in forest.visibilities:
        await factory.visibility(items[item]["path"], kind)
    for item in forest.recycled:
        await factory.recycle(items[item])
    return Planted(
        [UUID(str(item["id"])) for item in items],
        {None: None, **{name: UUID(str(person["id"])) for name, person in people.items()}},
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(forest=_forests(), needed=st.sampled_from(list(Permission)))
async def test_one_statement_decides_as_the_rules_do_for_everybody(
    platform: Platform, factory: Factory, forest: Forest, needed: Permission
) -> None:
    planted = await _plant(factory, forest)
    unknown = uuid4()
    for person, account_id in planted.people.items():
        with counted(platform.database) as statements:
            verdicts = await authorize_many(platform.reads, account_id, [*planted.ids, unknown], needed)
        assert len(statements) == 1
        assert list(verdicts) == [*planted.ids, unknown]
        assert _told(verdicts[unknown], unknown) == "GERR001"
        for item, item_id in enumerate(planted.ids):
            rule = _rule(forest, item, person, needed.wire)
            expected = rule if forest.is_live(item) else "GERR001"
            verdict = verdicts[item_id]
            assert _told(verdict, item_id) == expected, (person, item)
            if isinstance(verdict, Access):
                for kind, told in (("public", verdict.public), ("hidden", verdict.hidden)):
                    given_by = forest.first_visible(item, kind)
                    path = verdict.item["path"].split(".")
                    shown = None if told is None else told["itemPath"]
                    above = None if given_by is None else forest.above(item).index(given_by)
                    assert shown == (None if above is None else ".".join(path[: above + 1]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(forest=_forests(), needed=st.sampled_from(list(Permission)), person=st.sampled_from((None, *_PEOPLE)))
async def test_asking_for_one_item_is_told_the_same_and_recycled_ones_can_be_asked_for(
    platform: Platform, factory: Factory, forest: Forest, needed: Permission, person: str | None
) -> None:
    planted = await _plant(factory, forest)
    for item, item_id in enumerate(planted.ids):
        rule = _rule(forest, item, person, needed.wire)
        for ask, expected in (
            (authorize, rule if forest.is_live(item) else "GERR001"),
            (authorize_even_recycled, rule),
        ):
            verdict: Any
            try:
                verdict = await ask(platform.reads, planted.people[person], item_id, needed)
            except (DomainError, FormattedError) as refusal:
                verdict = refusal
            assert _told(verdict, item_id) == expected


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(forest=_forests(), person=st.sampled_from((None, *_PEOPLE)), show_hidden=st.booleans())
async def test_a_list_shows_below_an_item_what_each_item_would_tell_of_itself(
    platform: Platform, factory: Factory, forest: Forest, person: str | None, show_hidden: bool
) -> None:
    planted = await _plant(factory, forest)
    account_id = planted.people[person]
    caller = (
        Caller(account_id, "name", "guest" if person == "guest" else "individual", True, "en", True)
        if account_id
        else None
    )
    for top, top_id in enumerate(planted.ids):
        if not forest.is_live(top) or not _rule(forest, top, person, "read").startswith("allowed"):
            continue
        found = await descendants(
            platform, platform.reads, caller, top_id, types=None, show_hidden=show_hidden
        )
        shown = {UUID(item["id"]): item for item in orjson.loads(dump_json(found))}
        for item, item_id in enumerate(planted.ids):
            is_below = top in forest.above(item) and item != top and forest.is_live(item)
            hidden = forest.first_visible(item, "hidden") is not None
            best = forest.best(item, person)
            expected = is_below and (not hidden or (show_hidden and best in ("write", "admin")))
            assert (item_id in shown) == expected
            if expected:
                assert shown[item_id]["permission"] == best
                assert ("hidden" in shown[item_id]) == hidden
                assert ("public" in shown[item_id]) == (forest.first_visible(item, "public") is not None)
