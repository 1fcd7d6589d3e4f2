"""Without an Etherpad server."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from pydantic import ValidationError

from graasp.settings import Settings
from tests.factories import Factory


async def test_pads_are_an_error_of_their_own(
    client: httpx.AsyncClient, factory: Factory, cookie_for: Callable[[UUID], dict[str, str]]
) -> None:
    headers = cookie_for((await factory.member())["id"])
    answer = await client.post("/api/items/etherpad/create", json={"name": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (500, "GPEPERR001")


def test_the_key_is_checked_at_the_start(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(ValidationError, match="64 lower-case hexadecimal digits"):
        make_settings(etherpad_api_key="short")
