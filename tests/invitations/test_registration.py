"""Registering: what an address was invited to becomes what its new account may do."""

from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import select

from graasp.invitations.tables import invitation
from graasp.platform import Platform
from graasp.settings import Settings
from tests.factories import Factory
from tests.invitations.conftest import People


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """In development nobody asks whether a person is there."""
    return make_settings(node_env="development")


async def test_registering_turns_invitations_into_memberships_that_rise_down_the_tree(
    client: httpx.AsyncClient, platform: Platform, factory: Factory, admitted: People
) -> None:
    top = await factory.item()
    middle = await factory.item(top)
    low = await factory.item(middle)
    recycled = await factory.item()
    for item, permission in ((top, "write"), (middle, "read"), (low, "admin"), (recycled, "read")):
        await factory.insert(
            invitation, item_path=item["path"], email="new@example.org", permission=permission
        )
    await factory.insert(invitation, item_path=top["path"], email="other@example.org")
    await factory.recycle(recycled)
    body = {"name": "New", "email": "New@Example.org", "captcha": "x"}
    assert (await client.post("/api/register", json=body)).status_code == 204
    assert await admitted(top) == {"new@example.org": "write"}
    assert await admitted(middle) == {}
    assert await admitted(low) == {"new@example.org": "admin"}
    assert await admitted(recycled) == {"new@example.org": "read"}
    left = await platform.reads.all(select(invitation.c.email))
    assert [row["email"] for row in left] == ["other@example.org"]
