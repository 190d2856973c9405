"""What records weigh: about how many bytes they take in memory, and when some of them are enough for one slice.

These are estimates from the lengths of their texts, which are the only values without a small bound. They are made at
every change, so they look at no character.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from sockcrud.model import KINDS, Record, Text, describe

SLICE: Final = 500
"""Records a slice: about half a millisecond of encoding, so that nobody notices another's long list."""

SLICE_TEXT: Final = 30 * 1024
"""Bytes of text a slice, four for each character of a text that is not all ASCII. Encoding makes it up to six times as
long (a control character is `\\u0001` in JSON), which with the names of 500 records' fields are 256 KiB."""

_FIXED: Final = 300
"""Bytes of a record without its texts, and of what keeps it."""

_TEXTS: Final = {kind: [name for name, bound in describe(kind).bounds.items() if isinstance(bound, Text)] for kind in KINDS}


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else 4 * len(text)


def _weight(names: list[str]) -> Callable[[Any], int]:
    if not names:
        return lambda record: _FIXED
    values: Callable[[Any], Any] = attrgetter(*names)
    if len(names) == 1:
        return lambda record: _FIXED + _bytes(values(record))
    # Without a look at each: between the one byte that most characters take and the four that some do.
    return lambda record: _FIXED + 2 * sum(map(len, values(record)))


WEIGHTS: Final[dict[type[Record], Callable[[Any], int]]] = {kind: _weight(names) for kind, names in _TEXTS.items()}
"""What gives about the bytes that a record of the kind takes, kept by itself."""


_ALL_SHORT: Final = 1_000
"""Characters of a record's texts, at most, up to which those of a whole slice are looked at together."""


def _are_short(kind: type[Record]) -> bool:
    bounds = describe(kind).bounds.values()
    return sum(bound.longest for bound in bounds if isinstance(bound, Text)) <= _ALL_SHORT


_GETTERS: Final = {kind: [attrgetter(name) for name in names] for kind, names in _TEXTS.items()}
_SHORT: Final = frozenset(kind for kind in KINDS if _are_short(kind))


def one_slice(kind: type[Record], records: Sequence[Record]) -> int:
    """Give how many of the first of these records make a slice: one at least, and no more than `SLICE_TEXT` allows."""
    getters = _GETTERS[kind]
    if kind in _SHORT:  # as good as always they fit, and this takes a third of the time of a look at each
        together = ["".join(map(get, records)) for get in getters]
        if sum(map(len, together)) <= SLICE_TEXT and all(map(str.isascii, together)):
            return len(records)
    left = SLICE_TEXT
    for count, record in enumerate(records):
        for get in getters:
            left -= _bytes(get(record))
        if left < 0:
            return max(1, count)
    return len(records)
