"""What the servers' answers tell of, in Python's types. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, TypeVar

from attrs import frozen

T = TypeVar("T")


@frozen
class User:
    """A user, as `users` has them."""

    id: int
    name: str
    email: str
    age: int
    created_at: datetime
    updated_at: datetime


@frozen
class Message:
    """A message, as `messages` has them."""

    id: int
    data: str


@frozen
class Client:
    """A client of the shop. `rev` is its revision, where the answer told it: that about one client does."""

    id: int
    name: str
    email: str
    cpf: str
    balance: Decimal
    rev: int | None = None


@frozen
class Address:
    """Where a client of the shop lives."""

    id: int
    client_id: int
    state: str
    city: str
    street: str
    number: int
    cep: str


@frozen
class Product:
    """A product of the shop. `status` tells whether it is sold; `rev` is as in `Client`."""

    id: int
    name: str
    description: str
    quantity: int
    price: Decimal
    status: bool
    rev: int | None = None


@frozen
class Item:
    """So many of a product that a client of the shop bought on a day."""

    id: int
    product_id: int
    product_name: str
    number_of_items: int
    purchase_date: date


@frozen
class Colleague:
    """An account of one's company, as `way` shows it."""

    id: int
    user_name: str
    active: bool


@frozen
class Welcome:
    """What `members` says to who has logged in: 1 is an admin, 2 a user."""

    message: str
    role: int
    role_name: str


@frozen
class Member:
    """An account, as `members` shows it."""

    id: int
    email: str
    role: int
    role_name: str
    active: bool


@frozen
class ServerState:
    """How the server does, as `members` tells it."""

    status: str
    uptime: timedelta
    active_connections: int


@frozen
class Account:
    """Who may log in, as `admin` shows it."""

    id: int
    rev: int
    login: str
    role: str
    company_id: int
    active: bool


@frozen
class Company:
    """A company, whose accounts see each other."""

    id: int
    rev: int
    name: str
    active: bool


@frozen
class Session:
    """A login that lives. Its token is its owner's alone."""

    id: int
    account_id: int
    dialect: str
    address: str
    created_at: datetime
    used_at: datetime


@frozen
class Change:
    """What changed at a revision: what the record has become, as JSON has it, or None where it was deleted."""

    rev: int
    kind: str
    id: int
    record: Mapping[str, Any] | None


@frozen
class Health:
    """Whether all is well: which dialects listen, and whether the store can be reached."""

    good: bool
    listening: Mapping[str, bool]
    store_reachable: bool
    unknown_kinds: tuple[str, ...] = ()
    """Kinds of records that are in the store and of no app in use."""


@frozen
class Page(Generic[T]):
    """A part of a list. The rest is what comes after `next`; that is None where there is no more."""

    items: list[T]
    next: int | None
