"""The state of the server and its companions, checked side by side and within a bound."""

import asyncio
from collections.abc import Awaitable
from typing import NamedTuple

import httpx

from graasp.db.database import DatabaseUnavailable
from graasp.platform import Platform
from graasp.settings import Settings
from graasp.web.certificates import certificates

_TIMEOUT_S = 3.0
_KEPT_S = 5
_MARKS = {"healthy": "✅", "not-healthy": "⌛️", "not-reachable": "❌", "unexpected": "⁉️"}


class _Unhealthy(Exception):
    """The part answered, but not as it should."""


class _Unset(Exception):
    """The installation has no such part."""


class Part(NamedTuple):
    name: str
    label: str
    check: Awaitable[str]


async def check_parts(platform: Platform) -> dict[str, dict[str, str]]:
    """`{part: {status, isHealthy, message}}` for api, database, meilisearch, etherpad, iframely, in this order.

    However many ask, the companions are asked once in a few seconds.
    """
    database, companions = await asyncio.gather(
        _answer(Part("database", "Database", _database(platform))),
        platform.results.get(
            "companions", seconds=_KEPT_S, work=lambda: _check_companions(platform.settings)
        ),
    )
    own = {"api": _report("healthy", "Running"), "database": database}
    return {**own, **companions}


async def _check_companions(settings: Settings) -> dict[str, dict[str, str]]:
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, verify=certificates()) as client:
        parts = [
            Part("meilisearch", "Meilisearch", _meilisearch(client, settings.meilisearch_url)),
            Part("etherpad", "Etherpad", _etherpad(client, settings.etherpad_url)),
            Part("iframely", "Iframely", _iframely(client, settings.embedded_link_item_iframely_href_origin)),
        ]
        answers = await asyncio.gather(*(_answer(part) for part in parts))
    return {part.name: answer for part, answer in zip(parts, answers, strict=True)}


async def _answer(part: Part) -> dict[str, str]:
    try:
        return _report("healthy", await asyncio.wait_for(part.check, _TIMEOUT_S))
    except _Unhealthy:
        return _report("not-healthy", f"{part.label} is not Ok.")
    except (_Unset, DatabaseUnavailable, httpx.ConnectError, httpx.TimeoutException, TimeoutError):
        return _report("not-reachable", "Service Unreachable")
    except Exception as error:
        return _report("unexpected", f"Unexpected error: {type(error).__name__}")


def _report(status: str, message: str) -> dict[str, str]:
    return {"status": status, "isHealthy": _MARKS[status], "message": message}


async def _database(platform: Platform) -> str:
    if not await platform.database.is_ready():
        raise _Unhealthy
    return "Running"


async def _meilisearch(client: httpx.AsyncClient, url: str | None) -> str:
    answer = await _get(client, "GET", url, "/health")
    if not answer.json().get("status"):
        raise _Unhealthy
    return "Running"


async def _etherpad(client: httpx.AsyncClient, url: str | None) -> str:
    answer = await _get(client, "GET", url, "/api")
    version = answer.json().get("currentVersion")
    if not version:
        raise _Unhealthy
    return f"Running {version}"


async def _iframely(client: httpx.AsyncClient, url: str | None) -> str:
    await _get(client, "HEAD", url, "/iframely?url=https://graasp.org")
    return "Running"


async def _get(client: httpx.AsyncClient, method: str, origin: str | None, path: str) -> httpx.Response:
    if not origin:
        raise _Unset
    answer = await client.request(method, f"{origin}{path}")
    if not answer.is_success:
        raise _Unhealthy
    return answer
