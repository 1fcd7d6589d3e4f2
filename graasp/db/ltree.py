"""PostgreSQL's `ltree`: the paths of the item tree."""

from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.types import UserDefinedType


class Ltree(UserDefinedType[str]):
    """A path of labels joined by dots, as text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "ltree"


def contains(ancestor: ColumnElement[Any], path: ColumnElement[Any]) -> ColumnElement[bool]:
    """`ancestor` is `path` itself or above it."""
    return ancestor.op("@>", return_type=Boolean())(path)


def within(path: ColumnElement[Any], ancestor: ColumnElement[Any]) -> ColumnElement[bool]:
    """`path` is `ancestor` itself or below it."""
    return path.op("<@", return_type=Boolean())(ancestor)


def label(item_id: UUID) -> str:
    """The label of an item in paths."""
    return str(item_id).replace("-", "_")


def item_id_of(path: str) -> UUID:
    """The item a path ends at."""
    return UUID(path[-36:].replace("_", "-"))


def ids_of(path: str) -> list[UUID]:
    """The items along a path, root first."""
    return [UUID(part.replace("_", "-")) for part in path.split(".")]


def parent_path(path: str) -> str | None:
    """The path of the parent; nothing at the root."""
    return path.rpartition(".")[0] or None
