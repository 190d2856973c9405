"""The latest changes, for `changes(since)`: bounded in their number and in their bytes, the oldest forgotten first."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Final

from sockcrud.errors import HistoryGone
from sockcrud.model import KINDS, Record, describe
from sockcrud.stores.interfaces import Change
from sockcrud.stores.weights import USUAL, weight

HISTORY: Final = 100_000
"""Changes that are kept, if their bytes are not too many."""

CHANGE_BYTES: Final = 150
"""What a change takes without its record."""

_AT_ONCE: Final = 1_000
"""Changes more than have come that are forgotten in one go: less than a millisecond."""

_JOURNALED: Final = frozenset(kind for kind in KINDS if describe(kind).journaled)

_Fields = tuple[int, type[Record], int, "Record | None"]
"""The fields of a `Change`, which is made when it is asked for."""


class History:
    """What has changed after the revision `forgotten`."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.forgotten = 0
        self.bytes = 0
        self._most = most
        self._most_bytes = most_bytes
        self._changes: list[Any] = []
        self._first = 0  # the places before it are empty: to take the front off a list costs as much as the rest is long

    def add(self, changes: Iterable[_Fields]) -> None:
        """Keep these changes, the latest, but those that never show."""
        before = len(self._changes)
        for change in changes:
            _, kind, _, record = change
            if kind in _JOURNALED:
                self._changes.append(change)
                self.bytes += CHANGE_BYTES + (0 if record is None else USUAL.get(kind) or weight(kind, record))
        if self.bytes > self._most_bytes or len(self._changes) - self._first > self._most:
            self._forget(len(self._changes) - before + _AT_ONCE)

    def join(self, later: History) -> None:
        """Let the changes that are kept there follow these. What is too much is forgotten a little with every change."""
        if later.forgotten:
            self._changes, later._changes = later._changes, self._changes
            self.bytes, self.forgotten, self._first = later.bytes, later.forgotten, later._first
        else:
            self._changes += later._changes
            self.bytes += later.bytes
            self._forget(_AT_ONCE)

    def let_go(self, most: int) -> bool:
        """Drop so many of the changes for good; tell whether there are others."""
        del self._changes[-most:]
        return bool(self._changes)

    def _forget(self, most: int) -> None:
        changes = self._changes
        for _ in range(most):
            if self.bytes <= self._most_bytes and len(changes) - self._first <= self._most:
                break
            self.forgotten, kind, _, record = changes[self._first]
            self.bytes -= CHANGE_BYTES + (0 if record is None else weight(kind, record))
            changes[self._first] = None
            self._first += 1
        if self._first > len(changes) // 2:
            del changes[: self._first]
            self._first = 0

    def since(self, since: int, limit: int, newest: int) -> list[Change]:
        """Give the changes after a revision, at most so many; raise `HistoryGone`. `newest` is the latest revision."""
        if not self.forgotten <= since <= newest:
            raise HistoryGone(since, self.forgotten, newest)
        first = bisect_right(self._changes, since, self._first, key=itemgetter(0))
        return [Change(*fields) for fields in self._changes[first : first + limit]]
