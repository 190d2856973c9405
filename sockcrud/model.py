"""The records, each defined once: its fields with their bounds, what is unique, what refers to what and goes with it.

The stores make their tables and indexes from `describe(kind)`; the operations check what comes from outside with
`checked(kind, **values)`. A record is immutable: a change makes a new one with a new `rev`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Protocol
from unicodedata import normalize

import attrs
from attrs import frozen

from sockcrud.errors import Invalid
from sockcrud.lookalikes import INVISIBLE, caseless, mixes_alphabets

INT64: Final = range(-(2**63), 2**63)


class Bound(Protocol):
    """What a field may hold. `expects` says it to people, `fits` tells whether a value does."""

    @property
    def expects(self) -> str: ...

    def fits(self, value: object) -> bool:
        """True where the value has the right type and keeps the bounds."""


@frozen
class Text:
    """A text of so many characters, without U+0000 and lone surrogates: not every store can hold them.

    One that `names` is what people tell records apart by: it has no invisible characters, and keeps its bounds also when
    it is normalized. One of `one_alphabet` does not mix those whose letters look the same.
    """

    shortest: int
    longest: int
    pattern: re.Pattern[str] | None = None
    looks_like: str = ""
    names: bool = False
    one_alphabet: bool = False

    @property
    def expects(self) -> str:
        look = f" like {self.looks_like}" if self.looks_like else ""
        sight = ", none of them invisible" if self.names else ""
        alphabet = ", not of Latin beside Cyrillic or Greek" if self.one_alphabet else ""
        return f"a text of {self.shortest} to {self.longest} characters{look}{sight}{alphabet}"

    def fits(self, value: object) -> bool:
        return type(value) is str and self._has_shape(value) and (not self.names or self._can_name(value))

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
        return self._has_shape(normalized) and not (self.one_alphabet and mixes_alphabets(normalized))


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@frozen
class Whole:
    """A whole number; True and 1.0 are none."""

    low: int
    high: int

    @property
    def expects(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def fits(self, value: object) -> bool:
        return type(value) is int and self.low <= value <= self.high


@frozen
class Money:
    """An exact amount with two decimals, from 0 and below 10^8."""

    expects: str = "an amount from 0.00 to 99999999.99 with at most two decimals"

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

    def fits(self, value: object) -> bool:
        return type(value) is datetime and value.utcoffset() is not None


@frozen
class Instance:
    """Any value of exactly one type."""

    type: type
    expects: str

    def fits(self, value: object) -> bool:
        return type(value) is self.type


@frozen
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def expects(self) -> str:
        return " or ".join(self.words)

    def fits(self, value: object) -> bool:
        return type(value) is str and value in self.words


@frozen
class Reference:
    """The id of another record. With `cascade` this record goes when that one does; without, that one cannot go."""

    kind: type[Record]
    cascade: bool


Fold = Callable[[Any], Any]


def exactly(value: Any) -> Any:
    """The fold of a unique value that is compared as it stands."""
    return value


def _field(
    bound: Bound, *, unique: Fold | None = None, indexed: bool = False, refers: Reference | None = None, soft: bool = False
) -> Any:
    return attrs.field(metadata={"bound": bound, "unique": unique, "indexed": indexed, "refers": refers, "soft": soft})


def _reference(kind: type[Record], *, cascade: bool) -> Any:
    return _field(Whole(INT64.start, INT64.stop - 1), indexed=True, refers=Reference(kind, cascade))


_MOMENT: Final = Moment()
_FLAG: Final = Instance(bool, "true or false")
_LOGIN: Final = Text(
    2,
    254,
    re.compile(r"[^\x00-\x20\x7f-\x9f\s:,]+"),
    "a name or an email, no blanks, ':' or ','",
    names=True,
    one_alphabet=True,
)
_EMAIL: Final = Text(
    5, 254, re.compile(r"[^\x00-\x20\x7f@\s]+@[^\x00-\x20\x7f@\s]+\.[^\x00-\x20\x7f@\s]+"), "name@example.org", names=True
)


@frozen(kw_only=True, weakref_slot=False)
class Record:
    """What every record has: its id, unique in its kind and never given again, and the revision of its last change."""

    id: int
    rev: int


@frozen(kw_only=True, weakref_slot=False)
class User(Record):
    """A user of docs/protocols/users.md."""

    name: str = _field(Text(1, 200))
    email: str = _field(_EMAIL)
    age: int = _field(Whole(0, 150))
    created_at: datetime = _field(_MOMENT)
    updated_at: datetime = _field(_MOMENT)


@frozen(kw_only=True, weakref_slot=False)
class Message(Record):
    """A message of docs/protocols/messages.md. Its id is the client's."""

    data: str = _field(Text(1, 10_000))


@frozen(kw_only=True, weakref_slot=False)
class Client(Record):
    """A client of the shop."""

    name: str = _field(Text(1, 100))
    email: str = _field(_EMAIL, unique=caseless)
    cpf: str = _field(Text(14, 14, re.compile(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"), "454.090.000-00"), unique=exactly)
    balance: Decimal = _field(Money())


@frozen(kw_only=True, weakref_slot=False)
class Address(Record):
    """Where a client lives."""

    client_id: int = _reference(Client, cascade=True)
    state: str = _field(Text(2, 2, re.compile(r"[A-Za-z]{2}"), "SP"))
    city: str = _field(Text(1, 100))
    street: str = _field(Text(1, 100))
    number: int = _field(Whole(1, INT64.stop - 1))
    cep: str = _field(Text(9, 9, re.compile(r"[0-9]{5}-[0-9]{3}"), "01310-100"))


@frozen(kw_only=True, weakref_slot=False)
class Product(Record):
    """A product of the shop."""

    name: str = _field(Text(1, 100, names=True), unique=exactly)
    description: str = _field(Text(0, 10_000))
    quantity: int = _field(Whole(0, INT64.stop - 1))
    price: Decimal = _field(Money())
    status: bool = _field(_FLAG)


@frozen(kw_only=True, weakref_slot=False)
class InventoryItem(Record):
    """So many of a product, bought by a client on a day."""

    client_id: int = _reference(Client, cascade=True)
    product_id: int = _reference(Product, cascade=True)
    number_of_items: int = _field(Whole(0, INT64.stop - 1))
    purchase_date: date = _field(Instance(date, "a day"))


@frozen(kw_only=True, weakref_slot=False)
class Company(Record):
    """A company: its accounts see each other, and no others."""

    name: str = _field(Text(1, 200, names=True), unique=caseless)
    active: bool = _field(_FLAG)


ADMIN: Final = "admin"
USER: Final = "user"


@frozen(kw_only=True, weakref_slot=False)
class Account(Record):
    """Who may log in, at whichever dialect."""

    login: str = _field(_LOGIN, unique=caseless)
    password_hash: str = attrs.field(repr=False, metadata=_field(Text(1, 500)).metadata)
    role: str = _field(Choice((ADMIN, USER)), indexed=True)
    company_id: int = _reference(Company, cascade=False)
    active: bool = _field(_FLAG)


@frozen(kw_only=True, weakref_slot=False)
class Session(Record):
    """A login that lives: the SHA-256 of its token, and the dialect where it works."""

    token_hash: str = attrs.field(repr=False, metadata=_field(Text(64, 64), unique=exactly).metadata)
    account_id: int = _reference(Account, cascade=True)
    dialect: str = _field(Text(1, 40))
    address: str = _field(Text(0, 200))
    created_at: datetime = _field(_MOMENT)
    used_at: datetime = _field(_MOMENT, soft=True)


@frozen(kw_only=True, weakref_slot=False)
class LoginFailures(Record):
    """Failed logins in a row for one login name from one address."""

    key: str = _field(Text(1, 600), unique=exactly)
    failures: int = _field(Whole(1, INT64.stop - 1))
    delayed_until: datetime = _field(_MOMENT)


KINDS: Final[tuple[type[Record], ...]] = (
    User,
    Message,
    Client,
    Address,
    Product,
    InventoryItem,
    Company,
    Account,
    Session,
    LoginFailures,
)
"""Every kind, what is referred to before what refers to it."""


@frozen
class Kind:
    """What a store needs to know of a kind."""

    name: str
    bounds: Mapping[str, Bound]
    uniques: Mapping[str, Fold]
    indexed: tuple[str, ...]
    references: Mapping[str, Reference]
    referred_by: tuple[tuple[type[Record], str, bool], ...]
    """(kind, field, cascade) of every reference to this kind."""
    journaled: bool
    """Whether its changes show in `changes(since)`: what only this daemon's logins need does not."""
    soft: tuple[str, ...]
    """Fields whose last change a crash may take back: nobody waits until it is on disk."""


def _declared(kind: type[Record]) -> Kind:
    fields = [field for field in attrs.fields(kind) if field.metadata]
    return Kind(
        name=kind.__name__,
        bounds={field.name: field.metadata["bound"] for field in fields},
        uniques={field.name: field.metadata["unique"] for field in fields if field.metadata["unique"]},
        indexed=tuple(field.name for field in fields if field.metadata["indexed"]),
        references={field.name: field.metadata["refers"] for field in fields if field.metadata["refers"]},
        referred_by=tuple(
            (other, field.name, field.metadata["refers"].cascade)
            for other in KINDS
            for field in attrs.fields(other)
            if field.metadata and field.metadata["refers"] and field.metadata["refers"].kind is kind
        ),
        journaled=kind not in (Session, LoginFailures),
        soft=tuple(field.name for field in fields if field.metadata["soft"]),
    )


_KINDS: Final = {kind: _declared(kind) for kind in KINDS}


def describe(kind: type[Record]) -> Kind:
    """Tell what `kind` declares."""
    return _KINDS[kind]


def as_stored(bound: Bound) -> Bound:
    """Give the bound of what is in a store already, perhaps since before what names was looked at as closely as now."""
    return attrs.evolve(bound, names=False) if isinstance(bound, Text) else bound


def checked(kind: type[Record], **values: object) -> dict[str, Any]:
    """Give the values back where each keeps the bounds of its field; raise `Invalid` for the first that does not."""
    bounds = describe(kind).bounds
    for name, value in values.items():
        if not bounds[name].fits(value):
            raise Invalid(name, bounds[name].expects)
    return values
