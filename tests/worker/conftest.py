"""Workers that notice within seconds what takes a minute in an installation."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from graasp.platform import Platform, open_platform
from graasp.settings import Settings

FAST = {
    "job_heartbeat_seconds": 0.3,
    "job_stale_after_seconds": 2,
    "job_poll_seconds": 0.1,
    "worker_grace_seconds": 1,
}


@pytest.fixture
def make_fast_settings(make_settings: Callable[..., Settings]) -> Callable[..., Settings]:
    def make(**overrides: Any) -> Settings:
        return make_settings(**FAST | overrides)

    return make


@pytest.fixture
def fast_settings(make_fast_settings: Callable[..., Settings]) -> Settings:
    return make_fast_settings()


@pytest.fixture
async def fast_platform(fast_settings: Settings, clean_services: None) -> AsyncIterator[Platform]:
    async with open_platform(fast_settings) as opened:
        yield opened
