"""A small tree, who administers it, and somebody who has nothing."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.factories import Factory

Tree = dict[str, Any]


@pytest.fixture
async def tree(factory: Factory) -> Tree:
    """A > B > C, administered by one member, who reads French; another one has nothing."""
    admin, member = await factory.member(extra={"lang": "fr"}), await factory.member(name="Anna")
    a = await factory.owned_item(admin, name="A")
    b = await factory.item(a, name="B")
    return {"admin": admin, "member": member, "A": a, "B": b, "C": await factory.item(b, name="C")}


@pytest.fixture
def as_admin(cookie_for: Callable[[UUID], dict[str, str]], tree: Tree) -> dict[str, str]:
    return cookie_for(tree["admin"]["id"])


@pytest.fixture
def as_member(cookie_for: Callable[[UUID], dict[str, str]], tree: Tree) -> dict[str, str]:
    return cookie_for(tree["member"]["id"])
