"""Constraints: what the fields of records may hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from decimal import Decimal
from operator import attrgetter
from typing import Any, ClassVar, Final, Protocol
from unicodedata import normalize

import attrs
from attrs import frozen

from sockcrud.records.lookalikes import INVISIBLE, mixes_alphabets

INT64: Final = range(-(2**63), 2**63)

LONGEST_KEY: Final = 600
"""Characters of a text that is looked for. PostgreSQL's indexes take 2,704 bytes, and a character
has up to four.
"""

LONGEST_NORMALIZED: Final = 500
"""The same of a text that is looked for by a key: there are characters with five bytes in it."""


class Constraint(Protocol):
    """What a field may hold. `expects` says it to people, `fits` tells whether a value does."""

    @property
    def expects(self) -> str: ...

    @property
    def type(self) -> type:
        """The type that its values have, exactly."""

    @property
    def problem(self) -> str | None:
        """Why no value can ever fit, or None."""

    def fits(self, value: object) -> bool:
        """Return whether a value has the right type and keeps the constraint."""


@frozen
class Text:
    """A text of so many characters, without U+0000 and lone surrogates: not every store can hold
    them.

    One that `names` is what people tell records apart by: it has no invisible characters, and keeps
    its length also when it is normalized. One of `one_alphabet` does not mix those whose letters
    look the same.
    """

    shortest: int
    longest: int
    pattern: re.Pattern[str] | None = None
    looks_like: str = ""
    names: bool = False
    one_alphabet: bool = False
    type: ClassVar = str

    @property
    def expects(self) -> str:
        look = f" like {self.looks_like}" if self.looks_like else ""
        sight = ", none of them invisible" if self.names else ""
        alphabet = ", not of Latin beside Cyrillic or Greek" if self.one_alphabet else ""
        length = (
            str(self.longest)
            if self.shortest == self.longest
            else f"{self.shortest} to {self.longest}"
        )
        return f"a text of {length} characters{look}{sight}{alphabet}"

    @property
    def problem(self) -> str | None:
        if (
            _are_whole(self.shortest, self.longest)
            and 0 <= self.shortest <= self.longest
            and self.longest > 0
        ):
            return None
        return (
            f"text({self.shortest!r}, {self.longest!r}) holds nothing: name the fewest and "
            f"the most characters, as text(1, 200)"
        )

    def fits(self, value: object) -> bool:
        return (
            type(value) is str
            and self._has_shape(value)
            and (not self.names or self._can_name(value))
        )

    def _has_shape(self, text: str) -> bool:
        return (
            self.shortest <= len(text) <= self.longest
            and not _UNSTORABLE.search(text)
            and (self.pattern is None or self.pattern.fullmatch(text) is not None)
        )

    def _can_name(self, text: str) -> bool:
        if INVISIBLE.search(text):
            return False
        if text.isascii():
            return True
        normalized = normalize("NFKC", text)
        return self._has_shape(normalized) and not (
            self.one_alphabet and mixes_alphabets(normalized)
        )


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _are_whole(*numbers: object) -> bool:
    return all(type(number) is int for number in numbers)


@frozen
class Whole:
    """A whole number; True and 1.0 are none."""

    low: int
    high: int
    type: ClassVar = int

    @property
    def expects(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    @property
    def problem(self) -> str | None:
        if (
            _are_whole(self.low, self.high)
            and self.low <= self.high
            and self.low in INT64
            and self.high in INT64
        ):
            return None
        return (
            f"whole({self.low!r}, {self.high!r}): name the lowest and the highest number, of "
            f"64 bits, as whole(0, 150)"
        )

    def fits(self, value: object) -> bool:
        return type(value) is int and self.low <= value <= self.high


@frozen
class Money:
    """An exact amount with two decimals, from 0 and below 10^8."""

    expects: str = "an amount from 0.00 to 99999999.99 with at most two decimals"
    problem: ClassVar = None
    type: ClassVar = Decimal

    def fits(self, value: object) -> bool:
        return (
            type(value) is Decimal
            and value.is_finite()
            and not value.is_signed()  # there is a -0, and not every store gives it back
            and value < 10**8
            and value == round(value, 2)
        )


@frozen
class Moment:
    """A point in time, which a date and a time without their zone are not."""

    expects: str = "a moment with a time zone"
    problem: ClassVar = None
    type: ClassVar = datetime

    def fits(self, value: object) -> bool:
        return type(value) is datetime and value.utcoffset() is not None


@frozen
class Instance:
    """Any value of exactly one type."""

    type: type
    expects: str
    problem: ClassVar = None

    def fits(self, value: object) -> bool:
        return type(value) is self.type


@frozen
class Choice:
    """One of a few words."""

    words: tuple[str, ...]
    type: ClassVar = str

    @property
    def expects(self) -> str:
        return " or ".join(self.words)

    @property
    def problem(self) -> str | None:
        word = Text(1, LONGEST_KEY)
        if (
            self.words
            and all(map(word.fits, self.words))
            and len(set(self.words)) == len(self.words)
        ):
            return None
        return f"choice{self.words!r}: name the words, each once, as choice('new', 'used')"

    def fits(self, value: object) -> bool:
        return type(value) is str and value in self.words


def as_stored(constraint: Constraint) -> Constraint:
    """Return the constraint of what is in a store already, perhaps since before names were looked
    at as closely as now.
    """
    return attrs.evolve(constraint, names=False) if isinstance(constraint, Text) else constraint


def all_fit(constraint: Constraint, values: Sequence[Any]) -> bool:
    """Return whether each of the values fits, which are one at least: in a fifth of the time that
    they take one by one, as a store with a million records is read.
    """
    if set(map(type, values)) != {constraint.type}:
        return False
    if isinstance(constraint, Whole):
        return bool(constraint.low <= min(values) and max(values) <= constraint.high)
    if isinstance(constraint, Text) and not constraint.names:
        lengths, pattern = list(map(len, values)), constraint.pattern
        return (
            constraint.shortest <= min(lengths)
            and max(lengths) <= constraint.longest
            and _can_be_stored("".join(values))
            and (pattern is None or all(map(pattern.fullmatch, values)))
        )
    if isinstance(constraint, Moment) and all(
        type(zone) is timezone for zone in set(map(_ZONE, values))
    ):
        return True  # which has an offset at any time
    return isinstance(constraint, Instance) or all(map(constraint.fits, values))


_ZONE: Final = attrgetter("tzinfo")


def _can_be_stored(text: str) -> bool:
    return "\0" not in text if text.isascii() else _UNSTORABLE.search(text) is None
