"""What records weigh: about how many bytes they take in memory, and when some of them are enough for one slice.

These are estimates from the lengths of their texts, which are the only values without a small bound. They are made at
every change, so they look at no character, and at no text that cannot be long.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from sockcrud.model import KINDS, Record, Text, describe

SLICE: Final = 500
"""Records a slice: about half a millisecond of encoding, so that nobody notices another's long list."""

SLICE_TEXT: Final = 30 * 1024
"""Bytes of text a slice, four for each character of a text that is not all ASCII. Encoding makes it up to six times as
long (a control character is `\\u0001` in JSON), which with the names of 500 records' fields are 256 KiB."""

FIXED: Final = 600
"""Bytes of a record without its texts, with its places in the table and its indexes."""

_TEXTS: Final = {kind: [name for name, bound in describe(kind).bounds.items() if isinstance(bound, Text)] for kind in KINDS}


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else 4 * len(text)


_ALL_SHORT: Final = 1_000
"""Characters of a record's texts, at most, up to which those of a whole slice are looked at together."""


def _most_text(kind: type[Record]) -> int:
    return sum(bound.longest for bound in describe(kind).bounds.values() if isinstance(bound, Text))


def _are_short(kind: type[Record]) -> bool:
    return _most_text(kind) <= _ALL_SHORT


_GETTERS: Final = {kind: [attrgetter(name) for name in names] for kind, names in _TEXTS.items()}
_SHORT: Final = frozenset(filter(_are_short, KINDS))

USUAL: Final[dict[type[Record], int]] = {kind: FIXED + _most_text(kind) // 2 for kind in _SHORT}
"""Bytes that a record takes of a kind whose texts are short: to look at each would cost more than it tells."""


LONG: Final = {
    kind: [name for name, bound in describe(kind).bounds.items() if isinstance(bound, Text) and bound.longest > _ALL_SHORT]
    for kind in KINDS
}
"""Those of a record's texts that can be long."""

_LONG: Final = {kind: tuple(map(attrgetter, names)) for kind, names in LONG.items()}


def weight(kind: type[Record], record: Record) -> int:
    """Give about the bytes that a record takes, kept by itself."""
    if usual := USUAL.get(kind):
        return usual
    bytes = FIXED
    for get in _LONG[kind]:
        text = get(record)
        bytes += len(text) if text.isascii() else 4 * len(text)
    return bytes


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
