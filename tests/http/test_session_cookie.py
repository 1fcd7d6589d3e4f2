"""The cookie both servers read: an independent implementation of the cipher sealed the one below."""

import base64
from pathlib import Path
from urllib.parse import quote, unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from graasp.http import session_cookie
from graasp.http.session_cookie import Session, SessionCodec
from graasp.settings import Settings
from tests.conftest import settings_on

ACCOUNT = UUID("5f9b1d6a-3c55-4c0e-9d0b-8a3f0c2f7e11")
ISSUED = 1_790_000_000
# TweetNaCl's secretbox over {"passport":"5f9b…","__ts":1790000000} with the key of the tests and this nonce.
NONCE = bytes(range(24))
SEALED_ELSEWHERE = (
    "wR4NBE0kH%2B4Y8LPJ6N%2F8rUrlDJQmhM6XKm5ilYU%2BtUqTYDSC8J6qxFNJb6R6%2BlPz9dcH6Up%2BYi4lmg7RvvzF0qTv9cx8hef"
    "KkUpYX25iitBuEO6P3A%3D%3D%3BAAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
)


@pytest.fixture
def codec(settings: Settings) -> SessionCodec:
    return SessionCodec(settings)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time it is, to be changed."""
    moment = [float(ISSUED + 60)]
    monkeypatch.setattr(session_cookie.time, "time", lambda: moment[0])
    return moment


def test_a_cookie_of_the_other_server_is_read(codec: SessionCodec, now: list[float]) -> None:
    assert codec.read(SEALED_ELSEWHERE) == Session(ACCOUNT, ISSUED)


def test_the_other_server_reads_ours(codec: SessionCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_cookie, "random", lambda _: NONCE)
    assert codec.value(Session(ACCOUNT, ISSUED)) == SEALED_ELSEWHERE


def test_a_session_of_ours_keeps_its_id_when_it_is_renewed(codec: SessionCodec) -> None:
    session = Session.start(ACCOUNT)
    assert codec.read(codec.value(session)) == session
    assert session.renewed().session_id == session.session_id


def test_a_session_ends_after_180_days(codec: SessionCodec, now: list[float]) -> None:
    now[0] = ISSUED + 15_552_000 - 1
    assert codec.read(SEALED_ELSEWHERE) is not None
    now[0] += 1
    assert codec.read(SEALED_ELSEWHERE) is None


def test_nobody_can_change_a_cookie_or_make_one_with_another_key(
    codec: SessionCodec, settings: Settings, now: list[float]
) -> None:
    sealed, nonce = (base64.b64decode(part) for part in unquote(SEALED_ELSEWHERE).split(";"))
    for position in (0, 15, 16, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[position] ^= 1
        text = f"{base64.b64encode(changed).decode()};{base64.b64encode(nonce).decode()}"
        assert codec.read(quote(text, safe="")) is None
    key = {"secure_session_secret_key": SecretStr("2e" * 32)}
    other = SessionCodec(settings.model_copy(update=key))
    assert other.read(SEALED_ELSEWHERE) is None


_CODEC = SessionCodec(settings_on("postgresql://h/d", "redis://h", "smtp://h", Path("/nowhere")))


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9+/=%]{0,80}(;|%3B)[A-Za-z0-9+/=%]{0,40}")))
def test_whatever_a_cookie_says_it_is_no_error(value: str) -> None:
    assert _CODEC.read(value) is None
    assert _CODEC.read(quote(value, safe="")) is None


@given(
    st.recursive(
        st.none() | st.integers(-(2**53), 2**53) | st.text(), lambda inner: st.dictionaries(st.text(), inner)
    )
)
def test_whatever_was_sealed_it_is_no_error(content: object) -> None:
    sealed = _CODEC._box.encrypt(session_cookie.orjson.dumps({"passport": content, "__ts": content}))
    parts = (base64.b64encode(part).decode() for part in (sealed.ciphertext, sealed.nonce))
    assert _CODEC.read(quote(";".join(parts), safe="")) is None
