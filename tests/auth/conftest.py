"""Sign-in without a captcha, and a clock that tests move."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace

import pytest

from graasp.settings import Settings


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """In development nobody asks whether a person is there."""
    return make_settings(node_env="development")


class Clock:
    """What tokens and sessions take for now."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def advance(self, by: timedelta) -> None:
        self._ahead += by

    def time(self) -> float:
        return time.time() + self._ahead.total_seconds()

    def now(self, tz: tzinfo | None = None) -> datetime:
        return datetime.fromtimestamp(self.time(), tz)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()

    class AnyDatetime(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime)

    class MovedDatetime(metaclass=AnyDatetime):
        now = clock.now

    monkeypatch.setattr("jwt.api_jwt.datetime", MovedDatetime)
    monkeypatch.setattr("graasp.auth.tokens.datetime", MovedDatetime)
    for module in ("graasp.http.session_cookie", "graasp.auth.service"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(time=clock.time))
    return clock
