"""What records weigh: about how many bytes they take in memory, and when some of them are enough
for one slice.

These are estimates from the lengths of their texts, which are the only values without a small
bound. They are made at every change, so they look at no character, and at no text that cannot be
long.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from sockcrud.records import Record, describe
from sockcrud.records.constraints import Text
from sockcrud.storage.common import PerKind

SLICE: Final = 500
"""Records a slice: about half a millisecond of encoding, so that nobody notices another's long
list.
"""

SLICE_TEXT: Final = 30 * 1024
"""Bytes of text a slice, four for each character of a text that is not all ASCII. Encoding makes it
up to six times as long (a control character is `\\u0001` in JSON), which with the names of 500
records' fields are 256 KiB."""

FIXED: Final = 600
"""Bytes of a record without its texts, with its places in the table and its indexes."""


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else 4 * len(text)


_ALL_SHORT: Final = 1_000
"""Characters of a record's texts, at most, up to which those of a whole slice are looked at
together.
"""


def _texts(kind: type[Record]) -> dict[str, Text]:
    return {
        name: constraint
        for name, constraint in describe(kind).constraints.items()
        if isinstance(constraint, Text)
    }


def _usual(kind: type[Record]) -> int:
    most = sum(text.longest for text in _texts(kind).values())
    return FIXED + most // 2 if most <= _ALL_SHORT else 0


USUAL: Final = PerKind(_usual)
"""Bytes that a record takes of a kind whose texts are short: to look at each would cost more than
it tells. 0 for others.
"""

LONG: Final = PerKind(
    lambda kind: [name for name, text in _texts(kind).items() if text.longest > _ALL_SHORT]
)
"""Those of a record's texts that can be long."""

TEXTS: Final = PerKind(lambda kind: list(_texts(kind)))
"""The names of its texts."""

_GETTERS: Final = PerKind(lambda kind: [attrgetter(name) for name in _texts(kind)])
_LONG: Final = PerKind(lambda kind: tuple(map(attrgetter, LONG[kind])))


def weight(kind: type[Record], record: Record) -> int:
    """Return about the bytes that a record takes, kept by itself."""
    if usual := USUAL[kind]:
        return usual
    bytes = FIXED
    for get in _LONG[kind]:
        text = get(record)
        bytes += len(text) if text.isascii() else 4 * len(text)
    return bytes


def one_slice(kind: type[Record], records: Sequence[Record]) -> int:
    """Return how many of the first of these records make a slice: one at least, and no more than
    `SLICE_TEXT` allows.
    """
    getters = _GETTERS[kind]
    if USUAL[
        kind
    ]:  # as good as always they fit, and this takes a third of the time of a look at each
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
