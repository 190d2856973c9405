"""What a record declares of its fields, as the command line needs it: values out of texts, help,
and examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sockcrud.app import Lazy, resolve
from sockcrud.cli.values import read_day, read_whole
from sockcrud.records import Declaration, Record, describe
from sockcrud.records.constraints import Choice, Constraint, Instance, Moment, Money, Text, Whole

_AMOUNT: Final = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")
_FLAGS: Final = {"yes": True, "true": True, "no": False, "false": False}
_HIGHEST: Final = 2**63 - 1


def constraint(record: Lazy[type[Record]], field: str) -> Constraint:
    """Return what a field of a record may hold."""
    return kind(record).constraints[field]


def kind(record: Lazy[type[Record]]) -> Declaration:
    """Return what a record declares."""
    return describe(resolve(record))


def parsed(constraint: Constraint, text: str) -> Any:
    """Return the value that a text means for such a field; the text itself, or None, where it means
    none.
    """
    if isinstance(constraint, Instance):
        return _OF_TYPE.get(constraint.type, _nothing)(text)
    return _OF_KIND.get(type(constraint), str)(text)


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def _nothing(text: str) -> None:
    return None


_OF_KIND: Final[Mapping[type, Callable[[str], Any]]] = {
    Whole: read_whole,
    Money: _amount,
    Moment: _moment,
}
_OF_TYPE: Final[Mapping[type, Callable[[str], Any]]] = {
    date: read_day,
    bool: lambda text: _FLAGS.get(text.lower()),
}


def described(record: Lazy[type[Record]], field: str, one: str) -> str:
    """Return what help says of a field of a record, each of which is called `one`."""
    declared = kind(record)
    if field in declared.help:
        return declared.help[field]
    constraint = declared.constraints[field]
    words = constraint.expects
    if isinstance(constraint, Text):
        least = f"{constraint.shortest:,} to" if constraint.shortest else "up to"
        words = constraint.looks_like or f"{least} {constraint.longest:,} characters"
    elif isinstance(constraint, Whole):
        words = f"from {_number(constraint.low)}" + (
            f" to {_number(constraint.high)}" if constraint.high < _HIGHEST else ""
        )
    elif isinstance(constraint, Money):
        words = "such as 19.90"
    elif isinstance(constraint, Instance) and constraint.type is bool:
        words = "yes or no"
    elif isinstance(constraint, Instance) and constraint.type is date:
        words = "such as 2024-11-01"
    elif isinstance(constraint, Moment):
        words = "such as 2024-11-01T12:00:00Z"
    return f"{words}, of no other {one}" if field in declared.uniques else words


def _number(number: int) -> str:
    return f"{number:,}" if abs(number) >= 10_000 else str(number)  # below, it may be a year


def example(constraint: Constraint) -> str:
    """Return a text that means a value such a field may hold."""
    if isinstance(constraint, Choice):
        return constraint.words[0]
    if isinstance(constraint, Whole):
        return str(min(max(constraint.low, 1), constraint.high))
    for text in (*_EXAMPLES, *_in_shape(constraint)):
        if constraint.fits(parsed(constraint, text)):
            return text
    return "VALUE"


_EXAMPLES: Final = ("19.90", "2024-11-01", "2024-11-01T12:00:00Z", "yes")


def _in_shape(constraint: Constraint) -> tuple[str, ...]:
    if not isinstance(constraint, Text):
        return ()
    return (constraint.looks_like, "text", "x" * constraint.shortest)
