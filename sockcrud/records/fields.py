"""The fields that records are declared with: a constraint, and what stores and people are to know
of the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
from attrs import frozen

from sockcrud.records.constraints import (
    INT64,
    Choice,
    Constraint,
    Instance,
    Moment,
    Money,
    Text,
    Whole,
)
from sockcrud.records.lookalikes import caseless

if TYPE_CHECKING:
    from sockcrud.records import Record

T = TypeVar("T")

NOT_DECLARED: Final[Any] = object()
"""The default of a field that has none."""


class DeclarationError(TypeError):
    """A record that cannot be declared so: which class and field, what is wrong, and what would be
    right, in one line.
    """

    def __init__(self, kind: str, field: str | None, problem: str) -> None:
        super().__init__(f"{kind if field is None else f'{kind}.{field}'}: {problem}")
        self.kind = kind
        self.field = field


@frozen
class Reference:
    """The id of another record. With `cascade` this record goes when that one does; without, that
    one cannot go.
    """

    kind: type[Record]
    cascade: bool


Normalize = Callable[[Any], Any]
"""What makes the key by which a unique value is compared."""


def exactly(value: Any) -> Any:
    """Return the key of a unique value that is compared as it stands."""
    return value


@frozen
class Field:
    """What a field is declared with."""

    constraint: Constraint
    unique: Normalize | None = None
    indexed: bool = False
    refers: Reference | None = None
    soft: bool = False
    default: object = NOT_DECLARED
    secret: bool = False
    help: str = ""


DECLARED: Final = "sockcrud"
"""Where attrs keeps a `Field` in the metadata of its own."""


def _field(constraint: Constraint, default: T, secret: bool = False, **more: Any) -> T:
    declared = Field(constraint, default=default, secret=secret, **more)
    known: Any = attrs.NOTHING if default is NOT_DECLARED else default
    made: Any = attrs.field(default=known, repr=not secret, metadata={DECLARED: declared})
    field: T = (
        made  # so that a type checker compares what the class says with what the constraint holds
    )
    return field


def _normalize(unique: bool | Normalize) -> Normalize | None:
    return (exactly if unique else None) if isinstance(unique, bool) else unique


def text(
    shortest: int,
    longest: int,
    pattern: str | re.Pattern[str] | None = None,
    like: str = "",
    *,
    unique: bool | Normalize = False,
    indexed: bool = False,
    names: bool = False,
    one_alphabet: bool = False,
    default: str = NOT_DECLARED,
    secret: bool = False,
    help: str = "",
) -> str:
    """Declare a text of so many characters, all of which a pattern matches; `like` shows people
    what that looks like.

    `unique=True` compares as it stands, `unique=caseless` whatever the case; what is unique so also
    `names`.
    """
    matched = re.compile(pattern) if isinstance(pattern, str) else pattern
    constraint = Text(shortest, longest, matched, like, names or unique is caseless, one_alphabet)
    return _field(
        constraint, default, secret, unique=_normalize(unique), indexed=indexed, help=help
    )


def whole(
    low: int,
    high: int,
    *,
    unique: bool = False,
    indexed: bool = False,
    default: int = NOT_DECLARED,
    secret: bool = False,
    help: str = "",
) -> int:
    """Declare a whole number from `low` to `high`, both of which are held."""
    return _field(
        Whole(low, high), default, secret, unique=_normalize(unique), indexed=indexed, help=help
    )


def money(
    *,
    indexed: bool = False,
    default: Decimal = NOT_DECLARED,
    secret: bool = False,
    help: str = "",
) -> Decimal:
    """Declare an exact amount with two decimals, from 0 and below 10^8."""
    return _field(Money(), default, secret, indexed=indexed, help=help)


def moment(
    *,
    indexed: bool = False,
    soft: bool = False,
    default: datetime = NOT_DECLARED,
    secret: bool = False,
    help: str = "",
) -> datetime:
    """Declare a point in time. A crash may take back the last change of a `soft` one: nobody waits
    until it is on disk.
    """
    return _field(Moment(), default, secret, indexed=indexed, soft=soft, help=help)


def day(
    *,
    unique: bool = False,
    indexed: bool = False,
    default: date = NOT_DECLARED,
    secret: bool = False,
    help: str = "",
) -> date:
    """Declare a day."""
    return _field(
        Instance(date, "a day"),
        default,
        secret,
        unique=_normalize(unique),
        indexed=indexed,
        help=help,
    )


def flag(
    *,
    indexed: bool = False,
    default: bool = NOT_DECLARED,
    secret: bool = False,
    help: str = "",
) -> bool:
    """Declare what is either true or false."""
    return _field(Instance(bool, "true or false"), default, secret, indexed=indexed, help=help)


def choice(
    *words: str,
    indexed: bool = False,
    default: str = NOT_DECLARED,
    secret: bool = False,
    help: str = "",
) -> str:
    """Declare one of these words."""
    return _field(Choice(words), default, secret, indexed=indexed, help=help)


_EMAIL: Final = Text(
    5,
    254,
    re.compile(r"[^\x00-\x20\x7f@\s]+@[^\x00-\x20\x7f@\s]+\.[^\x00-\x20\x7f@\s]+"),
    "name@example.org",
    names=True,
)


def email(
    *,
    unique: bool | Normalize = False,
    indexed: bool = False,
    default: str = NOT_DECLARED,
    secret: bool = False,
    help: str = "",
) -> str:
    """Declare an address of the form something@something.something."""
    return _field(_EMAIL, default, secret, unique=_normalize(unique), indexed=indexed, help=help)


def reference(kind: type[Record], *, cascade: bool = False, help: str = "") -> int:
    """Declare the id of a record of a kind, by which lists can be asked for.

    With `cascade` this record goes when that one does; without, that one cannot go while this is
    there.
    """
    none: int = NOT_DECLARED
    return _field(
        Whole(INT64.start, INT64.stop - 1),
        none,
        indexed=True,
        refers=Reference(kind, cascade),
        help=help,
    )
