"""The ids of a table that are there and are not to be seen, yet or any more, and reading in the
order of the ids without them.

They come in runs, which are found by bisection: a page costs no more with a million of them than
without.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, Union

from sortedcontainers import SortedList

from sockcrud.storage.contract import R, Where

if TYPE_CHECKING:
    from sockcrud.storage.memory.tables import Table

MANY: Final = 4096
"""Ids from which on a plain list moves more memory at each change in its middle than a sorted list
takes time.
"""

Ids = Union[list[int], "SortedList[int]"]


def fitting(ids: list[int]) -> Ids:
    """Return the ids, which are in order, as what suits their number."""
    return SortedList(ids) if len(ids) > MANY else ids


def index(ids_by: dict[Any, Ids], value: Any, id: int) -> None:
    """Put an id into an index."""
    ids = ids_by.setdefault(value, [])
    if isinstance(ids, list):
        insort(ids, id)
        if len(ids) > MANY:
            ids_by[value] = fitting(ids)
    else:
        ids.add(id)


def unindex(ids_by: dict[Any, Ids], value: Any, id: int) -> None:
    """Take an id out of an index."""
    ids = ids_by[value]
    if isinstance(ids, list):
        del ids[bisect_left(ids, id)]
    else:
        ids.remove(id)
    if not ids:
        del ids_by[value]


class Hidden(Generic[R]):
    """The ids of the records of a table whose revision is this one or above, all of them and by
    indexed fields.
    """

    since: Final = 0
    """Nobody sees them, whenever they began to read."""

    def __init__(self, base: int, indexed: Sequence[str]) -> None:
        self.base = base
        self.ids: SortedList[int] = SortedList()
        self.indexes: dict[str, dict[Any, Ids]] = {name: {} for name in indexed}

    def follow(self, before: R | None, after: R | None) -> None:
        """Take in that the table has `after` where it had `before`."""
        if before is not None and before.rev >= self.base:
            self.ids.remove(before.id)
            for name, ids_by in self.indexes.items():
                unindex(ids_by, getattr(before, name), before.id)
        if after is not None and after.rev >= self.base:
            self.ids.add(after.id)
            for name, ids_by in self.indexes.items():
                index(ids_by, getattr(after, name), after.id)

    def among(self, where: Where | None) -> Ids:
        """Return those of a selection."""
        return self.ids if where is None else self.indexes[where.field].get(where.value, [])


class Dependants(Generic[R]):
    """The ids of the records of a table that have gone with what their `field` refers to, until
    they are cleared away.
    """

    def __init__(self, table: Table[R], field: str, to: int, since: int) -> None:
        self.since = since
        """The revision from which on they are gone: whoever began to read before it still sees
        them.
        """
        self._table = table
        self._field = field
        self._to = to
        self._among: dict[tuple[str, Any], Ids] = {}

    @property
    def ids(self) -> Ids:
        """Return all of them."""
        return self._table.indexes[self._field].get(self._to, [])

    def includes(self, record: R) -> bool:
        """Return whether it is one of them."""
        return bool(getattr(record, self._field) == self._to)

    def among(self, where: Where | None) -> Ids:
        """Return those of a selection. By another field than their own it is looked for once."""
        if where is None:
            return self.ids
        if where.field == self._field:
            return self.ids if where.value == self._to else []
        found = self._among.get((where.field, where.value))
        if found is None:
            mine, others = self.ids, self._table.indexes[where.field].get(where.value, [])
            fewest, name, value = (
                (mine, where.field, where.value)
                if len(mine) < len(others)
                else (others, self._field, self._to)
            )
            get, records = attrgetter(name), self._table.records
            found = fitting([id for id in fewest if get(records[id]) == value])
            self._among[where.field, where.value] = found
        return found

    def follow(self, before: R | None, after: R | None) -> None:
        """Take in that the table has `after` where it had `before`. One of them can only be cleared
        away.
        """
        if self._among and before is not None and self.includes(before):
            for (name, value), ids in self._among.items():
                if getattr(before, name) == value:
                    if isinstance(ids, list):
                        del ids[bisect_left(ids, before.id)]
                    else:
                        ids.remove(before.id)


def visible_after(ids: Ids, hidden: Ids, after: int | None, size: int) -> list[int]:
    """Return the first `size` of the ids above `after` that are not among the hidden ones, all of
    which are among the ids.
    """
    found: list[int] = []
    place, skipped = places_after(ids, after), places_after(hidden, after)
    while len(found) < size and place < len(ids):
        if skipped == len(hidden):
            found += _some(ids, place, place + size - len(found))
            break
        next_hidden = hidden[skipped]
        if ids[place] != next_hidden:
            upto = min(_place(ids, next_hidden), place + size - len(found))
            found += _some(ids, place, upto)
            place = upto
            continue
        run = _length_of_run(ids, place, hidden, skipped)
        place, skipped = place + run, skipped + run
    return found


def _some(ids: Ids, start: int, stop: int) -> list[int]:
    return list(ids[start : min(stop, len(ids))])


def _length_of_run(ids: Ids, place: int, hidden: Ids, skipped: int) -> int:
    """Return for how many places from these on both are the same: all hidden ids are among the
    others, so it is a bisection.
    """
    low, high = 0, min(len(ids) - place, len(hidden) - skipped)
    while low < high:
        middle = (low + high + 1) // 2
        if ids[place + middle - 1] == hidden[skipped + middle - 1]:
            low = middle
        else:
            high = middle - 1
    return low


def places_after(ids: Ids, after: int | None) -> int:
    """Return how many of the ids are not above `after`."""
    if after is None:
        return 0
    return bisect_right(ids, after) if isinstance(ids, list) else int(ids.bisect_right(after))


def _place(ids: Ids, id: int) -> int:
    return bisect_left(ids, id) if isinstance(ids, list) else int(ids.bisect_left(id))
