"""Whom an address stands for: what is shared out, and counted, by peer."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

_NETWORK_BITS: Final = 64
"""Of an IPv6 address: what one customer of a provider gets at least, who may take any address in
there.
"""


@lru_cache(1024)
def peer_of(address: str) -> str:
    """Return what all addresses of one peer have in common: the address, and of IPv6 its /64.

    What is no address (a Unix socket's peer has none) stands for itself. 127.0.0.1 is one peer like
    any other: whoever has others connect by way of it, as a proxy does, has to share out among
    them.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, _NETWORK_BITS), strict=False))
    return str(parsed)
