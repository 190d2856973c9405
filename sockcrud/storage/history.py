"""The latest changes, for `changes(since)`: bounded in their number and in their bytes, the oldest
forgotten first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import Any, Final

from sockcrud.errors import HistoryGone
from sockcrud.records import Record, describe
from sockcrud.storage.contract import Change
from sockcrud.storage.memory.hidden import Ids
from sockcrud.storage.weights import USUAL, weight

HISTORY: Final = 100_000
"""Changes that are kept, if their bytes are not too many."""

CHANGE_BYTES: Final = 150
"""What a change takes without its record."""

_AT_ONCE: Final = 1_000
"""Changes more than have come that are forgotten in one go: less than a millisecond."""

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
        """Each a change; or several deletions of a kind, one after the other: their last revision,
        and a list of their ids.
        """
        self._among_others = 0  # changes that have no place of their own in the list, but share one
        # the places before it are empty: to take the front off a list costs as much as the rest is
        # long
        self._first = 0

    def add(self, changes: Iterable[_Fields]) -> None:
        """Keep these changes, the latest, but those that never show."""
        before = len(self._changes)
        for change in changes:
            _, kind, _, record = change
            if describe(kind).journaled:
                self._changes.append(change)
                self.bytes += CHANGE_BYTES + (
                    0 if record is None else USUAL[kind] or weight(kind, record)
                )
        if (
            self.bytes > self._most_bytes
            or len(self._changes) - self._first + self._among_others > self._most
        ):
            self._forget(len(self._changes) - before + _AT_ONCE)

    def add_deleted(self, kind: type[Record], ids: Ids, rev: int) -> None:
        """Keep that these were deleted, the latest, one after the other from this revision on."""
        if not describe(kind).journaled:
            return
        first = max(0, len(ids) - min(self._most, self._most_bytes // CHANGE_BYTES))
        if first:  # with those that do not fit all before them are forgotten
            self._changes.clear()
            self.bytes, self._among_others, self.forgotten = 0, 0, rev + first - 1
        for start in range(
            first, len(ids), _AT_ONCE
        ):  # a tuple for each of 100,000 would take 20 ms
            some = list(ids[start : start + _AT_ONCE])
            self._changes.append((rev + start + len(some) - 1, kind, some, None))
            self._among_others += len(some) - 1
            self.bytes += CHANGE_BYTES * len(some)

    def join(self, later: History) -> None:
        """Let the changes that are kept there follow these. What is too much is forgotten a little
        with every change.
        """
        if later.forgotten:
            self._changes, later._changes = later._changes, self._changes
            self.bytes, self.forgotten, self._first = later.bytes, later.forgotten, later._first
            self._among_others = later._among_others
        else:
            self._changes += later._changes
            self.bytes += later.bytes
            self._among_others += later._among_others
            self._forget(_AT_ONCE)

    def let_go(self, most: int) -> bool:
        """Drop so many of the changes for good; tell whether there are others."""
        del self._changes[-most:]
        return bool(self._changes)

    def _forget(self, most: int) -> None:
        changes = self._changes
        for _ in range(most):
            if (
                self.bytes <= self._most_bytes
                and len(changes) - self._first + self._among_others <= self._most
            ):
                break
            self.forgotten, kind, ids, record = changes[self._first]
            if isinstance(ids, list):
                self._among_others -= len(ids) - 1
                self.bytes -= CHANGE_BYTES * (len(ids) - 1)
            self.bytes -= CHANGE_BYTES + (0 if record is None else weight(kind, record))
            changes[self._first] = None
            self._first += 1
        if self._first > len(changes) // 2:
            del changes[: self._first]
            self._first = 0

    def since(self, since: int, limit: int, newest: int) -> list[Change]:
        """Return the changes after a revision, at most so many; raise `HistoryGone`. `newest` is
        the latest revision.
        """
        if not self.forgotten <= since <= newest:
            raise HistoryGone(since, self.forgotten, newest)
        first = bisect_right(self._changes, since, self._first, key=itemgetter(0))
        return list(
            islice(
                chain.from_iterable(
                    map(_changes_of, self._changes[first : first + limit], repeat(since))
                ),
                limit,
            )
        )


def _changes_of(fields: Any, since: int) -> Iterator[Change]:
    """Yield the change that these are the fields of, or those of the several ones after a
    revision.
    """
    rev, kind, ids, record = fields
    if not isinstance(ids, list):
        yield Change(rev, kind, ids, record)
        return
    before = rev - len(ids)
    for place in range(max(0, since - before), len(ids)):
        yield Change(before + 1 + place, kind, ids[place], None)
