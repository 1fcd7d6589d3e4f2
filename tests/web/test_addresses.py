"""Which addresses are those of the public internet."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graasp.web.addresses import is_public

PRIVATE_NETWORKS = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
]


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111"])
def test_public_ones(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "fd12::1",
        "ff02::1",
        "2001:db8::1",
        "localhost",
        "",
        "1.1.1",
        "0x7f.1",
    ],
)
def test_private_ones_and_what_is_none(address: str) -> None:
    assert not is_public(address)


@given(st.sampled_from(PRIVATE_NETWORKS).flatmap(lambda n: st.ip_addresses(v=4, network=n)))
def test_a_private_address_stays_private_in_every_form(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    nat64 = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | number)
    six_to_four = ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)
    for form in (address, mapped, nat64, six_to_four):
        assert not is_public(str(form)), form
