"""An app in a folder that is shared."""

from typing import Any

import pytest

from graasp.settings import Settings
from tests.apps.users import Users
from tests.factories import Factory, Row


@pytest.fixture
async def member(factory: Factory) -> Row:
    return await factory.member()


@pytest.fixture
async def app_item(factory: Factory, member: Row) -> Row:
    """An app that the member reads, since it reads the folder."""
    folder = await factory.item()
    await factory.membership(folder["path"], member["id"], "read")
    extra: dict[str, Any] = {"app": {"url": "https://apps.test/quiz"}}
    return await factory.item(folder, type="app", extra=extra)


@pytest.fixture
def users(factory: Factory, settings: Settings) -> Users:
    """Those who use apps."""
    return Users(factory, settings)
