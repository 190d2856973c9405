"""Where the dialects are, and how the monitor connects to them: anew for each check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from attrs import frozen
from twisted.internet.interfaces import IStreamClientEndpoint

C = TypeVar("C")

LONGEST_ANSWER: Final = 8 * 1024 * 1024
"""What a list may have that a check looks through."""


@frozen
class Ports:
    """Makes clients. `places` has the dialects that are on, each with its place as the library
    takes it.
    """

    reactor: Any
    places: Mapping[str, str | IStreamClientEndpoint]
    timeout: float
    trust: str | None = None

    def client(self, kind: Callable[..., C], dialect: str) -> C:
        """Return a new client of a dialect, of this kind."""
        terms = {"timeout": self.timeout, "trust": self.trust, "longest_answer": LONGEST_ANSWER}
        return kind(self.reactor, self.places[dialect], **terms)

    def first_on(self, *dialects: str) -> str | None:
        """Return the first of the dialects that is on."""
        return next((dialect for dialect in dialects if dialect in self.places), None)
