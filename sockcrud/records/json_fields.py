"""The fields of records as JSON has them, and back: one form, which follows from what each field is
declared with.

Texts, whole numbers, flags, choices and references stand as they are. Money is a string with two
decimals, and taken as a number too; moments are ISO 8601 with an offset, days ISO. Here values
change their form only: whether they keep their constraints is checked by whoever stores them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Final

from sockcrud.errors import Invalid
from sockcrud.records import Record, describe
from sockcrud.records.constraints import INT64, Constraint, Instance, Moment, Money, Whole
from sockcrud.records.values import day, money

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
_FLAGS: Final = {"true": True, "false": False}
_LONGEST_NAME: Final = 60
"""Characters of a name that no field has, of which an error tells: it may be as long as the sender
likes.
"""

Read = Callable[[str, Any], Any]


def as_json(record: Record) -> dict[str, Any]:
    """Return a record's id, revision and fields for JSON, those that are secret left out."""
    names, values, others = _form(type(record))
    shown = dict(zip(names, values(record), strict=True))
    for name in others:
        shown[name] = json_value(shown[name])
    return shown


def json_value(value: Any) -> Any:
    """Return the value of a field as JSON has it."""
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if isinstance(value, datetime) else value


def read_fields(kind: type[Record], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that JSON names; raise `Invalid` for a name that no field has, and for what
    has the form of none.
    """
    readers = _readers(kind)
    values: dict[str, Any] = {}
    for name, value in given.items():
        read = readers.get(name)
        if read is None:
            raise unknown(name, readers)
        values[name] = read(name, value)
    return values


def read_text(kind: type[Record], name: str, text: str) -> Any:
    """Return the value of a field that is written as a text, in a query or on a command line; raise
    `Invalid`.
    """
    readers = _readers(kind)
    if name not in readers:
        raise unknown(name, readers)
    constraint = describe(kind).constraints[name]
    if isinstance(constraint, Whole):
        return whole_of_text(name, text)
    if isinstance(constraint, Instance) and constraint.type is bool:
        return _FLAGS.get(text, text)
    return readers[name](name, text)


def whole(name: str, value: Any) -> int:
    """Return a whole number, as ids and revisions are; raise `Invalid` for anything else."""
    if type(value) is not int or value not in INT64:
        raise Invalid(name, "a whole number of at most 64 bits")
    return value


def whole_of_text(name: str, text: str) -> int:
    """Return a whole number that is written as a text; raise `Invalid` for anything else."""
    return whole(name, int(text) if _WHOLE.fullmatch(text) else None)


def unknown(name: str, known: Collection[str]) -> Invalid:
    """Return the error of a name that is none of those known."""
    return Invalid(name[:_LONGEST_NAME], f"one of {', '.join(known)}" if known else "no parameters")


@cache
def _form(
    kind: type[Record],
) -> tuple[tuple[str, ...], Callable[[Record], tuple[Any, ...]], tuple[str, ...]]:
    """Return the names of what is shown of a record, what gets their values, and which of these
    JSON has in another form.
    """
    declared = describe(kind)
    fields = {
        name: constraint
        for name, constraint in declared.constraints.items()
        if name not in declared.secrets
    }
    others = tuple(
        name for name, constraint in fields.items() if isinstance(constraint, (Money, Moment))
    )
    return ("id", "rev", *fields), attrgetter("id", "rev", *fields), others


@cache
def _readers(kind: type[Record]) -> dict[str, Read]:
    return {name: reader(constraint) for name, constraint in describe(kind).constraints.items()}


def reader(constraint: Constraint) -> Read:
    """Return what reads the value of a field that is declared like this, given its name and what
    JSON has.
    """
    if isinstance(constraint, Money):
        return money
    if isinstance(constraint, Moment):
        return _moment
    if isinstance(constraint, Instance) and constraint.type is date:
        return day
    return _as_it_is


def _as_it_is(name: str, value: Any) -> Any:
    return value


def _moment(name: str, value: Any) -> Any:
    """Return the moment that an ISO 8601 text with an offset names; anything else as it is, for its
    constraint to refuse.
    """
    try:
        moment = datetime.fromisoformat(
            value[:-1] + "+00:00" if value.endswith(("Z", "z")) else value
        )
        return moment.astimezone(timezone.utc) if moment.utcoffset() is not None else value
    except (
        AttributeError,
        TypeError,
        ValueError,
        OverflowError,
    ):  # no text, no moment, none of these thousands of years
        return value
