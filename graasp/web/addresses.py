"""Which addresses this server may be sent to by others: those of the public internet, and no others."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(text: str) -> bool:
    """Whether an address is one of the public internet, whatever form hides it; false for what is no address."""
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    hidden = _hidden_address(address)
    if hidden is not None:
        return is_public(str(hidden))
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        # Deprecated in favour of fc00::/7, and still in use inside of some networks.
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _hidden_address(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a gateway would make of an IPv6 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour
