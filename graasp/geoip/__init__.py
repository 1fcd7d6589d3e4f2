"""Where an address is, looked up without a network: the country, or more when GEOIP_DATABASE names a database."""

import ipaddress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import maxminddb
from geoip2fast import GeoIP2Fast

_EUROPEAN_UNION = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)

Place = dict[str, Any]


def locate(address: str, database: Path | None) -> Place | None:
    """`{range, country, region, eu, timezone, city, ll, metro, area}`, or nothing for unknown and private addresses."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if not ip.is_global or getattr(ip, "scope_id", None):
        return None
    return _from_file(str(ip), database) if database else _from_package(str(ip))


def _from_package(address: str) -> Place | None:
    found = _countries().lookup(address)
    if not found.country_code or found.country_code == "--":
        return None
    return _place(found.cidr, country=found.country_code)


def _from_file(address: str, database: Path) -> Place | None:
    record, prefix = _reader(database).get_with_prefix_len(address)
    if not isinstance(record, dict):
        return None
    data: dict[str, Any] = record
    location = data.get("location", {})
    network = str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))
    return _place(
        network,
        country=data.get("country", {}).get("iso_code", ""),
        region=next((part.get("iso_code", "") for part in data.get("subdivisions", ())), ""),
        city=data.get("city", {}).get("names", {}).get("en", ""),
        timezone=location.get("time_zone", ""),
        position=[location["latitude"], location["longitude"]] if "latitude" in location else [],
        metro=location.get("metro_code", 0),
        area=location.get("accuracy_radius", 0),
    )


def _place(
    network: str,
    *,
    country: str,
    region: str = "",
    city: str = "",
    timezone: str = "",
    position: list[float] | None = None,
    metro: int = 0,
    area: int = 0,
) -> Place:
    block = ipaddress.ip_network(network, strict=False)
    is_v4 = block.version == 4
    return {
        "range": [int(block.network_address), int(block.broadcast_address)] if is_v4 else "",
        "country": country,
        "region": region,
        "eu": "1" if country in _EUROPEAN_UNION else "0",
        "timezone": timezone,
        "city": city,
        "ll": position or [],
        "metro": metro,
        "area": area,
    }


@cache
def _countries() -> GeoIP2Fast:
    return GeoIP2Fast(geoip2fast_data_file=str(files("geoip2fast") / "geoip2fast-ipv6.dat.gz"))


@cache
def _reader(database: Path) -> maxminddb.Reader:
    return maxminddb.open_database(str(database))
