"""The records of the systems that come with sockcrud, each defined once."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sockcrud.constraints import INT64, Choice, Constraint, Instance, Moment, Money, Text, Whole, as_stored
from sockcrud.lookalikes import caseless
from sockcrud.records import (
    Record,
    checked,
    choice,
    day,
    email,
    evolve,
    exactly,
    flag,
    moment,
    money,
    reference,
    text,
    whole,
)
from sockcrud.schema import Kind, Schema

__all__ = (
    "ADMIN",
    "IDENTITY",
    "INT64",
    "KINDS",
    "STANDARD",
    "USER",
    "Account",
    "Address",
    "Bound",
    "Choice",
    "Client",
    "Company",
    "Instance",
    "InventoryItem",
    "Kind",
    "LoginFailures",
    "Message",
    "Moment",
    "Money",
    "Product",
    "Record",
    "Session",
    "Text",
    "User",
    "Whole",
    "as_stored",
    "checked",
    "describe",
    "evolve",
    "exactly",
)

Bound = Constraint


class User(Record):
    """A user of docs/protocols/users.md."""

    name: str = text(1, 200)
    email: str = email()
    age: int = whole(0, 150)
    created_at: datetime = moment()
    updated_at: datetime = moment()


class Message(Record):
    """A message of docs/protocols/messages.md. Its id is the client's."""

    data: str = text(1, 10_000)


class Client(Record):
    """A client of the shop."""

    name: str = text(1, 100)
    email: str = email(unique=caseless)
    cpf: str = text(14, 14, r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", "454.090.000-00", unique=True)
    balance: Decimal = money()


class Address(Record):
    """Where a client lives."""

    client_id: int = reference(Client, cascade=True)
    state: str = text(2, 2, r"[A-Za-z]{2}", "SP")
    city: str = text(1, 100)
    street: str = text(1, 100)
    number: int = whole(1, INT64.stop - 1)
    cep: str = text(9, 9, r"[0-9]{5}-[0-9]{3}", "01310-100")


class Product(Record):
    """A product of the shop."""

    name: str = text(1, 100, names=True, unique=True)
    description: str = text(0, 10_000)
    quantity: int = whole(0, INT64.stop - 1)
    price: Decimal = money()
    status: bool = flag()


class InventoryItem(Record):
    """So many of a product, bought by a client on a day."""

    client_id: int = reference(Client, cascade=True)
    product_id: int = reference(Product, cascade=True)
    number_of_items: int = whole(0, INT64.stop - 1)
    purchase_date: date = day()


class Company(Record):
    """A company: its accounts see each other, and no others."""

    name: str = text(1, 200, names=True, unique=caseless)
    active: bool = flag()


ADMIN: Final = "admin"
USER: Final = "user"


class Account(Record):
    """Who may log in, at whichever dialect."""

    login: str = text(
        2,
        254,
        r"[^\x00-\x20\x7f-\x9f\s:,]+",
        "a name or an email, no blanks, ':' or ','",
        unique=caseless,
        names=True,
        one_alphabet=True,
    )
    password_hash: str = text(1, 500, secret=True)
    role: str = choice(ADMIN, USER, indexed=True)
    company_id: int = reference(Company)
    active: bool = flag()


class Session(Record, journaled=False):
    """A login that lives: the SHA-256 of its token, and the dialect where it works."""

    token_hash: str = text(64, 64, unique=True, secret=True)
    account_id: int = reference(Account, cascade=True)
    dialect: str = text(1, 40)
    address: str = text(0, 200)
    created_at: datetime = moment()
    used_at: datetime = moment(soft=True)


class LoginFailures(Record, journaled=False):
    """Failed logins in a row for one login name from one address."""

    key: str = text(1, 600, unique=True)
    failures: int = whole(1, INT64.stop - 1)
    delayed_until: datetime = moment()


IDENTITY: Final = (Company, Account, Session, LoginFailures)
"""The kinds that are there whichever apps are in use."""

STANDARD: Final = Schema((User, Message, Client, Address, Product, InventoryItem, *IDENTITY))
"""The kinds of these systems."""

KINDS: Final = STANDARD.kinds
describe: Final = STANDARD.describe
