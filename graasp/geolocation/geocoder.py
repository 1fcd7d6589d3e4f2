"""Addresses and their positions, asked of a geocoder that speaks the Geoapify protocol."""

import hashlib
from typing import Any

import httpx
import orjson
import structlog
from redis.exceptions import RedisError

from graasp.geolocation.errors import GeolocationNotFound, MissingGeolocationApiKey
from graasp.http.errors import ServiceUnavailable
from graasp.platform import Platform
from graasp.web.certificates import certificates

log = structlog.get_logger(__name__)

_TIMEOUT_S = 5.0
_KEPT_S = 3600
_LARGEST_ANSWER = 1024 * 1024


async def reverse(platform: Platform, lat: float, lng: float, lang: str) -> dict[str, Any]:
    """`{addressLabel, country}`, the country by its full name.

    Raises MissingGeolocationApiKey, GeolocationNotFound, ServiceUnavailable.
    """
    results = await _ask(platform, "reverse", {"lat": str(lat), "lon": str(lng), "lang": lang})
    if not results:
        raise GeolocationNotFound
    return {"addressLabel": results[0].get("formatted"), "country": results[0].get("country")}


async def search(platform: Platform, query: str, lang: str) -> list[dict[str, Any]]:
    """`{id, addressLabel, country, lat, lng}` of every match, the country by its code.

    Raises MissingGeolocationApiKey, ServiceUnavailable.
    """
    results = await _ask(platform, "search", {"text": query, "lang": lang})
    return [
        {
            "id": result.get("place_id"),
            "addressLabel": result.get("formatted"),
            "country": result.get("country_code"),
            "lat": result.get("lat"),
            "lng": result.get("lon"),
        }
        for result in results
    ]


async def _ask(platform: Platform, operation: str, query: dict[str, str]) -> list[dict[str, Any]]:
    host, key = platform.settings.geolocation_api_host, platform.settings.geolocation_api_key
    if host is None or key is None:
        raise MissingGeolocationApiKey
    question = hashlib.sha256(orjson.dumps([operation, query])).hexdigest()
    kept_as = f"geocoder:{question}"
    if (cached := await _cached(platform, kept_as)) is not None:
        return cached
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, verify=certificates()) as client:
            params = query | {"format": "json", "apiKey": key.get_secret_value()}
            answer = await client.get(f"{host}/{operation}", params=params)
        if not answer.is_success or len(answer.content) > _LARGEST_ANSWER:
            raise ValueError(f"status {answer.status_code}")
        results = [result for result in answer.json()["results"] if isinstance(result, dict)]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        # Not the error's own words: they hold the address with its key.
        log.warning("geocoder failed", reason=type(error).__name__)
        raise ServiceUnavailable from None
    await _keep(platform, kept_as, results)
    return results


async def _cached(platform: Platform, name: str) -> list[dict[str, Any]] | None:
    try:
        stored = await platform.redis.get(name)
    except (RedisError, OSError):
        return None
    return orjson.loads(stored) if stored else None


async def _keep(platform: Platform, name: str, results: list[dict[str, Any]]) -> None:
    try:
        await platform.redis.set(name, orjson.dumps(results), ex=_KEPT_S)
    except (RedisError, OSError) as error:
        log.warning("answer of the geocoder not kept", reason=str(error))
