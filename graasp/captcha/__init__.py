"""Whether a person is at the other end: Google's reCAPTCHA v3, off in development."""

from typing import Any

import httpx
import structlog

from graasp.http.errors import DomainError, ServiceUnavailable
from graasp.settings import Settings
from graasp.web.certificates import certificates

log = structlog.get_logger(__name__)

_LOWEST_SCORE = 0.5
_TIMEOUT_S = 5.0


class CaptchaFailed(DomainError):
    code = "GERR028"
    status = 401
    message = "The authentication failed"


async def require_person(
    settings: Settings, token: str, address: str, *, action: str, any_score: bool = False
) -> None:
    """Make sure that the token was given for `action` to somebody who seems to be a person.

    Raises CaptchaFailed, and ServiceUnavailable when the captcha service does not answer.
    """
    if settings.is_development:
        return
    secret = settings.recaptcha_secret_access_key
    if not token or secret is None:
        raise CaptchaFailed
    query = {"secret": secret.get_secret_value(), "response": token, "remoteip": address}
    answer = await _ask(settings.recaptcha_verify_url, query)
    score = answer.get("score")
    if not isinstance(score, int | float) or not (any_score or score > _LOWEST_SCORE):
        raise CaptchaFailed
    if not answer.get("success") or answer.get("action") != action:
        raise CaptchaFailed


async def _ask(url: str, query: dict[str, str]) -> dict[str, Any]:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, verify=certificates()) as client:
            response = await client.get(url, params=query)
            answer = response.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        # The URL holds the secret: only the kind of failure is logged.
        log.error("captcha service failed", reason=type(error).__name__)
        raise ServiceUnavailable from None
    return answer if isinstance(answer, dict) else {}
