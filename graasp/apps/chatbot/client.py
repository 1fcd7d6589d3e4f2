"""Chat completions over HTTP, as OpenAI and many others offer them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import structlog
from httpx_retries import Retry, RetryTransport
from pydantic import BaseModel, Field, ValidationError

from graasp.apps.chatbot.errors import CompletionTimeout, NoCompletion, QuotaExceeded
from graasp.http.errors import DomainError
from graasp.settings import Settings
from graasp.web.certificates import certificates

log = structlog.get_logger(__name__)

# For everything together: tries, pauses, and the reading of the answer.
_TIMEOUT_S = 60.0
_CONNECT_TIMEOUT_S = 10.0
_RETRIES = 2
_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_MAY_SUCCEED_LATER = (408, 409, 429, *range(500, 600))


class Reply(BaseModel):
    content: str | None = None


class Choice(BaseModel):
    message: Reply
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: list[Choice] = Field(min_length=1)


async def complete(
    settings: Settings, messages: Sequence[Mapping[str, str]], model: str, temperature: float
) -> Choice:
    """The model's first choice of what comes next in a conversation.

    Raises NoCompletion, QuotaExceeded, or CompletionTimeout after a minute.
    """
    if settings.openai_api_key is None:
        raise _logged(NoCompletion(), "no key is configured")
    headers = {"Authorization": f"Bearer {settings.openai_api_key.get_secret_value()}"}
    if settings.openai_org_id is not None:
        headers["OpenAI-Organization"] = settings.openai_org_id
    body = {"messages": messages, "model": model, "temperature": temperature}
    try:
        async with asyncio.timeout(_TIMEOUT_S), _client() as client:
            url = f"{settings.openai_base_url}/chat/completions"
            answer = await client.post(url, json=body, headers=headers)
    except (TimeoutError, httpx.TimeoutException):
        raise _logged(CompletionTimeout(), "no answer in time") from None
    except httpx.HTTPError as error:
        raise _logged(NoCompletion(), type(error).__name__) from None
    return _first_choice(answer)


def _client() -> httpx.AsyncClient:
    retry = Retry(
        total=_RETRIES,
        allowed_methods=["POST"],
        status_forcelist=_MAY_SUCCEED_LATER,
        backoff_factor=_PAUSE_S,
        max_backoff_wait=_LONGEST_PAUSE_S,
    )
    transport = httpx.AsyncHTTPTransport(verify=certificates(), trust_env=False)
    return httpx.AsyncClient(
        transport=RetryTransport(transport, retry),
        timeout=httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
        trust_env=False,
    )


def _first_choice(answer: httpx.Response) -> Choice:
    if not answer.is_success:
        is_quota = answer.status_code == httpx.codes.TOO_MANY_REQUESTS
        error = QuotaExceeded() if is_quota else NoCompletion()
        raise _logged(error, f"status {answer.status_code}", kind=_kind_of_failure(answer))
    try:
        return _Completion.model_validate_json(answer.content).choices[0]
    except ValidationError:
        raise _logged(NoCompletion(), "answer without choices") from None


def _kind_of_failure(answer: httpx.Response) -> Any:
    """The service's own code for what went wrong; its message may quote the key."""
    try:
        return answer.json()["error"]["code"]
    except (ValueError, LookupError, TypeError):
        return None


def _logged(error: DomainError, reason: str, **details: Any) -> DomainError:
    """The error, which does not tell clients why."""
    log.warning("no chat completion", reason=reason, **details)
    return error
