"""Whom an address stands for: what is shared out, and counted, by peer; and which are on this
machine."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
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


@lru_cache(1024)
def is_local(address: str) -> bool:
    """Return whether it is this machine's own: of the loopback, or of a Unix socket, which has
    none."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return True


UNIX: Final = "unix"
"""The network of whoever comes by a Unix socket."""

Network = IPv4Network | IPv6Network


def read_networks(text: str) -> tuple[str, ...]:
    """Return the networks that are written, as they are written; raise ValueError."""
    words = tuple(text.split())
    try:
        networks_of(words)
    except ValueError:
        raise ValueError(
            "addresses and networks such as 192.0.2.7 or 10.0.0.0/8 with blanks between them, and"
            " unix for Unix sockets"
        ) from None
    return words


def networks_of(words: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks of these words, but that of Unix sockets; raise ValueError."""
    return tuple(ip_network(word) for word in words if word != UNIX)


def is_in(address: str, networks: tuple[Network, ...]) -> bool:
    """Return whether an address is in one of these networks."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)
