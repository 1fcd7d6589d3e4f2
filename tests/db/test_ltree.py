from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, cast, literal, select

from graasp.db.ltree import Ltree, contains, ids_of, item_id_of, label, parent_path, within
from graasp.db.migrations import connect

paths = st.lists(st.uuids(), min_size=1, max_size=15)


def path_of(ids: list[UUID]) -> str:
    return ".".join(label(item_id) for item_id in ids)


@given(paths)
def test_a_path_names_the_items_from_the_root_down(ids: list[UUID]) -> None:
    assert ids_of(path_of(ids)) == ids
    assert item_id_of(path_of(ids)) == ids[-1]


@given(paths)
def test_the_parent_is_one_step_up_and_a_root_has_none(ids: list[UUID]) -> None:
    assert parent_path(path_of(ids)) == (path_of(ids[:-1]) or None)


def test_an_ancestor_contains_a_path_and_the_path_is_within_it(database_url: str) -> None:
    def path(value: str) -> ColumnElement[str]:
        return cast(literal(value), Ltree)

    cases = [("a", "a.b", True), ("a.b", "a.b", True), ("a.b", "a", False), ("a", "ab", False)]
    with connect(database_url) as connection:
        for ancestor, descendant, expected in cases:
            both = select(
                contains(path(ancestor), path(descendant)), within(path(descendant), path(ancestor))
            )
            assert tuple(connection.execute(both).one()) == (expected, expected)
