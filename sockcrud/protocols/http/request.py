"""What comes out of the bytes of HTTP: a request with its fields, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import Factory, define, frozen


@frozen
class Refusal:
    """What was received is no request, or more than is allowed. Nothing after it can be read."""

    status: int
    explanation: str


class Fields:
    """The header fields of a request: its lines as they came, each begun and ended by CRLF. They
    are read when asked for.
    """

    __slots__ = ("_found", "_lower", "concluded", "lines")

    def __init__(self, lines: bytes = b"\r\n") -> None:
        self.lines = lines
        self.concluded: Any = None
        """What a dialect has concluded from them. It is there for the next request, too, while they
        stay the same bytes.
        """
        self._lower = lines.lower()
        self._found: dict[bytes, bytes | None] = {}

    def get(self, name: bytes) -> bytes | None:
        """Return the value of a field by its lower-case name, several joined by a comma; None where
        there is none.
        """
        try:
            return self._found[name]
        except KeyError:
            values = list(self._values(b"\r\n" + name + b":"))
            value = self._found[name] = b", ".join(values) if values else None
            return value

    def __contains__(self, name: bytes) -> bool:
        """Return whether there is a field of this lower-case name: for one that is rare, as this
        costs a tenth of its value.
        """
        return b"\r\n%b:" % name in self._lower

    def _values(self, mark: bytes) -> Iterator[bytes]:
        at = self._lower.find(mark)
        while at >= 0:
            start = at + len(mark)
            end = self._lower.index(b"\r\n", start)
            yield self.lines[start:end].strip(b" \t")
            at = self._lower.find(mark, end)


@define(eq=False)
class Request:
    """A request."""

    method: str
    path: str
    """Percent-decoded, without the query."""
    query: str = ""
    """As it came."""
    fields: Fields = Factory(Fields)
    http11: bool = True
    peer: str = ""
    has_host: bool = True
    keep_alive: bool = True
    """The peer wants the connection to go on, and nothing stands against it."""
    body: bytes = b""
    too_large: bool = False
    """The body is beyond its limit. It was not read, and the connection closes after the answer."""
    principal: Any = None
    """Who asks, once that is known."""
    sink: Any = None
    """What took the body in, where the dialect gave something for it."""

    def header(self, name: bytes) -> bytes | None:
        """Return the value of a field by its lower-case name, several joined by a comma; None where
        there is none.
        """
        return self.fields.get(name)
