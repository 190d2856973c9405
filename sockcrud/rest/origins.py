"""Which web pages may use a dialect. Only browsers are judged here: what else sends requests need
not tell the truth.

A browser on the same machine, or in the same network, reaches what a stranger does not. So a page
of the stranger's, once opened there, can try to use a dialect in three ways:

- It has a name of its own resolve to this machine (DNS rebinding), and then is of the dialect's own
  origin. The browser still says the name in `Host`: on a loopback listener, only hosts that were
  configured or are loopback are served.
- It sends what needs no permission: a form, or `fetch` without CORS. It cannot read the answer, but
  what it asked for has happened. Browsers say whose page it is in `Sec-Fetch-Site`, or at least in
  `Origin`: changes are refused for others than the dialect's own pages and those of the configured
  origins.
- It asks for permission by CORS: only the configured origins get it.

A request without `Host`, and one without the other two fields, comes from no browser of these days,
and is served.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from attrs import frozen

from sockcrud.protocols.http.connection import Request

Header = tuple[bytes, bytes]

ANY: Final = "*"

CORS_HEADERS: Final = b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
CORS_EXPOSED: Final = b"ETag, Allow, Idempotency-Key, Retry-After, WWW-Authenticate"

_VARY: Final = (b"Vary", b"Origin")
_EXPOSED: Final = (b"Access-Control-Expose-Headers", CORS_EXPOSED)
_LONGEST_HOST: Final = 300
"""Bytes of a name of 253 letters and a port. What is longer names nothing, and is not remembered.
"""
_OWN_PAGES: Final = (b"same-origin", b"none")
_DEFAULT_PORTS: Final = {b"http": b":80", b"https": b":443"}


@frozen
class Sender:
    """What the header fields of a request tell of the web page that sent it, if one did."""

    misdirected: bool = False
    """It is for a host that is not served here."""
    foreign: bool = False
    """It comes from a page of another origin."""
    allowed: bool = False
    """That origin is configured."""
    cors: tuple[Header, ...] = ()
    """Header fields of the answer."""


@frozen
class Origins:
    """Whose pages may use a dialect, and the hosts it is served as: those of loopback too, and None
    for any.
    """

    allowed: tuple[str, ...] = ()
    hosts: frozenset[str] | None = None

    def sender(self, request: Request) -> Sender:
        """Return what is known of who sent the request."""
        host, origin = request.header(b"host"), request.header(b"origin")
        foreign = _is_foreign(request.header(b"sec-fetch-site"), origin, host)
        allowed = origin is not None and (
            ANY in self.allowed or origin.decode("latin-1") in self.allowed
        )
        return Sender(
            not self._serves(host), foreign, allowed, self._cors(origin if allowed else None)
        )

    def _serves(self, host: bytes | None) -> bool:
        return self.hosts is None or not host or is_loopback(host) or name_of(host) in self.hosts

    def _cors(self, origin: bytes | None) -> tuple[Header, ...]:
        if not self.allowed:
            return ()
        if origin is None:
            return (
                _VARY,
            )  # a cache that gave this to an allowed page would keep it from what it may have
        return (
            _VARY,
            (b"Access-Control-Allow-Origin", b"*" if ANY in self.allowed else origin),
            _EXPOSED,
        )


def preflight(methods: tuple[str, ...]) -> tuple[Header, ...]:
    """Return what an OPTIONS of an allowed page is told besides."""
    return (
        (b"Access-Control-Allow-Methods", ", ".join(methods).encode()),
        (b"Access-Control-Allow-Headers", CORS_HEADERS),
        (b"Access-Control-Max-Age", b"600"),
    )


@lru_cache(maxsize=256)
def _is_loopback(host: bytes) -> bool:
    name = name_of(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return (
            IPv6Address(name[1:-1]).is_loopback
            if name.startswith("[")
            else IPv4Address(name).is_loopback
        )
    except ValueError:
        return False


def is_loopback(host: bytes) -> bool:
    """Return whether a Host names this machine itself, with any port."""
    return len(host) <= _LONGEST_HOST and _is_loopback(host)


def name_of(host: bytes) -> str:
    """Return the host without its port, as names are compared: in lower case, and without the dot
    of the root.
    """
    text = host.decode("latin-1").lower()
    name, colon, port = text.rpartition(":")
    return (name if colon and (port.isdigit() or not port) else text).removesuffix(".")


def _is_foreign(site: bytes | None, origin: bytes | None, host: bytes | None) -> bool:
    """Return whether a page of another origin sent the request.

    Sec-Fetch-Site is the browser's own word, and right behind any proxy. It is only said to hosts
    that the browser trusts: HTTPS, or loopback. Elsewhere the Origin is compared with the Host.
    """
    if site is not None:
        return site not in _OWN_PAGES
    if origin is None:
        return False
    scheme, _, place = origin.lower().partition(b"://")
    port = _DEFAULT_PORTS.get(scheme, b"")
    return not place or place.removesuffix(port) != (host or b"").lower().removesuffix(port)
