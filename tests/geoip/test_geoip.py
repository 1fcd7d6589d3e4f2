"""Where addresses are, without a network."""

from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from graasp.geoip import locate

KEYS = {"range", "country", "region", "eu", "timezone", "city", "ll", "metro", "area"}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nowhere",
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "169.254.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "2001:db8::1",
        "2001:4860:4860::8888%x",
        "8.8.8.8:80",
        "8.8.8.8/32",
        "08.8.8.8",
        "8.8.8.8\n",
        "8.8.8",
    ],
)
def test_what_is_no_public_address_is_nowhere(address: str) -> None:
    assert locate(address, None) is None


def test_the_packaged_database_knows_the_country() -> None:
    found = locate("8.8.8.8", None)
    assert found is not None
    assert set(found) == KEYS
    assert (found["country"], found["eu"], found["city"], found["timezone"]) == ("US", "0", "", "")
    first, last = found["range"]
    assert first <= 0x08080808 <= last


def test_addresses_of_version_six_have_no_range() -> None:
    found = locate("2001:4860:4860::8888", None)
    assert found is not None
    assert (found["country"], found["range"]) == ("US", "")


def test_a_mapped_address_is_one_of_version_four() -> None:
    assert locate("::ffff:8.8.8.8", None) == locate("8.8.8.8", None)


@pytest.mark.parametrize(("address", "eu"), [("193.99.144.80", "1"), ("130.59.1.1", "0")])
def test_the_european_union(address: str, eu: str) -> None:
    found = locate(address, None)
    assert found is not None
    assert found["eu"] == eu


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database of cities, as `GEOIP_DATABASE` names one."""
    writer = MMDBWriter(6, "GeoLite2-City", languages=["en"], ipv4_compatible=True)
    whole: dict[str, Any] = {
        "country": {"iso_code": "CH"},
        "subdivisions": [{"iso_code": "VD"}, {"iso_code": "X"}],
        "city": {"names": {"en": "Lausanne", "fr": "Lausanne"}},
        "location": {
            "latitude": 46.5,
            "longitude": 6.6,
            "time_zone": "Europe/Zurich",
            "metro_code": 7,
            "accuracy_radius": 20,
        },
    }
    writer.insert_network(IPSet(["130.59.0.0/16"]), whole)
    writer.insert_network(IPSet(["2001:620::/32"]), whole)
    writer.insert_network(IPSet(["8.8.8.0/24"]), {"country": {"iso_code": "FR"}})
    writer.insert_network(IPSet(["9.9.9.0/24"]), {"location": {}})
    file = tmp_path / "cities.mmdb"
    writer.to_db_file(str(file))
    return file


def test_a_database_of_cities_knows_more(database: Path) -> None:
    known = {
        "country": "CH",
        "region": "VD",
        "eu": "0",
        "timezone": "Europe/Zurich",
        "city": "Lausanne",
        "ll": [46.5, 6.6],
        "metro": 7,
        "area": 20,
    }
    block = [130 * 2**24 + 59 * 2**16, 130 * 2**24 + 60 * 2**16 - 1]
    assert locate("130.59.10.1", database) == {"range": block, **known}
    assert locate("2001:620::1", database) == {"range": "", **known}


def test_what_a_database_does_not_say_is_empty(database: Path) -> None:
    assert locate("1.1.1.1", database) is None
    assert locate("10.0.0.1", database) is None
    found = locate("8.8.8.8", database)
    assert found is not None
    assert (found["country"], found["eu"], found["region"], found["ll"]) == ("FR", "1", "", [])
    found = locate("9.9.9.9", database)
    assert found is not None
    assert (found["country"], found["eu"]) == ("", "0")
