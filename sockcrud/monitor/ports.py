"""Where the dialects are, and how the monitor connects to them: anew for each check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen
from twisted.internet.interfaces import IStreamClientEndpoint

from sockcrud.client import Admin, Members, Messages, Shop, Users, Way

LONGEST_ANSWER: Final = 8 * 1024 * 1024
"""What a list may have that a check looks through."""


@frozen
class Ports:
    """Makes clients. `places` has the dialects that are on, each with its place as the library takes it."""

    reactor: Any
    places: Mapping[str, str | IStreamClientEndpoint]
    timeout: float
    trust: str | None = None

    def users(self) -> Users:
        """Give a new client of `users`."""
        return Users(self.reactor, self.places["users"], **self._terms())

    def messages(self) -> Messages:
        """Give a new client of `messages`."""
        return Messages(self.reactor, self.places["messages"], **self._terms())

    def shop(self, dialect: str) -> Shop:
        """Give a new client of the shop, or of one of its services."""
        return Shop(self.reactor, self.places[dialect], **self._terms())

    def way(self) -> Way:
        """Give a new client of `way`."""
        return Way(self.reactor, self.places["way"], **self._terms())

    def members(self) -> Members:
        """Give a new client of `members`."""
        return Members(self.reactor, self.places["members"], **self._terms())

    def admin(self) -> Admin:
        """Give a new client of `admin`."""
        return Admin(self.reactor, self.places["admin"], **self._terms())

    def first_on(self, *dialects: str) -> str | None:
        """Give the first of the dialects that is on."""
        return next((dialect for dialect in dialects if dialect in self.places), None)

    def _terms(self) -> dict[str, Any]:
        return {"timeout": self.timeout, "trust": self.trust, "longest_answer": LONGEST_ANSWER}
