"""What the tests of invitations look at."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from graasp.accounts.tables import account
from graasp.invitations.tables import invitation
from graasp.memberships.tables import item_membership
from graasp.platform import Platform

People = Callable[[Any], Awaitable[dict[str, str]]]


def of_the_request(statements: Sequence[str]) -> list[str]:
    """Without those that hand jobs over beside it."""
    return [sql for sql in statements if "pushed_at" not in sql]


@pytest.fixture
def invited(platform: Platform) -> People:
    """`{email: permission}` of the invitations to an item."""

    async def read(item: Any) -> dict[str, str]:
        rows = await platform.reads.all(
            select(invitation.c.email, invitation.c.permission).where(invitation.c.item_path == item["path"])
        )
        return {row["email"]: row["permission"] for row in rows}

    return read


@pytest.fixture
def admitted(platform: Platform) -> People:
    """`{email: permission}` of the memberships on an item."""

    async def read(item: Any) -> dict[str, str]:
        rows = await platform.reads.all(
            select(account.c.email, item_membership.c.permission)
            .join(item_membership, item_membership.c.account_id == account.c.id)
            .where(item_membership.c.item_path == item["path"])
        )
        return {row["email"]: row["permission"] for row in rows}

    return read
