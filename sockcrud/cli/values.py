"""What may be given to commands: wrong values are named, with what would be right."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from sockcrud.cli.outcomes import WrongUse

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_SHOWN: Final = 60


if TYPE_CHECKING:
    from sockcrud.app import Lazy
    from sockcrud.records import Record

    _ParamType = click.ParamType[Any]
else:  # which older versions of click cannot be told
    _ParamType = click.ParamType


class Value(_ParamType):
    """Something that is written in one way. `convert` is given a text, or what it has made of
    one.
    """

    def refuse(self, expected: str, value: object, param: click.Parameter | None) -> NoReturn:
        """End with the line that names the value, and where it was given."""
        shown = repr(value)
        shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
        raise WrongUse(f"{_called(param)}: expected {expected}, got {shown}")


def _called(param: click.Parameter | None) -> str:
    if param is None:
        return "the value"
    return (
        max(param.opts, key=len)
        if isinstance(param, click.Option)
        else param.human_readable_name.strip("[]")
    )


class Whole(Value):
    """A whole number, of 64 bits unless it is told otherwise."""

    name = "number"

    def __init__(self, low: int | None = None) -> None:
        self._low = low

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        number = read_whole(value)
        if number is None or not (-(2**63) if self._low is None else self._low) <= number < 2**63:
            which = "of at most 64 bits" if self._low is None else f"from {self._low}"
            self.refuse(f"a whole number {which}", value, param)
        return number


def read_whole(text: str) -> int | None:
    """Return the whole number that is written; None for what is none."""
    return int(text) if _WHOLE.fullmatch(text) else None


class FieldOf(Value):
    """What a field of a record may hold: a text, a whole number, an amount, a day or a word, as the
    record declares it.
    """

    def __init__(self, record: Lazy[type[Record]], field: str) -> None:
        self.name = field
        self._record = record
        self._field = field

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from sockcrud.cli.records import declared  # late: completion needs no model

        constraint = declared.constraint(self._record, self._field)
        meant = declared.parsed(constraint, value) if isinstance(value, str) else value
        if not constraint.fits(meant):
            self.refuse(constraint.expects, value, param)
        return meant


class Sendable(Value):
    """A text that can be sent, whatever the server says to it."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            value.encode()
        except UnicodeEncodeError:
            self.refuse("a text in UTF-8", value, param)
        return str(value)


class Day(Value):
    """A day, as ISO 8601 writes it."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        day = read_day(value)
        if day is None:
            self.refuse("a day like 2024-11-01", value, param)
        return day


def read_day(text: str) -> date | None:
    """Return the day that is written as ISO 8601 has it; None for what is none, such as the 30th of
    February.
    """
    with suppress(ValueError):
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    return None


class Seconds(Value):
    """A time in seconds."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number <= 86_400:
            self.refuse("seconds, more than 0 and up to 86400", value, param)
        return number


ID: Final = Whole()
LIMIT: Final = Whole(1)
REVISION: Final = Whole(0)
TEXT: Final = Sendable()
