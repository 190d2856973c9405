"""Targets of HTTP requests and the hosts in them, as RFC 3986 has them."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

_ABSOLUTE: Final = re.compile(rb"https?://([^/?]+)(.*)", re.IGNORECASE)
_NAME_CHARACTERS: Final = rb"A-Za-z0-9\-._~!$&'()*+,;="
_HOST: Final = re.compile(
    rb"(?:\[(?:([0-9A-Fa-f:.]+)|[Vv][0-9A-Fa-f]+\.[%b:]+)\]|[%b%%]*)(?::[0-9]*)?"
    % (_NAME_CHARACTERS, _NAME_CHARACTERS)
)
_BAD_ESCAPE_IN_HOST: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def is_host(host: bytes) -> bool:
    """Return whether this is a host, and a port if any: a name, an IPv4 or IPv6 address, or one of
    the future.
    """
    match = _HOST.fullmatch(host)
    if match is None or (b"%" in host and _BAD_ESCAPE_IN_HOST.search(host)):
        return False
    if match[1] is not None:
        try:
            IPv6Address(match[1].decode())
        except AddressValueError:
            return False
    return True


def other_form(method: bytes, target: bytes) -> bytes | None:
    """Return the path and query of a target that is not in origin form; None where there is no such
    form.
    """
    if target == b"*":
        return target if method == b"OPTIONS" else None
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or absolute[1].startswith(b":") or not is_host(absolute[1]):
        return None
    return absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]


def decoded_path(path: str) -> str | None:
    """Undo the percent-encoding; None where it is broken, is no UTF-8, or holds a NUL."""
    if _BAD_ESCAPE.search(path):
        return None
    # As the escapes of Python's texts, which are undone without a step for each.
    escaped = path.replace("\\", "\\\\").replace("%", "\\x").encode()
    try:
        decoded = escaped.decode("unicode_escape").encode("latin-1").decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in decoded else decoded
