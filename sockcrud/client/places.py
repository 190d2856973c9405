"""Where a server is, as people write it."""

from __future__ import annotations

import re
from typing import Final, Literal
from urllib.parse import urlsplit

from attrs import frozen

_SCHEMES: Final = {"tcp": "tcp", "http": "tcp", "tls": "tls", "ssl": "tls", "https": "tls"}
_PORTS: Final = {"http": 80, "https": 443}
_EXPECTED: Final = (
    "expected HOST:PORT, a URL such as http://127.0.0.1:5080, tls://example.org:8443 or "
    "unix:/run/users.sock, "
    "or an endpoint such as tcp:127.0.0.1:8080"
)
_HOST: Final = re.compile(r"[^\s/@:\[\]]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%\w+)?")


@frozen
class Place:
    """Where a server is: a host and its port, over TLS or not, or a path of a Unix socket."""

    kind: Literal["tcp", "tls", "unix"]
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.kind == "unix" else self.authority

    @property
    def authority(self) -> str:
        """What HTTP calls the server."""
        if self.kind == "unix":
            return "localhost"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(where: str, port: int | None = None) -> Place:
    """Return the place that is written, at `port` where it names none; raise `ValueError`, in one
    line, for what is none.
    """
    place = _url(where, port) if "://" in where else _description(where) or _authority(where, port)
    if place is None:
        shown = (
            "***" if re.search("(?i)@|pass|postgres", where) else where
        )  # a login, or a store in the wrong place
        raise ValueError(f"{shown!r} is no place of a server: {_EXPECTED}")
    return place


def _url(where: str, port: int | None) -> Place | None:
    try:
        parts = urlsplit(where)
        given = parts.port
    except ValueError:
        return None
    if parts.scheme == "unix" and not parts.netloc and parts.path:
        return Place("unix", path=parts.path)
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.username is not None:
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    found = given if given is not None else _PORTS.get(parts.scheme, port)
    return _tcp(_SCHEMES[parts.scheme], parts.hostname, None if found is None else str(found))


def _description(where: str) -> Place | None:
    """Read Twisted's descriptions of client endpoints, as far as they say where."""
    kind, colon, rest = where.partition(":")
    if not colon or kind not in ("tcp", "tls", "ssl", "unix"):
        return None
    words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r"(?:\\.|[^\\:])+", rest)]
    named = dict(word.split("=", 1) for word in words if "=" in word)
    plain = [word for word in words if "=" not in word]
    if kind == "unix":
        path = named.pop("path", None) or (plain.pop(0) if plain else "")
        return Place("unix", path=path) if path and not plain and not named else None
    host = named.pop("host", None) or (plain.pop(0) if plain else "")
    port = named.pop("port", None) or (plain.pop(0) if plain else "")
    return _tcp(_SCHEMES[kind], host, port) if not plain and not named else None


def _authority(where: str, port: int | None) -> Place | None:
    found = re.fullmatch(
        r"\[(?P<six>[^\]]+)\](?::(?P<port6>[0-9]+))?|(?P<host>[^:\[\]]*)(?::(?P<port>[0-9]+))?",
        where,
    )
    if found is None:
        return None
    given = found["port6"] or found["port"] or (None if port is None else str(port))
    return _tcp("tcp", found["six"] or found["host"] or "", given)


def of_listener(description: str) -> Place | None:
    """Return where whoever is on the same machine reaches what listens as described; None where the
    description does not say.

    A description may wrap another, as `haproxy:tcp:8080` does.
    """
    words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r"(?:\\.|[^\\:])+", description)]
    kinds = [word for word in words if word in _LISTENING]
    if not kinds:
        return None
    behind = words[words.index(kinds[0]) + 1 :]
    named = dict(word.split("=", 1) for word in behind if "=" in word)
    first = next((word for word in behind if "=" not in word), "")
    if kinds[0] == "unix":
        path = named.get("address", first)
        return Place("unix", path=path) if path else None
    host = named.get("interface", "::1" if kinds[0] == "tcp6" else "127.0.0.1")
    return _tcp(_LISTENING[kinds[0]], _NEAR.get(host, host), named.get("port", first))


_LISTENING: Final = {"tcp": "tcp", "tcp6": "tcp", "ssl": "tls", "tls": "tls", "unix": "unix"}
_NEAR: Final = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}


def _tcp(kind: str, host: str, port: str | None) -> Place | None:
    if (
        port is None
        or not re.fullmatch("[0-9]{1,5}", port)
        or not 0 < int(port) < 65536
        or not _HOST.fullmatch(host)
    ):
        return None
    return Place("tls" if kind == "tls" else "tcp", host, int(port))
