"""Where mailed links may lead on."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graasp.auth.redirects import allowed_redirect, followed_redirect, sign_in_link
from graasp.settings import Settings

HOME = "http://client.test/home/"
_ORIGINS = ("http://client.test", "http://library.test:8080")
_UNRELATED = Settings.model_construct(client_host=_ORIGINS[0], library_client_host=_ORIGINS[1])


@pytest.mark.parametrize(
    "url",
    [
        "http://client.test",
        "http://client.test/a?b#c",
        "http://client.test:80/a",
        "HTTP://Client.Test/a",
        "http://library.test:8080/",
    ],
)
def test_addresses_of_the_clients_are_allowed(url: str) -> None:
    assert allowed_redirect(_UNRELATED, url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "/home",
        "//client.test/",
        "client.test",
        "https://client.test/",
        "http://client.test:81/",
        "http://client.test.evil.test/",
        "http://client.test@evil.test/",
        "http://evil@client.test/",
        "http://client.test\\@evil.test/",
        "http://client.test\\.evil.test/",
        "http://client.test\r\n/",
        "http://library.test/",
        "http://client.test:port/",
        "http://[client.test/",
        "javascript:alert(1)",
        "data:text/html,http://client.test/",
    ],
)
def test_everything_else_leads_home(url: str | None) -> None:
    assert allowed_redirect(_UNRELATED, url) == HOME


@given(st.text(alphabet=st.sampled_from("htp:/\\@.?#%[]client.test evil\t\n"), max_size=60))
def test_whatever_is_asked_for_the_browser_stays_with_the_clients(rest: str) -> None:
    for asked in (rest, f"http://client.test{rest}"):
        allowed = followed_redirect(_UNRELATED, asked)
        assert (urlsplit(allowed).hostname, urlsplit(allowed).port or 80) in (
            ("client.test", 80),
            ("library.test", 8080),
        )
        # Browsers take a backslash for a slash, and drop tabs and line breaks.
        assert "\\" not in urlsplit(allowed).netloc
        assert not set(allowed) & set("\t\n\r")


def test_links_lead_through_the_clients_host_or_this_server(make_settings: Callable[..., Settings]) -> None:
    link = sign_in_link(make_settings(), "a.b.c", "http://library.test/a?b=c")
    assert link.startswith("http://client.test/api/auth?")
    assert parse_qs(urlsplit(link).query) == {"t": ["a.b.c"], "url": ["http://library.test/a?b=c"]}
    given_values = make_settings().model_dump(exclude={"client_host"})
    without = Settings(_env_file=None, **given_values)  # type: ignore[call-arg]
    assert sign_in_link(without, "a.b.c", None).startswith("http://127.0.0.1:3000/api/auth?")
