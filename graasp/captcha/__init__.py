"""Whether a person is at the other end: Google's reCAPTCHA v3, off in development."""

import httpx
import structlog

from graasp.http.errors import DomainError
from graasp.settings import Settings

log = structlog.get_logger(__name__)

_VERIFY_URL = "https://www.google.com/recaptcha/api/siteverify"
_LOWEST_SCORE = 0.5
_TIMEOUT_S = 5.0


class CaptchaFailed(DomainError):
    code = "GERR028"
    status = 401
    message = "The authentication failed"


async def require_person(
    settings: Settings, token: str, address: str, *, action: str, any_score: bool = False
) -> None:
    """Raise CaptchaFailed unless the token was given for `action` to somebody who seems to be a person."""
    if settings.is_development:
        return
    secret = settings.recaptcha_secret_access_key
    if not token or secret is None:
        raise CaptchaFailed
    query = {"secret": secret.get_secret_value(), "response": token, "remoteip": address}
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
            answer = (await client.get(_VERIFY_URL, params=query)).json()
    except (httpx.HTTPError, ValueError) as error:
        # The URL holds the secret: only the kind of failure is logged.
        log.error("captcha service failed", reason=type(error).__name__)
        raise CaptchaFailed from None
    score = answer.get("score")
    good = any_score or (isinstance(score, int | float) and score > _LOWEST_SCORE)
    if not (answer.get("success") and answer.get("action") == action and score is not None and good):
        raise CaptchaFailed
