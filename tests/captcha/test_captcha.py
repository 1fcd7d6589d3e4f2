"""Whether a person is at the other end."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from graasp.accounts.tables import account
from graasp.app import create_app
from graasp.captcha import CaptchaFailed, require_person
from graasp.embedded.process import free_port
from graasp.http.errors import ServiceUnavailable
from graasp.http.responses import json_response
from graasp.platform import Platform
from graasp.settings import Settings
from tests.conftest import serving
from tests.factories import Factory
from tests.people import PASSWORD, refusal, with_password

ADDRESS = "192.0.2.1"
SECRET = "the-captcha-secret"

_PERSON = {"success": True, "action": "signIn", "score": 0.9}


class CaptchaService:
    """Answers what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = _PERSON
        self.status = 200
        self.asked: list[dict[str, str]] = []

    async def verify(self, request: Request) -> Response:
        self.asked.append(dict(request.query_params))
        if isinstance(self.answer, str):
            return PlainTextResponse(self.answer, status_code=self.status)
        return json_response(self.answer, status=self.status)


@pytest.fixture
def service() -> CaptchaService:
    return CaptchaService()


@pytest.fixture
async def settings(
    service: CaptchaService, make_settings: Callable[..., Settings]
) -> AsyncIterator[Settings]:
    """A server that asks a captcha service of ours."""
    app = FastAPI()
    app.add_route("/siteverify", service.verify)
    async with serving(app) as url:
        yield make_settings(recaptcha_secret_access_key=SECRET, recaptcha_verify_url=f"{url}/siteverify")


async def _passes(settings: Settings, token: str = "token", *, any_score: bool = False) -> bool:
    try:
        await require_person(settings, token, ADDRESS, action="signIn", any_score=any_score)
    except CaptchaFailed:
        return False
    return True


async def test_the_service_is_asked_with_token_secret_and_address(
    settings: Settings, service: CaptchaService
) -> None:
    assert await _passes(settings)
    assert service.asked == [{"response": "token", "secret": SECRET, "remoteip": ADDRESS}]


@pytest.mark.parametrize(
    ("change", "strictly", "with_any_score"),
    [
        ({}, True, True),
        ({"score": 0.51}, True, True),
        ({"score": 0.5}, False, True),
        ({"score": 0}, False, True),
        ({"score": None}, False, False),
        ({"score": "0.9"}, False, False),
        ({"success": False}, False, False),
        ({"action": "signUp"}, False, False),
        ({"action": None}, False, False),
    ],
)
async def test_who_passes_for_a_person(
    settings: Settings,
    service: CaptchaService,
    change: dict[str, Any],
    strictly: bool,
    with_any_score: bool,
) -> None:
    service.answer = _PERSON | change
    assert await _passes(settings) is strictly
    assert await _passes(settings, any_score=True) is with_any_score


@pytest.mark.parametrize("answer", [{}, [], None, 1])
async def test_an_answer_of_another_shape_is_no_person(
    settings: Settings, service: CaptchaService, answer: object
) -> None:
    service.answer = answer
    assert not await _passes(settings)


async def test_an_empty_token_is_refused_without_asking(settings: Settings, service: CaptchaService) -> None:
    assert not await _passes(settings, "")
    assert service.asked == []


async def test_nobody_passes_without_a_secret_and_everybody_in_development(
    make_settings: Callable[..., Settings],
) -> None:
    assert not await _passes(make_settings())
    assert await _passes(make_settings(node_env="development"), "")


async def test_a_service_that_fails_is_told_without_the_secret(
    settings: Settings,
    service: CaptchaService,
    make_settings: Callable[..., Settings],
    capsys: pytest.CaptureFixture[str],
) -> None:
    away = make_settings(
        recaptcha_secret_access_key=SECRET, recaptcha_verify_url=f"http://127.0.0.1:{free_port()}"
    )
    service.answer = "no JSON"
    for asked in (settings, away):
        with pytest.raises(ServiceUnavailable) as refused:
            await require_person(asked, "token", ADDRESS, action="signIn")
        assert SECRET not in str(refused.value.body())
    service.status = 500
    with pytest.raises(ServiceUnavailable):
        await require_person(settings, "token", ADDRESS, action="signIn")
    assert SECRET not in capsys.readouterr().out


NAME = {"name": "Anna"}
ROUTES = {
    "/api/register": ("signUp", NAME, False),
    "/api/login": ("signIn", {}, False),
    "/api/login-password": ("signInWithPassword", {"password": PASSWORD}, True),
    "/api/password/reset": ("resetPassword", {}, False),
}


@pytest.mark.parametrize("path", ROUTES)
async def test_every_route_asks_for_its_own_action(
    client: httpx.AsyncClient, factory: Factory, platform: Platform, service: CaptchaService, path: str
) -> None:
    await with_password(factory, email="a@example.org")
    action, more, takes_low_scores = ROUTES[path]
    body = more | {"email": "a@example.org", "captcha": "token"}
    for answer, passes in (
        ({"success": True, "action": action, "score": 0.9}, True),
        ({"success": True, "action": action, "score": 0.1}, takes_low_scores),
        ({"success": True, "action": "another", "score": 0.9}, False),
    ):
        service.answer = answer
        told = await client.post(path, json=body)
        assert refusal(told) == ((204, None) if passes else (401, "GERR028"))
    empty = await client.post(path, json=body | {"captcha": ""})
    assert empty.json() == {
        "name": "The authentication failed",
        "code": "GERR028",
        "message": "The authentication failed",
        "statusCode": 401,
        "origin": "core",
    }
    assert (await client.post(path, json={"captcha": "x"})).status_code == 400
    service.answer = {}
    unknown = await client.post(path, json=body | {"email": "unknown@example.org"})
    assert refusal(unknown) == (401, "GERR028")
    assert len(await platform.reads.all(select(account.c.id))) == 1


async def test_the_address_is_the_one_a_trusted_proxy_tells(
    service: CaptchaService, settings: Settings, clean_services: None
) -> None:
    app = create_app(settings.model_copy(update={"trusted_proxies": 1}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as client:
            await client.post(
                "/api/login",
                json={"email": "a@example.org", "captcha": "x"},
                headers={"X-Forwarded-For": f"203.0.113.9, {ADDRESS}"},
            )
    assert service.asked[0]["remoteip"] == ADDRESS
