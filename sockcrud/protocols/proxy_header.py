"""The header with which a proxy says whose a connection is: the PROXY protocol, versions 1 and 2.

Twisted's `twisted.protocols.haproxy` makes the connection before it has read the header, and so
with the proxy's address; it takes a header of version 2 only where 16 bytes of it come at once,
waits for it without end, and expects it inside of TLS, where proxies send it in front.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import Final

from attrs import frozen
from twisted.internet.address import IPv4Address, IPv6Address

LONGEST_1: Final = 107
"""Bytes of a header of version 1, as its specification counts them, with its CRLF."""
LONGEST_2: Final = 2048
"""Bytes of a header of version 2. Two addresses take 52, two paths of Unix sockets 232; the rest is
for what a proxy adds, such as the certificate's names."""

_TEXT: Final = b"PROXY "
_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED: Final = len(_SIGNATURE) + 4
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6, _UNIX = 0x11, 0x21, 0x31

Address = IPv4Address | IPv6Address


class NoHeader(Exception):
    """What was received does not begin with a header."""


@frozen
class Header:
    """What a header says: who the client is, None where the proxy itself is; and how long it is."""

    client: Address | None
    length: int


def read_header(received: bytes) -> Header | None:
    """Return the header that this begins with, None while more of it has to come; raise
    NoHeader."""
    if received.startswith(_SIGNATURE[: len(received)]):
        return _read_2(received)
    if received.startswith(_TEXT[: len(received)]):
        return _read_1(received)
    raise NoHeader


def _read_1(received: bytes) -> Header | None:
    end = received.find(b"\r\n", 0, LONGEST_1)
    if end < 0:
        if len(received) >= LONGEST_1:
            raise NoHeader
        return None
    match received[:end].split(b" "):
        case [b"PROXY", b"UNKNOWN", *_]:
            client = None
        case [b"PROXY", b"TCP4" | b"TCP6" as family, source, _, port, _]:
            client = _address(family == b"TCP6", source.decode("latin-1"), port)
        case _:
            raise NoHeader
    return Header(client, end + 2)


def _read_2(received: bytes) -> Header | None:
    if len(received) < _FIXED:
        return None
    command, family, length = struct.unpack_from("!BBH", received, len(_SIGNATURE))
    if command not in (_LOCAL, _PROXY) or length > LONGEST_2 - _FIXED:
        raise NoHeader
    whole = _FIXED + length
    if len(received) < whole:
        return None
    if command == _LOCAL or family not in (_TCP4, _TCP6):
        # A connection of the proxy's own, such as a check of its; or from where there are no
        # addresses.
        if command == _PROXY and family not in (0, _UNIX):
            raise NoHeader
        return Header(None, whole)
    form = "!4s4xH2x" if family == _TCP4 else "!16s16xH2x"
    if length < struct.calcsize(form):
        raise NoHeader
    source, port = struct.unpack_from(form, received, _FIXED)
    kind = IPv4Address if family == _TCP4 else IPv6Address
    return Header(kind("TCP", str(ip_address(source)), port), whole)


def _address(six: bool, source: str, port: bytes) -> Address:
    try:
        parsed = ip_address(source)
    except ValueError:
        raise NoHeader from None
    if (parsed.version == 6) is not six or not port.isdigit() or int(port[:6]) > 65535:
        raise NoHeader
    return (IPv6Address if six else IPv4Address)("TCP", str(parsed), int(port))
